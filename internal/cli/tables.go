package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/lake"
)

func (a *app) tablesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "tables", Short: "The project's tables and what the lake holds of them", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return a.with(c.Context(), func(w *workspace) error { return w.tables(c.Context(), asJSON) })
	}}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

type tableLine struct {
	Table    string     `json:"table"`
	Mode     string     `json:"mode"`
	Rows     int64      `json:"rows"`
	Files    int        `json:"files"`
	Bytes    int64      `json:"bytes"`
	Snapshot int64      `json:"snapshot,omitempty"`
	Run      string     `json:"run,omitempty"`
	Built    *time.Time `json:"built,omitempty"`
	State    string     `json:"state"` // built, not built, view, orphan or damaged
}

func (w *workspace) tables(ctx context.Context, asJSON bool) error {
	stored, err := w.lake.Tables(ctx)
	if err != nil {
		return err
	}
	lines := []tableLine{}
	for _, name := range w.graph.Order {
		l, err := w.tableLine(ctx, name)
		if err != nil {
			return err
		}
		lines = append(lines, l)
	}
	for _, name := range stored {
		if w.graph.Nodes[name] == nil {
			l, err := w.tableLine(ctx, name)
			if err != nil {
				return err
			}
			l.State = "orphan" // its definition is gone
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b tableLine) int { return compare(a.Table, b.Table) })
	if asJSON {
		return writeJSON(w.app.out, lines)
	}
	g := &grid{head: []string{"table", "mode", "rows", "files", "size", "run", "built (UTC)", "state"}}
	for _, l := range lines {
		rows, files, bytes, built := count(l.Rows), count(int64(l.Files)), size(l.Bytes), "-"
		if l.State == "view" || l.State == "not built" {
			rows, files, bytes = "-", "-", "-"
		}
		if l.Built != nil {
			built = when(*l.Built)
		}
		g.add(l.Table, l.Mode, rows, files, bytes, dash(l.Run), built, l.State)
	}
	g.write(w.app.out)
	return nil
}

func (w *workspace) tableLine(ctx context.Context, name string) (tableLine, error) {
	l := tableLine{Table: name, State: "not built"}
	if n := w.graph.Nodes[name]; n != nil {
		l.Mode = string(n.Table.Mode)
		if n.Table.Mode == define.View {
			l.State = "view"
			return l, nil
		}
	}
	t, err := w.lake.Table(ctx, name)
	switch {
	case isNoTable(err):
		return l, nil
	case ctx.Err() != nil:
		return l, ctx.Err()
	case err != nil:
		l.State = "damaged: " + err.Error()
		return l, nil
	case t.OnlyBranches():
		return l, nil
	}
	l.State = "built"
	return l, l.fill(ctx, t)
}

func (l *tableLine) fill(ctx context.Context, t *lake.Table) error {
	snap, ok := t.Snapshot()
	if !ok {
		return nil
	}
	l.Snapshot, l.Run = snap.ID, job.RunNumber(snap.RunID)
	at := snap.At.UTC()
	l.Built = &at
	files, err := t.Files(ctx)
	if err != nil {
		l.State = "damaged: " + err.Error()
		return nil
	}
	l.Files = len(files)
	_, l.Bytes = lake.Size(files)
	ledger, err := t.Ledger(ctx)
	if err != nil {
		l.State = "damaged: " + err.Error()
		return nil
	}
	if ledger.Limited > 0 {
		l.State = "limited to " + plural(ledger.Limited, "row") + " a read"
	}
	l.Rows, err = t.RowCount(ctx)
	return err
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) showCommand() *cobra.Command {
	var asJSON, history bool
	c := &cobra.Command{Use: "show TABLE", Short: "All about one table: definition, columns, snapshots, rules, rejects", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return a.with(c.Context(), func(w *workspace) error {
			if history {
				return w.showHistory(c.Context(), args[0], asJSON)
			}
			return w.show(c.Context(), args[0], asJSON)
		})
	}}
	c.Flags().BoolVar(&history, "history", false, "every snapshot, with what it did and what became of it")
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return c
}

type tableReportFull struct {
	tableLine
	File      string               `json:"file,omitempty"`
	Doc       string               `json:"description,omitempty"`
	Owner     string               `json:"owner,omitempty"`
	Key       []string             `json:"key,omitempty"`
	OrderBy   string               `json:"order_by,omitempty"`
	Track     []string             `json:"track,omitempty"`
	Deletes   string               `json:"deletes,omitempty"`
	Partition []job.PartitionField `json:"partition,omitempty"`
	Rules     []string             `json:"rules,omitempty"`
	Inputs    []string             `json:"inputs,omitempty"`
	Location  string               `json:"location,omitempty"`
	Metadata  string               `json:"metadata,omitempty"`
	Columns   []job.Column         `json:"columns,omitempty"`
	Snapshots []snapshotLine       `json:"snapshots,omitempty"`
	Rejects   rejectSummary        `json:"rejects"`
	Publish   []destinationLine    `json:"publish,omitempty"`
}

// destinationLine is a destination of a table and what the journal last says of it.
type destinationLine struct {
	To     string `json:"to"`
	Mode   string `json:"mode"`
	Status string `json:"status,omitempty"` // of the last publish
	Run    string `json:"run,omitempty"`
}

