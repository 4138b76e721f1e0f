package files

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// maker writes the SQL of one relation.
type maker struct {
	s        *scan
	e        source.Engine
	settled  settled
	branches []*branch
	careful  map[string]bool // files that are read record by record, by name
	tables   []string        // that the relation makes in the session
	settles  []func(ctx context.Context) error
}

// Relation gives one SELECT over all files, at the engine's own speed.
func (s *scan) Relation(ctx context.Context, e source.Engine) (source.Relation, error) {
	m := &maker{s: s, e: e}
	rel, err := m.relation(ctx)
	if err != nil {
		return source.Relation{}, fmt.Errorf("read files of %s: %w", s.read.Table, err)
	}
	return rel, nil
}

func (m *maker) relation(ctx context.Context) (source.Relation, error) {
	if err := m.prepare(ctx); err != nil {
		return source.Relation{}, err
	}
	var err error
	if m.careful, err = m.recordwise(); err != nil {
		return source.Relation{}, err
	}
	return m.assemble(ctx)
}

// closed says whether the columns are settled, so that another field is unknown.
func (m *maker) closed() bool { return m.s.reader.Strict || len(m.s.read.Known) > 0 }

// prepare finds the files' fields and settles the columns.
func (m *maker) prepare(ctx context.Context) error {
	s := m.s
	if err := s.place(ctx); err != nil {
		return err
	}
	var fields []field
	var single []*branch
	for _, n := range s.splits {
		b := &branch{splits: []*split{n}, format: n.format, long: n.long, hive: s.hiveKeys(n.name)}
		if err := m.fieldsOf(b, &fields); err != nil {
			return err
		}
		if b.format != "" {
			single = append(single, b)
		}
	}
	m.branches = gather(single)
	more, err := m.typedFields(ctx)
	if err != nil {
		return err
	}
	fields = append(append(fields, more...), hiveFields(s.splits, s.hiveKeys)...)
	infer := func(f field) (string, error) { return m.inferCSV(ctx, f) }
	if m.settled, err = s.settle(fields, infer); err != nil {
		return err
	}
	if err := m.certify(ctx); err != nil {
		return err
	}
	if err := m.strictJSON(); err != nil {
		return err
	}
	return s.hashRest(ctx)
}

// fieldsOf reads a file's own header where its format has one. An empty file gets no branch.
func (m *maker) fieldsOf(b *branch, fields *[]field) error {
	n := b.splits[0]
	switch n.format {
	case formatCSV, formatTSV:
		head, err := m.s.readHead(n, m.s.expected())
		if err != nil {
			return err
		}
		if head.names == nil {
			b.format = ""
			return nil
		}
		b.head, b.format = head, formatCSV
		for _, name := range head.names {
			*fields = append(*fields, field{name: name, file: n.name})
		}
	case formatJSON, formatNDJSON:
		b.format = n.shape
	}
	return nil
}

// expected are the names the table's columns have, declared ones first.
func (s *scan) expected() []string {
	var names []string
	for _, c := range s.reader.columns {
		names = append(names, c.Name)
	}
	for _, c := range s.read.Known {
		if indexJob(s.reader.columns, c.Name) < 0 && c.Name != extraColumn {
			names = append(names, c.Name)
		}
	}
	return names
}

// typedFields asks the engine for the fields of formats that have types or nested records.
func (m *maker) typedFields(ctx context.Context) ([]field, error) {
	var out []field
	for _, b := range m.branches {
		var cols []job.Column
		var err error
		switch b.format {
		case formatParquet:
			cols, err = m.describeParquet(ctx, b)
		case shapeLines, shapeArray, shapeDocuments:
			if m.s.reader.policy() == schemaAdd || !m.closed() {
				cols, err = m.describeJSON(ctx, b)
			}
		}
		if err != nil {
			return nil, m.engineFault(err)
		}
		for _, c := range cols {
			out = append(out, field{name: c.Name, typ: c.Type, file: b.splits[0].name})
		}
	}
	return out, nil
}

// assemble writes the relation's SQL: the fast branches and, where files are read carefully, what came of that.
func (m *maker) assemble(ctx context.Context) (source.Relation, error) {
	m.settles = nil
	var selects, rejects []string
	var bytes int64
	for _, n := range m.s.splits {
		bytes += n.mark.Size
	}
	for _, b := range m.branches {
		b = b.without(m.careful)
		if b == nil {
			continue
		}
		sel, rej, err := m.branchSQL(b)
		if err != nil {
			return source.Relation{}, err
		}
		selects = append(selects, sel)
		if rej != "" {
			rejects = append(rejects, rej)
		}
	}
	if len(m.careful) > 0 {
		sel, rej, err := m.readCarefully(ctx)
		if err != nil {
			return source.Relation{}, err
		}
		selects, rejects = append(selects, sel), append(rejects, rej)
	}
	if len(selects) == 0 {
		selects = []string{m.emptySelect()}
	}
	rel := source.Relation{
		Relation: job.Relation{SQL: strings.Join(selects, "\nUNION ALL\n"), Columns: relationColumns(m.settled.columns), Rows: -1, Bytes: bytes},
		Rejects:  strings.Join(rejects, "\nUNION ALL\n"),
		Added:    m.settled.added, Widened: m.settled.widened,
		Settle: m.settle, Close: m.drop,
	}
	return rel, nil
}

func (b *branch) without(careful map[string]bool) *branch {
	rest := *b
	rest.splits = nil
	for _, n := range b.splits {
		if !careful[n.name] {
			rest.splits = append(rest.splits, n)
		}
	}
	if len(rest.splits) == 0 {
		return nil
	}
	return &rest
}

func (m *maker) branchSQL(b *branch) (sel, rejects string, err error) {
	switch b.format {
	case formatCSV:
		sel, rejects = m.csvSelect(b)
	case formatParquet:
		sel, rejects = m.parquetSelect(b)
	default:
		sel = m.jsonSelect(b)
	}
	return sel, rejects, nil
}

func (m *maker) emptySelect() string {
	items := make([]string, 0, len(m.settled.columns)+1)
	for _, c := range m.settled.columns {
		items = append(items, nullColumn(c))
	}
	items = append(items, "CAST(NULL AS VARCHAR) AS "+job.Quote(fileColumn))
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// settle looks for the lines of what was rejected.
func (m *maker) settle(ctx context.Context) error {
	for _, f := range m.settles {
		if err := f(ctx); err != nil {
			return err
		}
	}
	m.settles = nil
	return nil
}

// drop removes what the relation made in the session.
func (m *maker) drop(ctx context.Context) error {
	var errs []error
	for _, t := range m.tables {
		errs = append(errs, m.e.Exec(ctx, "DROP TABLE IF EXISTS "+job.Quote(t)))
	}
	m.tables = nil
	return errors.Join(errs...)
}

// engineFault says which of our files an error of the engine is about, by the names a person knows.
func (m *maker) engineFault(err error) error {
	n := m.blamed(err)
	if n == nil || fault.ClassOf(err) == fault.Canceled {
		return err
	}
	return fault.New(fault.Data, "%s cannot be read: %w", n.name, err)
}

// blamed is the file an error names. The longest path wins, as one may be the beginning of another.
func (m *maker) blamed(err error) *split {
	if err == nil {
		return nil
	}
	text := err.Error()
	byLength := append([]*split(nil), m.s.splits...)
	sort.SliceStable(byLength, func(i, j int) bool { return len(byLength[i].path) > len(byLength[j].path) })
	for _, n := range byLength {
		if n.path != "" && strings.Contains(text, n.path) {
			return n
		}
	}
	return nil
}
