package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/lake"
	"weir/internal/source"
)

func (a *app) positionCommand() *cobra.Command {
	c := &cobra.Command{Use: "position", Short: "How far a table's reads have come: show, set, accept-server",
		Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(a.positionShow(), a.positionSet(), a.positionAccept())
	return c
}

type positionReport struct {
	Table    string           `json:"table"`
	Server   string           `json:"server,omitempty"`
	Position job.Position     `json:"position"`
	Feed     []source.Measure `json:"feed,omitempty"` // how far the feed is behind that the table follows
}

func (a *app) positionShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "show TABLE", Short: "The position of a table, split by split", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.showPosition(c.Context(), args[0], asJSON) })
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

func (w *workspace) showPosition(ctx context.Context, table string, asJSON bool) error {
	rep, err := w.positionOf(ctx, table)
	if err != nil {
		return err
	}
	if rep.Feed, err = w.lag(ctx, w.project.Tables[table]); err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.app.out, rep)
	}
	if rep.Server != "" {
		fmt.Fprintln(w.app.out, "server", rep.Server)
	}
	for _, m := range rep.Feed {
		fmt.Fprintln(w.app.out, m.Name, m.Text)
	}
	g := &grid{}
	for _, split := range keys(rep.Position) {
		g.add(split, shortened(rep.Position[split]))
	}
	g.write(w.app.out)
	if len(rep.Position) == 0 {
		fmt.Fprintln(w.app.out, "nothing read yet")
	}
	return nil
}

// shortened is a value that a person can look at: the position of a cursor tells every row at its last value.
func shortened(value string) string {
	const most = 240
	if len(value) <= most {
		return value
	}
	return strings.ToValidUTF8(value[:most], "") + fmt.Sprintf("… (%s bytes; --json prints them all)", count(int64(len(value))))
}

// lag asks the connection that a table follows how far its feed is behind; nothing for a table that follows none.
func (w *workspace) lag(ctx context.Context, t *define.Table) ([]source.Measure, error) {
	if t == nil || !follows(t) {
		return nil, nil
	}
	o, err := w.sources.connection(ctx, t.Connection)
	if err != nil {
		return nil, err
	}
	f, ok := o.(source.Follower)
	if !ok {
		return nil, nil
	}
	measures, err := f.Lag(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask connection %s how far its feed is: %w", t.Connection, err)
	}
	return measures, nil
}

// committedPosition is how far a table is in the lake; nil before its first build.
func (w *workspace) committedPosition(ctx context.Context, table string) (job.Position, error) {
	return positionIn(ctx, w.lake, table)
}

func positionIn(ctx context.Context, in *lake.Lake, table string) (job.Position, error) {
	t, err := in.Table(ctx, table)
	if isNoTable(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l, err := t.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	return l.Position, nil
}

func (w *workspace) positionOf(ctx context.Context, table string) (positionReport, error) {
	rep := positionReport{Table: table, Position: job.Position{}}
	if err := w.known(table); err != nil {
		return rep, err
	}
	t, err := w.lake.Table(ctx, table)
	if isNoTable(err) {
		return rep, nil
	}
	if err != nil {
		return rep, err
	}
	l, err := t.Ledger(ctx)
	if err != nil {
		return rep, err
	}
	rep.Server = l.Server
	for k, v := range l.Position {
		rep.Position[k] = v
	}
	return rep, nil
}

func (a *app) positionSet() *cobra.Command {
	return &cobra.Command{Use: "set TABLE SPLIT [VALUE]", Short: "Move one split of a position; without a value it is read again", Args: cobra.RangeArgs(2, 3),
		Long: `Move one split of a table's position.

A split is a file's path, as weir position show prints it. Without VALUE the split counts as changed: the next run
reads it again and replaces the rows it gave before.`,
		RunE: func(c *cobra.Command, args []string) error {
			value := "{}" // no file has this value
			if len(args) == 3 {
				value = args[2]
			}
			return a.with(c.Context(), func(w *workspace) error { return w.setPosition(c.Context(), args[0], args[1], value) })
		}}
}

func (w *workspace) setPosition(ctx context.Context, table, split, value string) error {
	rep, err := w.positionOf(ctx, table)
	if err != nil {
		return err
	}
	if w.graph.Nodes[table].Table.Kind == define.FromSQL {
		return fault.New(fault.Usage, "%s is made by SQL: its position follows its inputs", table).WithHint("weir run %s --full builds it again", table)
	}
	was, ok := rep.Position[split]
	if !ok {
		return fault.New(fault.Usage, "%s has read no %q", table, split).WithHint("%s", nearest(split, keys(rep.Position)))
	}
	return w.recorded(ctx, "position set "+table, table, func(run journal.Run) (build.Outcome, error) {
		err := w.builder().SetPosition(ctx, table, run.ID, run.Time, job.Position{split: was}, job.Position{split: value})
		if err == nil {
			fmt.Fprintf(w.app.out, "%s: %s was %s, is %s\n", table, split, was, value)
		}
		return build.Outcome{}, err
	})
}

func (a *app) positionAccept() *cobra.Command {
	return &cobra.Command{Use: "accept-server TABLE", Short: "Take the server the connection leads to now as the one the position was made on", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.acceptServer(c.Context(), args[0]) })
		}}
}

func (w *workspace) acceptServer(ctx context.Context, table string) error {
	if err := w.known(table); err != nil {
		return err
	}
	t := w.graph.Nodes[table].Table
	if t.Kind == define.FromSQL {
		return fault.New(fault.Usage, "%s is made by SQL and reads no server", table)
	}
	return w.recorded(ctx, "position accept-server "+table, table, func(run journal.Run) (build.Outcome, error) {
		was, is, err := w.builder().AcceptServer(ctx, t, run.ID, run.Time)
		if err == nil {
			fmt.Fprintf(w.app.out, "%s: server was %s, is %s\n", table, was, is)
		}
		return build.Outcome{}, err
	})
}
