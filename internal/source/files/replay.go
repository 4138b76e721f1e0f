package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"weir/internal/record"
	"weir/internal/source"
)

// Replay reads rejected records again, each under its own header and as a record of its own file.
func (s *scan) Replay(ctx context.Context, e source.Engine, rejects []record.Reject) (source.Relation, error) {
	m := &maker{s: s, e: e}
	rel, err := m.replay(ctx, rejects)
	if err != nil {
		return source.Relation{}, fmt.Errorf("replay records of %s: %w", s.read.Table, err)
	}
	return rel, nil
}

func (m *maker) replay(ctx context.Context, rejects []record.Reject) (rel source.Relation, err error) {
	var fields []field
	for _, r := range rejects {
		if m.isJSON(r) {
			continue
		}
		head, err := m.replayHead(r)
		if err != nil {
			return rel, err
		}
		for _, n := range head.names {
			fields = append(fields, field{name: n, file: r.Dataset})
		}
	}
	text := func(field) (string, error) { return "VARCHAR", nil }
	if m.settled, err = m.s.settle(fields, text); err != nil {
		return rel, err
	}
	w, err := m.newSpill()
	if err != nil {
		return rel, err
	}
	for _, r := range rejects {
		if err := m.replayOne(r, w); err != nil {
			return rel, errors.Join(err, w.close())
		}
	}
	if err := w.close(); err != nil {
		return rel, err
	}
	rel.SQL, rel.Columns, rel.Rows = w.goodSelect(m.settled.columns), relationColumns(m.settled.columns), int64(len(rejects))
	rel.Rejects, rel.Added, rel.Widened, rel.Close = w.rejectSelect(), m.settled.added, m.settled.widened, m.drop
	return rel, ctx.Err()
}

// isJSON says how a reject's raw text is to be read: rows of Parquet files are kept as JSON too.
func (m *maker) isJSON(r record.Reject) bool {
	switch m.s.reader.format(path.Base(r.Dataset)) {
	case formatCSV, formatTSV:
		return false
	}
	return true
}

// replayHead is the head a reject stood under.
func (m *maker) replayHead(r record.Reject) (csvHead, error) {
	h := csvHead{dialect: m.s.reader.dialect(m.s.reader.format(r.Dataset)), line: r.Header}
	h.skip, h.comment = 0, 0
	line := r.Header
	if line == "" {
		line = r.Raw
	}
	if h.delimiter == 0 {
		h.delimiter = sniffDelimiter([]byte(line), h.dialect)
	}
	h.header = r.Header != ""
	first, err := firstRecord([]byte(line), h.dialect)
	if err != nil || first == nil {
		return h, err
	}
	h.names, err = m.s.names(&split{name: r.Dataset}, h, first, m.s.expected())
	if !h.header && len(m.s.expected()) > 0 {
		h.names = m.s.expected()
	}
	return h, err
}

func (m *maker) replayOne(r record.Reject, w *spill) error {
	raw := bytes.TrimRight([]byte(r.Raw), "\r\n")
	if m.isJSON(r) {
		p, err := m.newParser(r.Dataset, csvHead{})
		if err != nil {
			return err
		}
		return w.take(p.json(raw), r, raw)
	}
	head, err := m.replayHead(r)
	if err != nil {
		return err
	}
	p, err := m.newParser(r.Dataset, head)
	if err != nil {
		return err
	}
	recs := newRecords(strings.NewReader(string(raw)), head.dialect, m.s.reader.maxLine())
	rec, err := recs.next()
	if errors.Is(err, io.EOF) {
		return w.take(bad("", "the record is empty"), r, raw)
	}
	if err != nil {
		return err
	}
	t := p.csv(rec)
	if _, err := recs.next(); t.reason == "" && !errors.Is(err, io.EOF) {
		t = bad("", "the record is several lines; each is a record of its own")
	}
	return w.take(t, r, raw)
}
