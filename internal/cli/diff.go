package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/define"
	"weir/internal/diff"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

type diffOptions struct {
	against      string
	branch       string
	key, columns []string
	limit        int
	json, exit   bool
}

// exitDifferent is how --exit-code says that something differs.
const exitDifferent = fault.ExitData

func (a *app) diffCommand() *cobra.Command {
	var o diffOptions
	c := &cobra.Command{
		Use:   "diff TABLE",
		Short: "What differs between a table and an earlier snapshot, another environment's table, or another table",
		Long: `What differs in a table, seen from something else: rows added, removed and changed, column by column.

--against takes a snapshot of the table (its number or id, a time, run:N, previous, @-N), an environment, whose table of the
same name is read from its lake, another table, or branch:NAME. Where one word could mean two of them: snapshot:…, env:…, table:….
Rows are told apart by the table's key or --key; without one, whole rows are compared, each as often as it stands there.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.diff(c.Context(), args[0], o) })
		},
	}
	f := c.Flags()
	f.StringVar(&o.against, "against", "", "a snapshot, an environment, a table or branch:NAME (default: previous)")
	f.StringVar(&o.branch, "branch", "", "the table as a branch has it; --against is then main by default")
	f.StringSliceVar(&o.key, "key", nil, "columns that tell rows apart (default: the table's key)")
	f.StringSliceVar(&o.columns, "columns", nil, "compare these columns only")
	f.IntVar(&o.limit, "limit", 5, "rows of each kind to show, 0 for none")
	f.BoolVar(&o.json, "json", false, "print as JSON")
	f.BoolVar(&o.exit, "exit-code", false, "end with code 3 if anything differs")
	a.memoryFlag(c)
	return c
}

// side is one version of a table in a comparison.
type side struct {
	table  *lake.Table
	env    string // of another lake, "" for this one
	branch string // "" for main
}

type sideReport struct {
	Table    string    `json:"table"`
	Env      string    `json:"env,omitempty"`
	Branch   string    `json:"branch,omitempty"`
	Snapshot int64     `json:"snapshot"`
	Number   int64     `json:"number"`
	At       time.Time `json:"at"`
	Run      string    `json:"run,omitempty"`
	Rows     int64     `json:"rows"`
}

type schemaChange struct {
	Column string `json:"column"`
	Change string `json:"change"` // added, removed, renamed, type
	Was    string `json:"was,omitempty"`
	Is     string `json:"is,omitempty"`
	// ComparedAs is the type values of a changed type are compared in.
	ComparedAs string `json:"compared_as,omitempty"`
}

type diffReport struct {
	Version   int            `json:"version"`
	Was       sideReport     `json:"was"`
	Is        sideReport     `json:"is"`
	Different bool           `json:"different"`
	Schema    []schemaChange `json:"schema"`
	Rows      diff.Result    `json:"rows"`
}

func (w *workspace) diff(ctx context.Context, name string, o diffOptions) error {
	if o.limit < 0 {
		return fault.New(fault.Usage, "--limit: %d is no number of rows", o.limit)
	}
	was, is, err := w.sides(ctx, name, o)
	if err != nil {
		return err
	}
	rep, err := w.compare(ctx, was, is, o)
	if err != nil {
		return fmt.Errorf("diff %s: %w", is.table.Name(), err)
	}
	if o.json {
		err = writeJSON(w.app.out, rep)
	} else {
		w.printDiff(rep)
	}
	if err == nil && o.exit && rep.Different {
		return exitCode(exitDifferent)
	}
	return err
}

// sides finds the two that are compared.
func (w *workspace) sides(ctx context.Context, name string, o diffOptions) (was, is side, err error) {
	if o.branch == "" {
		if is.table, err = w.inLake(ctx, w.lake, name); err != nil {
			return was, is, err
		}
		was, err = w.against(ctx, is.table, o.against)
		return was, is, err
	}
	stored, err := w.lake.Tables(ctx)
	if err != nil {
		return was, is, err
	}
	name = w.spelled(name, stored)
	main, err := w.lake.Table(ctx, name) // on main it may have no snapshot yet
	if isNoTable(err) {
		err = w.noTable(name, stored)
	}
	if err != nil {
		return was, is, err
	}
	if is, err = w.against(ctx, main, "branch:"+o.branch); err != nil || o.against == "" {
		return side{table: main}, is, err
	}
	was, err = w.against(ctx, is.table, o.against)
	return was, is, err
}

// against finds what a table is compared with.
func (w *workspace) against(ctx context.Context, t *lake.Table, name string) (side, error) {
	if name == "" {
		name = "previous"
	}
	kind, rest, found := strings.Cut(name, ":")
	switch {
	case found && kind == "env":
		return w.otherSide(ctx, t.Name(), rest)
	case found && kind == "branch":
		on, err := w.lake.Branch(rest)
		if err != nil {
			return side{}, err
		}
		at, err := on.Table(ctx, t.Name())
		if err == nil && !at.HasBranch(rest) {
			err = fault.New(fault.Usage, "table %s has no branch %s", t.Name(), rest).WithHint("weir branch list")
		}
		return side{table: at, branch: rest}, err
	case found && kind == "table":
		other, err := w.inLake(ctx, w.lake, rest)
		return side{table: other}, err
	case found && kind == "snapshot":
		at, err := t.Named(ctx, rest)
		return side{table: at}, err
	}
	stored, err := w.lake.Tables(ctx)
	if err != nil {
		return side{}, err
	}
	other := w.spelled(name, stored)
	isTable, isEnv := slices.Contains(stored, other) || w.graph.Nodes[other] != nil, slices.Contains(w.project.Envs, name)
	switch {
	case isTable && isEnv:
		return side{}, fault.New(fault.Usage, "--against: %q is an environment and a table", name).WithHint("write env:%s or table:%s", name, name)
	case isEnv:
		return w.otherSide(ctx, t.Name(), name)
	case isTable:
		at, err := w.inLake(ctx, w.lake, other)
		return side{table: at}, err
	}
	at, err := t.Named(ctx, name)
	if err != nil && !snapshotForm(name) {
		return side{}, fault.New(fault.Usage, "--against: %q is no snapshot of %s, no environment and no table", name, t.Name()).
			WithHint("%s", nearest(name, slices.Concat(w.project.Envs, stored, []string{"previous"})))
	}
	return side{table: at}, err
}

// snapshotForm says whether a text can only be meant for a snapshot, so that the error about it should be one about snapshots.
func snapshotForm(text string) bool {
	return text == "previous" || strings.HasPrefix(text, "@") || strings.HasPrefix(text, "run:") || strings.Trim(text[:min(len(text), 4)], "0123456789") == ""
}

func (w *workspace) otherSide(ctx context.Context, table, env string) (side, error) {
	l, err := w.lakeOf(ctx, env)
	if err != nil {
		return side{}, err
	}
	t, err := l.Table(ctx, table)
	if isNoTable(err) {
		return side{}, fault.New(fault.Usage, "%s is not in the lake of environment %s", table, env).WithHint("weir tables --env %s lists what is", env)
	}
	if err != nil {
		return side{}, fmt.Errorf("environment %s: %w", env, err)
	}
	return side{table: t, env: env}, nil
}

// compare tells what differs between two versions.
func (w *workspace) compare(ctx context.Context, was, is side, o diffOptions) (rep diffReport, err error) {
	rep = diffReport{Version: 1, Schema: []schemaChange{}}
	if rep.Was, err = was.report(ctx); err != nil {
		return rep, err
	}
	if rep.Is, err = is.report(ctx); err != nil {
		return rep, err
	}
	oneTable := lake.OneTable(was.table, is.table)
	q := diff.Query{Columns: diff.Match(was.table.Columns(), is.table.Columns(), oneTable), Key: o.key, Only: o.columns, Samples: o.limit}
	rep.Schema = schemaChanges(q.Columns)
	if len(q.Key) == 0 {
		q.Key = w.commonKey(is.table.Name(), was.table.Name(), q.Columns)
	}
	sides, err := lake.Differing(ctx, was.table, is.table, q.Columns.Stable())
	if err != nil {
		return rep, err
	}
	q.Was, q.Is, q.Rest = sides.Was.SQL, sides.Is.SQL, sides.Rest.SQL
	s, err := w.engine.Session(ctx)
	if err != nil {
		return rep, err
	}
	defer s.Close()
	rep.Rows, err = diff.Compare(ctx, s, q)
	rep.Different = len(rep.Schema) > 0 || !rep.Rows.Same() || len(q.Columns.Pairs) == 0 && rep.Was.Rows != rep.Is.Rows
	return rep, err
}

func (s side) report(ctx context.Context) (sideReport, error) {
	r := sideReport{Table: s.table.Name(), Env: s.env, Branch: s.branch}
	if snap, ok := s.table.Snapshot(); ok {
		r.Snapshot, r.Number, r.At, r.Run = snap.ID, snap.Number, snap.At.UTC(), job.RunNumber(snap.RunID)
	}
	var err error
	r.Rows, err = s.table.RowCount(ctx)
	return r, err
}

// commonKey is the key one of two tables declares, where both have its columns; nil where there is none.
func (w *workspace) commonKey(is, was string, c diff.Columns) []string {
	for _, name := range []string{is, was} {
		n := w.graph.Nodes[name]
		if n == nil || len(n.Table.Key) == 0 {
			continue
		}
		key := rowKey(n.Table)
		if !slices.ContainsFunc(key, func(k string) bool { return !c.Has(k) }) {
			return key
		}
	}
	return nil
}

// rowKey tells the rows of a table apart: its key and, of a table that keeps versions, since when a version holds.
func rowKey(t *define.Table) []string {
	if t.Mode == define.History {
		return append(slices.Clone(t.Key), t.Versions.From)
	}
	return t.Key
}

func schemaChanges(c diff.Columns) []schemaChange {
	out := []schemaChange{}
	for _, p := range c.Pairs {
		if p.Was.Name != p.Is.Name {
			out = append(out, schemaChange{Column: p.Is.Name, Change: "renamed", Was: p.Was.Name, Is: p.Is.Name})
		}
		if p.Was.Type != p.Is.Type {
			out = append(out, schemaChange{Column: p.Is.Name, Change: "type", Was: p.Was.Type, Is: p.Is.Type, ComparedAs: p.Type})
		}
	}
	for _, col := range c.Added {
		out = append(out, schemaChange{Column: col.Name, Change: "added", Is: col.Type})
	}
	for _, col := range c.Removed {
		out = append(out, schemaChange{Column: col.Name, Change: "removed", Was: col.Type})
	}
	return out
}
