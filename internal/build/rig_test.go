package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/engine/duckdb"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/quality"
	"weir/internal/record"
	"weir/internal/source"
)

// rig is a lake, an engine and a source in memory that a table is built from.
type rig struct {
	t     testing.TB
	lake  *lake.Lake
	root  string
	eng   *hooked
	src   *memory
	build *Builder
	table define.Table
	runs  int
}

// newRig has a table of the given columns, "id INTEGER", that the source's splits fill.
func newRig(t testing.TB, columns ...string) *rig {
	t.Helper()
	root := filepath.Join(t.TempDir(), "lake")
	l, err := lake.Open(t.Context(), lake.Config{Location: root})
	ok(t, err)
	e, err := duckdb.Open(t.Context(), duckdb.Options{Threads: 2})
	ok(t, err)
	t.Cleanup(func() { ok(t, errors.Join(l.Close(), e.Close())) })
	r := &rig{t: t, lake: l, root: root, eng: &hooked{Engine: e}, src: &memory{server: "one", splits: map[string]split{}},
		table: define.Table{Name: "raw.t", File: "tables/raw/t.yaml", Kind: define.FromSource, Mode: define.Append}}
	for _, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		r.src.columns = append(r.src.columns, job.Column{Name: name, Type: typ})
	}
	r.build = &Builder{Lake: l, Engine: r.eng, Scratch: t.TempDir(),
		Source: func(context.Context, *define.Table) (source.Source, error) { return r.src, nil }}
	return r
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// task is the next build of the table as it is defined now.
func (r *rig) task() Task {
	r.runs++
	table := r.table
	return Task{Table: &table, Definition: "d1", RunID: fmt.Sprintf("%06d-test", r.runs), Time: time.Date(2026, 3, 1, 0, 0, r.runs, 0, time.UTC)}
}

func (r *rig) run() Outcome {
	r.t.Helper()
	out, err := r.build.Build(r.t.Context(), r.task())
	ok(r.t, err)
	return out
}

// rows are the table's rows, values joined by a space, in order.
func (r *rig) rows(columns string) []string {
	r.t.Helper()
	table, err := r.lake.Table(r.t.Context(), r.table.Name)
	ok(r.t, err)
	rel, err := table.Scan(r.t.Context(), lake.ScanOptions{})
	ok(r.t, err)
	return r.query("SELECT " + columns + " FROM (" + rel.SQL + ") ORDER BY ALL")
}

func (r *rig) query(sql string) (out []string) {
	r.t.Helper()
	s, err := r.eng.Engine.Open(r.t.Context())
	ok(r.t, err)
	defer s.Close()
	rows, err := s.Strings(r.t.Context(), sql)
	ok(r.t, err)
	for _, row := range rows {
		var values []string
		for _, v := range row {
			if !v.Valid {
				v.Value = "-"
			}
			values = append(values, v.Value)
		}
		out = append(out, strings.Join(values, " "))
	}
	return out
}

func (r *rig) want(columns string, want ...string) {
	r.t.Helper()
	if got := r.rows(columns); !slices.Equal(got, want) {
		r.t.Errorf("rows %q, want %q", got, want)
	}
}

// rejects are the open rejects, as a replay takes them.
func (r *rig) rejects() (out []record.Reject) {
	r.t.Helper()
	sql, err := r.build.OpenRejects(r.t.Context(), r.table.Name)
	ok(r.t, err)
	if sql == "" {
		return nil
	}
	s, err := r.eng.Engine.Open(r.t.Context())
	ok(r.t, err)
	defer s.Close()
	rows, err := s.Strings(r.t.Context(), "SELECT id, kind, dataset, raw FROM ("+sql+") ORDER BY dataset, raw")
	ok(r.t, err)
	for _, row := range rows {
		out = append(out, record.Reject{ID: row[0].Value, Kind: row[1].Value, Dataset: row[2].Value, Raw: row[3].Value})
	}
	return out
}