type snapshotLine struct {
	Number    int64       `json:"number,omitempty"`
	ID        int64       `json:"id"`
	Parent    int64       `json:"parent,omitempty"`
	At        time.Time   `json:"at"`
	Run       string      `json:"run,omitempty"`
	Operation string      `json:"operation"`
	Counts    *job.Counts `json:"counts,omitempty"`
	Foreign   bool        `json:"foreign,omitempty"`
	State     lake.State  `json:"state"`
	Branch    string      `json:"branch,omitempty"`
	Limited   int64       `json:"limited,omitempty"` // rows a read was cut to
}

func (w *workspace) show(ctx context.Context, name string, asJSON bool) error {
	rep, err := w.describe(ctx, name)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.app.out, rep)
	}
	w.printTable(rep)
	return nil
}

func (w *workspace) describe(ctx context.Context, name string) (rep tableReportFull, err error) {
	if rep.tableLine, err = w.tableLine(ctx, name); err != nil {
		return rep, err
	}
	n := w.graph.Nodes[name]
	if n == nil {
		if rep.State == "not built" {
			return rep, w.known(name)
		}
		rep.State = "orphan"
	} else {
		d := n.Table
		rep.Owner = d.Owner
		rep.File, rep.Doc, rep.Key, rep.OrderBy, rep.Partition, rep.Inputs = d.File, d.Description, d.Key, d.OrderBy, d.Partition, n.Inputs
		rep.Track = d.Track
		if d.Deletes != define.Ignore {
			rep.Deletes = string(d.Deletes)
		}
		for _, r := range d.Rules {
			rep.Rules = append(rep.Rules, r.Text+" ("+string(r.OnFail)+")")
		}
		if rep.Rejects, err = w.summarise(ctx, name); err != nil {
			return rep, err
		}
		if rep.Publish, err = w.destinationLines(ctx, d); err != nil {
			return rep, err
		}
	}
	t, err := w.lake.Table(ctx, name)
	if err != nil {
		if isNoTable(err) {
			return rep, nil
		}
		return rep, err
	}
	rep.Location, rep.Metadata, rep.Columns = t.Location(), t.MetadataLocation(), t.Columns()
	rep.Snapshots = snapshotLines(t)
	return rep, nil
}

// recent is how many publishes are looked through for the last one of a destination.
const recent = 200

func (w *workspace) destinationLines(ctx context.Context, t *define.Table) (out []destinationLine, err error) {
	if len(t.Publish) == 0 {
		return nil, nil
	}
	j, err := w.openJournal(ctx)
	if err != nil {
		return nil, err
	}
	publishes, err := j.PublishesOf(ctx, t.Name, recent)
	if err != nil {
		return nil, err
	}
	for _, to := range t.Publish {
		l := destinationLine{To: to.To, Mode: string(to.Mode)}
		for _, p := range publishes {
			if p.Destination == to.To {
				l.Status, l.Run = string(p.Status), job.RunNumber(p.RunID)
				break
			}
		}
		out = append(out, l)
	}
	return out, nil
}

func (l destinationLine) text() string {
	if l.Status == "" {
		return l.To + " (" + l.Mode + "): not yet"
	}
	if l.Status == string(journal.PublishSkipped) {
		return l.To + " (" + l.Mode + "): up to date in run " + l.Run
	}
	return l.To + " (" + l.Mode + "): " + l.Status + " in run " + l.Run
}

func (w *workspace) printTable(r tableReportFull) {
	g := &grid{}
	line := func(label, value string) {
		if value != "" {
			g.add(label, value)
		}
	}
	line("table", r.Table)
	line("defined in", r.File)
	line("about", r.Doc)
	line("owner", r.Owner)
	line("mode", r.Mode)
	line("key", list(r.Key))
	line("order by", r.OrderBy)
	line("track", list(r.Track))
	line("deletes", r.Deletes)
	line("reads", list(r.Inputs))
	line("state", r.State)
	if r.Location != "" {
		line("rows", fmt.Sprintf("%s in %s, %s", count(r.Rows), plural(int64(r.Files), "file"), size(r.Bytes)))
		line("lies in", r.Location)
		line("metadata", r.Metadata)
	}
	for _, rule := range r.Rules {
		line("rule", rule)
	}
	if s := r.Rejects; s.Rejected+s.Quarantined+s.Failed > 0 {
		line("rejects", fmt.Sprintf("%s rejected, %s quarantined, %s of a failed run", count(s.Rejected), count(s.Quarantined), count(s.Failed)))
	}
	for _, p := range r.Publish {
		line("publish", p.text())
	}
	g.write(w.app.out)
	if len(r.Columns) > 0 {
		fmt.Fprintln(w.app.out, "\ncolumns")
		c := &grid{}
		for _, col := range r.Columns {
			c.add("  "+col.Name, col.Type, col.Doc)
		}
		c.write(w.app.out)
	}
	if len(r.Snapshots) > 0 {
		fmt.Fprintln(w.app.out, "\nsnapshots, latest first")
		w.printSnapshots(r.Snapshots, 10)
	}
}

func list(names []string) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += n
	}
	return out
}
