package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
	"weir/internal/source"
)

// Careful reads the files that stopped the fast read record by record, and all others as before. What is good in them
// is written to scratch with every value checked, what is not becomes a reject with its place.
func (s *scan) Careful(ctx context.Context, e source.Engine, cause error) (source.Relation, error) {
	m := &maker{s: s, e: e}
	rel, err := m.carefully(ctx, cause)
	if err == cause {
		return source.Relation{}, errors.Join(err, m.drop(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return source.Relation{}, errors.Join(fmt.Errorf("read files of %s: %w", s.read.Table, err), m.drop(context.WithoutCancel(ctx)))
	}
	return rel, nil
}

func (m *maker) carefully(ctx context.Context, cause error) (source.Relation, error) {
	if fault.ClassOf(cause) == fault.Canceled {
		return source.Relation{}, cause
	}
	if err := m.prepare(ctx); err != nil {
		return source.Relation{}, err // what the files' heads say stands, however they are read
	}
	var err error
	if m.careful, err = m.recordwise(); err != nil {
		return source.Relation{}, err
	}
	had := len(m.careful)
	if err := m.findFailing(ctx, cause); err != nil {
		return source.Relation{}, err
	}
	if len(m.careful) == had {
		return source.Relation{}, cause
	}
	return m.assemble(ctx)
}

// findFailing reads what is left until nothing fails, each time setting aside the file the error is about.
func (m *maker) findFailing(ctx context.Context, cause error) error {
	if n := m.blamed(cause); n != nil {
		if err := m.setAside(n, cause); err != nil {
			return err
		}
	}
	for {
		rest := m.rest()
		if len(rest) == 0 {
			return nil
		}
		err := m.try(ctx, rest)
		if err == nil {
			return nil
		}
		if fault.ClassOf(err) != fault.Data {
			return err
		}
		n := m.blamed(err)
		if n == nil || m.careful[n.name] {
			return m.tryEach(ctx, rest)
		}
		if err := m.setAside(n, err); err != nil {
			return err
		}
	}
}

func (m *maker) rest() (rest []*branch) {
	for _, b := range m.branches {
		if b = b.without(m.careful); b != nil {
			rest = append(rest, b)
		}
	}
	return rest
}

// try reads every column of some branches and forgets the values.
func (m *maker) try(ctx context.Context, branches []*branch) error {
	selects := make([]string, len(branches))
	for i, b := range branches {
		sel, _, err := m.branchSQL(b)
		if err != nil {
			return err
		}
		selects[i] = sel
	}
	_, err := m.e.Strings(ctx, "SELECT count(COLUMNS(*)) FROM (\n"+strings.Join(selects, "\nUNION ALL\n")+"\n) AS r")
	return err
}

// tryEach finds the failing files one by one, where an error names none.
func (m *maker) tryEach(ctx context.Context, branches []*branch) error {
	for _, b := range branches {
		for _, n := range b.splits {
			alone := *b
			alone.splits = []*split{n}
			err := m.try(ctx, []*branch{&alone})
			if err == nil {
				continue
			}
			if fault.ClassOf(err) != fault.Data {
				return err
			}
			if err := m.setAside(n, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *maker) setAside(n *split, err error) error {
	if n.format == formatParquet {
		return fault.New(fault.Data, "%s cannot be read: %w", n.name, err).WithHint("copy the file again, whole")
	}
	m.careful[n.name] = true
	return nil
}

// readCarefully reads the files set aside and gives the SELECTs of their good records and of their rejects.
func (m *maker) readCarefully(ctx context.Context) (sel, rejects string, err error) {
	w, err := m.newSpill()
	if err != nil {
		return "", "", err
	}
	for _, n := range m.s.splits {
		if m.careful[n.name] {
			if err := m.carefulFile(ctx, n, w); err != nil {
				return "", "", errors.Join(err, w.close())
			}
		}
	}
	if err := w.close(); err != nil {
		return "", "", err
	}
	return w.goodSelect(m.settled.columns), w.rejectSelect(), nil
}

func (m *maker) carefulFile(ctx context.Context, n *split, w *spill) error {
	encoding := ""
	if n.format == formatCSV || n.format == formatTSV {
		encoding = m.s.reader.Encoding
	}
	r, err := openText(n, encoding)
	if err != nil {
		return readFault(n.name, err)
	}
	defer r.Close()
	if n.format == formatCSV || n.format == formatTSV {
		return m.carefulCSV(ctx, n, r, w)
	}
	return m.carefulJSON(ctx, n, r, w)
}

// carefulCSV takes a CSV file record by record.
func (m *maker) carefulCSV(ctx context.Context, n *split, r io.Reader, w *spill) error {
	head, err := m.s.readHead(n, m.s.expected())
	if err != nil {
		return err
	}
	p, err := m.newParser(n.name, head)
	if err != nil {
		return err
	}
	recs := newRecords(r, head.dialect, m.s.reader.maxLine())
	for i := 0; ; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := recs.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readFault(n.name, err)
		}
		if i == 0 && head.header {
			continue
		}
		place := record.Reject{Dataset: n.name, Line: rec.line, Offset: rec.offset, Header: head.line}
		if err := w.take(p.csv(rec), place, rec.raw); err != nil {
			return err
		}
	}
}

// rejectColumns are the names of a reject file's columns, quoted.
func rejectColumns() string {
	cols := record.RejectColumns()
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = job.Quote(c.Name)
	}
	return strings.Join(names, ", ")
}