// tidy checks that no stage, no scratch and no data file is left that no snapshot names.
func (r *rig) tidy() {
	r.t.Helper()
	stages, err := r.lake.Stages(r.t.Context(), "")
	ok(r.t, err)
	if len(stages) > 0 {
		r.t.Errorf("stages left: %+v", stages)
	}
	if left, _ := filepath.Glob(filepath.Join(r.build.Scratch, "*")); len(left) > 0 {
		r.t.Errorf("scratch left: %v", left)
	}
	named := map[string]bool{}
	table, err := r.lake.Table(r.t.Context(), r.table.Name)
	if errors.Is(err, lake.ErrNoTable) {
		table, err = nil, nil
	}
	ok(r.t, err)
	if table != nil {
		for _, s := range table.Snapshots() {
			at, err := table.At(r.t.Context(), s.ID)
			ok(r.t, err)
			files, err := at.Files(r.t.Context())
			ok(r.t, err)
			for _, f := range files {
				named[strings.TrimPrefix(f.Path, "file://")] = true
			}
		}
		ledger, err := table.Ledger(r.t.Context())
		ok(r.t, err)
		for _, f := range ledger.Rejects {
			named[strings.TrimPrefix(f.Path, "file://")] = true
		}
		for _, c := range ledger.Changes {
			for _, f := range c.Files {
				named[strings.TrimPrefix(f, "file://")] = true
			}
		}
	}
	_ = filepath.WalkDir(filepath.Join(r.root, "raw.db"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") && !named[path] {
			r.t.Errorf("no snapshot names %s", path)
		}
		return nil
	})
}

// memory is a source whose splits are lists of rows.
type memory struct {
	server  string
	columns []job.Column
	splits  map[string]split
	changed error // what Unchanged says
}

type split struct {
	version int
	rows    []string // "(1, 'a')"
	bad     []string // raw text of records that cannot be taken
}

// put writes a split, again where it is there.
func (m *memory) put(name string, rows ...string) {
	m.splits[name] = split{version: m.splits[name].version + 1, rows: rows}
}

func (m *memory) Server(context.Context) (string, error)             { return m.server, nil }
func (m *memory) Discover(context.Context) ([]source.Dataset, error) { return nil, nil }
func (m *memory) Check(context.Context) error                        { return nil }
func (m *memory) Close() error                                       { return nil }

func (m *memory) Begin(_ context.Context, r job.Read) (source.Scan, error) {
	s := &memoryScan{m: m, end: job.Position{}, read: map[string]split{}}
	if !r.Whole && !r.Full {
		s.end = r.From.Clone()
	}
	changed := len(m.splits) != len(r.From)
	for name, is := range m.splits {
		value := fmt.Sprint(is.version)
		changed = changed || r.From[name] != value
		s.end[name] = value
		if r.Full || r.From[name] != value {
			s.splits = append(s.splits, source.Split{Name: name, Bytes: 1, Replaces: r.From[name] != "" && !r.Whole})
		}
	}
	if r.Whole && changed {
		s.splits = nil
		for name := range m.splits {
			s.splits = append(s.splits, source.Split{Name: name, Bytes: 1})
		}
	}
	slices.SortFunc(s.splits, func(a, b source.Split) int { return strings.Compare(a.Name, b.Name) })
	for _, sp := range s.splits {
		s.read[sp.Name] = m.splits[sp.Name]
	}
	return s, nil
}

type memoryScan struct {
	m      *memory
	splits []source.Split
	read   map[string]split
	end    job.Position
}

var (
	_ source.Scannable = (*memoryScan)(nil)
	_ source.Steady    = (*memoryScan)(nil)
)

func (s *memoryScan) Splits() []source.Split          { return s.splits }
func (s *memoryScan) End() job.Position               { return s.end }
func (s *memoryScan) Close() error                    { return nil }
func (s *memoryScan) Unchanged(context.Context) error { return s.m.changed }

// columnsWithFile are the source's columns and the one that says where a row is from.
func (s *memoryScan) columnsWithFile() []job.Column {
	return append(slices.Clone(s.m.columns), job.Column{Name: FileColumn, Type: "VARCHAR"})
}

