package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/model"
	"weir/internal/source"
)

type queryOptions struct {
	format, asOf, output string
	branch, deferred     string
	limit                int
}

func (a *app) queryCommand() *cobra.Command {
	var o queryOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask the lake with SQL: its tables and the project's views, nothing else",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON {
				o.format = "json"
			}
			return a.onBranch(c.Context(), o.branch, func(w *workspace) error {
				if err := w.deferTo(c.Context(), o.deferred); err != nil {
					return err
				}
				return w.query(c.Context(), args[0], o)
			})
		},
	}
	c.Flags().StringVar(&o.format, "format", "table", "table, csv, json or parquet")
	c.Flags().BoolVar(&asJSON, "json", false, "the same as --format json")
	c.Flags().StringVar(&o.asOf, "as-of", "", "the tables as they were: a time (2026-03-05 or RFC 3339), run:N, a snapshot, or TABLE@SNAPSHOT")
	branchFlag(c, &o.branch)
	deferFlag(c, &o.deferred)
	c.Flags().StringVarP(&o.output, "output", "o", "-", "file to write, - for standard output")
	c.Flags().IntVar(&o.limit, "limit", 100, "rows that --format table shows, 0 for all")
	a.memoryFlag(c)
	return c
}

func (w *workspace) query(ctx context.Context, sql string, o queryOptions) error {
	write, ok := map[string]func(context.Context, *duckdb.Session, string, queryOptions) error{
		"table": w.queryTable, "csv": w.queryCopy, "json": w.queryCopy, "parquet": w.queryCopy,
	}[o.format]
	if !ok {
		return fault.New(fault.Usage, "--format: %q is not known", o.format).WithHint("table, csv, json or parquet")
	}
	if sql == "-" {
		text, err := io.ReadAll(w.app.in)
		if err != nil {
			return fault.New(fault.Usage, "read query: %w", err)
		}
		sql = string(text)
	}
	s, err := w.engine.Session(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	params := w.params()
	if err := w.inputViews(ctx, s, sql, o.asOf, params); err != nil {
		return err
	}
	return write(ctx, s, model.Bind(strings.TrimRight(strings.TrimSpace(sql), ";"), params), o)
}

// inputViews makes what a query names readable in the session, and refuses what is not a table of the lake or a view of
// the project.
func (w *workspace) inputViews(ctx context.Context, s *duckdb.Session, sql, asOf string, params job.Params) error {
	st, err := model.Read(ctx, s, sql, w.graph.Macros, model.AllowClock())
	if err != nil {
		return err
	}
	q := &queried{w: w, builder: w.building(nil), tables: map[string]*lake.Table{}, done: map[string]bool{}}
	if q.stored, err = w.lake.Tables(ctx); err != nil {
		return err
	}
	for _, in := range append(st.Inputs, w.graph.MacroInputs(st.Macros)...) {
		if err := q.add(ctx, in.Name); err != nil {
			return err
		}
	}
	if err := w.asOf(ctx, q.tables, asOf); err != nil {
		return err
	}
	_, err = q.builder.Views(ctx, s, q.inputs, q.tables, params)
	return err
}

// queried collects what a query reads.
type queried struct {
	w       *workspace
	builder *build.Builder
	stored  []string // tables of the lake
	tables  map[string]*lake.Table
	inputs  []build.Input
	done    map[string]bool
}

func (q *queried) add(ctx context.Context, name string) error {
	name = q.w.spelled(name, q.stored)
	if q.done[name] {
		return nil
	}
	q.done[name] = true
	if n := q.w.graph.Nodes[name]; n != nil && n.Table.Mode == define.View {
		for _, in := range n.Inputs {
			if err := q.add(ctx, in); err != nil {
				return err
			}
		}
		q.inputs = append(q.inputs, build.Input{Name: name, View: n.Table.SQL})
		return nil
	}
	t, elsewhere, err := q.builder.Input(ctx, name)
	if isNoTable(err) {
		return q.w.noTable(name, q.stored)
	}
	if err != nil {
		return err
	}
	if elsewhere != nil {
		fmt.Fprintln(q.w.app.err, deferredText(*elsewhere))
	}
	q.tables[name] = t
	q.inputs = append(q.inputs, build.Input{Name: name})
	return nil
}

// params are the project's vars, and the time now where a run would have its logical time.
func (w *workspace) params() job.Params {
	p := job.Params{"run_time": time.Now().UTC().Truncate(time.Microsecond)}
	for k, v := range w.project.Vars {
		p[k] = v
	}
	return p
}

// spelled finds a name as the lake or the project spells it: case does not count in SQL.
func (w *workspace) spelled(name string, stored []string) string {
	for _, other := range append(keys(w.graph.Nodes), stored...) {
		if strings.EqualFold(other, name) {
			return other
		}
	}
	return name
}

func (w *workspace) noTable(name string, stored []string) error {
	if w.graph.Nodes[name] != nil {
		return fault.New(fault.Usage, "table %s has not been built yet", name).WithHint("weir run +%s", name)
	}
	return fault.New(fault.Usage, "table %s is neither in the lake nor a view of the project", name).
		WithHint("%s · weir tables lists them", nearest(name, append(keys(w.graph.Nodes), stored...)))
}

// queryTable prints rows in columns.
func (w *workspace) queryTable(ctx context.Context, s *duckdb.Session, sql string, o queryOptions) error {
	cols, err := s.Describe(ctx, sql)
	if err != nil {
		return err
	}
	items := make([]string, len(cols))
	g := &grid{}
	for i, c := range cols {
		items[i] = "#" + strconv.Itoa(i+1) + "::VARCHAR"
		g.head = append(g.head, c.Name)
	}
	text := "SELECT " + strings.Join(items, ", ") + " FROM (" + sql + "\n)"
	if o.limit > 0 {
		text += " LIMIT " + strconv.Itoa(o.limit+1)
	}
	rows, err := s.Strings(ctx, text)
	if err != nil {
		return err
	}
	more := o.limit > 0 && len(rows) > o.limit
	if more {
		rows = rows[:o.limit]
	}
	for _, r := range rows {
		g.add(cells(r)...)
	}
	out, done, err := w.outputTo(o.output)
	if err != nil {
		return err
	}
	g.write(out)
	if more {
		fmt.Fprintf(w.app.err, "… more than %s rows; --limit 0 shows all\n", count(int64(o.limit)))
	}
	return done()
}

func cells(row []source.Text) []string {
	out := make([]string, len(row))
	for i, t := range row {
		out[i] = strings.ReplaceAll(t.Value, "\n", "\\n")
		if !t.Valid {
			out[i] = "NULL"
		}
	}
	return out
}

// queryCopy lets the engine write a file, in bounded memory, and hands it on.
func (w *workspace) queryCopy(ctx context.Context, s *duckdb.Session, sql string, o queryOptions) (err error) {
	options := map[string]string{"csv": "FORMAT csv, HEADER true", "json": "FORMAT json, ARRAY true", "parquet": "FORMAT parquet, COMPRESSION zstd"}[o.format]
	path := filepath.Join(w.state, fmt.Sprintf("query-%d.%s", os.Getpid(), o.format))
	defer func() {
		if rerr := os.Remove(path); rerr != nil && !errors.Is(rerr, os.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}()
	if err := s.Exec(ctx, "COPY (SELECT * FROM ("+sql+"\n)) TO "+job.Literal(path)+" ("+options+")"); err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return fault.New(fault.Unavailable, "write result: %w", err)
	}
	defer in.Close()
	out, done, err := w.outputTo(o.output)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(fault.New(fault.Unavailable, "write result: %w", err), done())
	}
	return done()
}

func (w *workspace) outputTo(path string) (io.Writer, func() error, error) {
	if path == "-" {
		return w.app.out, func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, fault.New(fault.Usage, "write result: %w", err)
	}
	return f, f.Close, nil
}

func isNoTable(err error) bool { return errors.Is(err, lake.ErrNoTable) }