func (s *memoryScan) values(split, row string) string {
	names, casts := make([]string, len(s.m.columns)), make([]string, len(s.m.columns))
	for i, c := range s.m.columns {
		names[i] = fmt.Sprintf("c%d", i)
		casts[i] = fmt.Sprintf("CAST(c%d AS %s) AS %s", i, c.Type, job.Quote(c.Name))
	}
	return "SELECT " + strings.Join(casts, ", ") + ", " + job.Literal(split) + " AS _file FROM (VALUES " + row + ") AS v(" + strings.Join(names, ", ") + ")"
}

func (s *memoryScan) Relation(context.Context, source.Engine) (source.Relation, error) {
	cols := s.columnsWithFile()
	var selects, rejects []string
	for _, sp := range s.splits {
		for _, row := range s.read[sp.Name].rows {
			selects = append(selects, s.values(sp.Name, row))
		}
		for _, raw := range s.read[sp.Name].bad {
			rejects = append(rejects, rejectRow(sp.Name, raw))
		}
	}
	if len(selects) == 0 {
		items := make([]string, len(cols))
		for i, c := range cols {
			items[i] = "CAST(NULL AS " + c.Type + ") AS " + job.Quote(c.Name)
		}
		selects = []string{"SELECT " + strings.Join(items, ", ") + " WHERE false"}
	}
	return source.Relation{Relation: job.Relation{SQL: strings.Join(selects, " UNION ALL "), Columns: cols}, Rejects: strings.Join(rejects, " UNION ALL ")}, nil
}

func rejectRow(split, raw string) string {
	return fmt.Sprintf(`SELECT md5('%[1]s|' || %[2]s) AS id, 'reject' AS kind, '%[1]s' AS dataset, 1::BIGINT AS line, 0::BIGINT AS "offset", '' AS "column", 'bad' AS reason,
		'' AS rule, %[2]s AS raw, '' AS header`, split, job.Literal(raw))
}

func (s *memoryScan) Careful(_ context.Context, _ source.Engine, cause error) (source.Relation, error) {
	return source.Relation{}, cause
}

// Replay takes a raw text that is a list of values.
func (s *memoryScan) Replay(_ context.Context, _ source.Engine, rejects []record.Reject) (source.Relation, error) {
	selects := make([]string, len(rejects))
	for i, r := range rejects {
		selects[i] = s.values(r.Dataset, r.Raw)
	}
	return source.Relation{Relation: job.Relation{SQL: strings.Join(selects, " UNION ALL "), Columns: s.columnsWithFile()}}, nil
}

// hooked is an engine whose sessions tell of every statement before they run it.
type hooked struct {
	engine.Engine
	before func(sql string)
}

func (h *hooked) Open(ctx context.Context) (engine.Session, error) {
	s, err := h.Engine.Open(ctx)
	return &hookedSession{s, h}, err
}

type hookedSession struct {
	engine.Session
	h *hooked
}

func (s *hookedSession) tell(sql string) {
	if s.h.before != nil {
		s.h.before(sql)
	}
}

func (s *hookedSession) Exec(ctx context.Context, sql string) error {
	s.tell(sql)
	return s.Session.Exec(ctx, sql)
}

func (s *hookedSession) Int(ctx context.Context, sql string) (int64, error) {
	s.tell(sql)
	return s.Session.Int(ctx, sql)
}

func (s *hookedSession) Strings(ctx context.Context, sql string) ([][]source.Text, error) {
	s.tell(sql)
	return s.Session.Strings(ctx, sql)
}

func (s *hookedSession) Stage(ctx context.Context, w job.Write, ids string, p job.Params) ([]job.File, error) {
	s.tell("STAGE " + w.SQL)
	return s.Session.Stage(ctx, w, ids, p)
}

// rule is one line of DQDL with what happens when it does not hold.
func rule(text string, onFail quality.OnFail) quality.Rule {
	return quality.Rule{Text: text, OnFail: onFail}
}
