package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"weir/internal/fault"
	"weir/internal/record"
)

func unfitFolder(file string, k hiveKey, c column) error {
	return fault.New(fault.Data, "%s: the folder %s=%s is not %s", file, k.name, k.value, c.typ).WithHint("declare %s as varchar, or set hive: false", c.name)
}

// carefulJSON takes a JSON file record by record.
func (m *maker) carefulJSON(ctx context.Context, n *split, r io.Reader, w *spill) error {
	shape, err := jsonShape(n)
	if err != nil {
		return readFault(n.name, err)
	}
	p, err := m.newParser(n.name, csvHead{})
	if err != nil {
		return err
	}
	if shape == shapeLines {
		return m.carefulLines(ctx, n, r, p, w)
	}
	return m.carefulValues(ctx, n, r, shape, p, w)
}

// carefulLines reads one record a line; a line that is not JSON spoils itself only.
func (m *maker) carefulLines(ctx context.Context, n *split, r io.Reader, p *parser, w *spill) error {
	lines := newRecords(r, dialect{}, m.s.reader.maxLine())
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		place := record.Reject{Dataset: n.name, Line: lines.line, Offset: lines.offset}
		line, long, err := lines.readLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return readFault(n.name, err)
		}
		body := trimEnd(line)
		if len(bytes.TrimSpace(body)) == 0 {
			continue
		}
		t := bad("", "the line is longer than %d bytes", m.s.reader.maxLine())
		if !long {
			t = p.json(body)
		}
		if err := w.take(t, place, body); err != nil {
			return err
		}
	}
}

// carefulValues reads an array's or a stream's records; a reject's line is its number among them. Where the JSON itself
// breaks off, nothing behind can be told apart, and the file is refused.
func (m *maker) carefulValues(ctx context.Context, n *split, r io.Reader, shape string, p *parser, w *spill) error {
	limited := &bounded{r: r}
	d := json.NewDecoder(limited)
	limited.left = m.s.reader.maxLine()
	if shape == shapeArray {
		if _, err := d.Token(); err != nil {
			return brokenJSON(n.name, d, err)
		}
	}
	for i := int64(1); ; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		limited.left = m.s.reader.maxLine()
		if shape == shapeArray && !d.More() {
			_, err := d.Token()
			if err != nil {
				return brokenJSON(n.name, d, err)
			}
			return nothingBehind(n.name, d)
		}
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) && shape == shapeDocuments {
			return nil
		}
		if err != nil {
			return brokenJSON(n.name, d, err)
		}
		place := record.Reject{Dataset: n.name, Line: i, Offset: d.InputOffset() - int64(len(raw))}
		if err := w.take(p.json(raw), place, raw); err != nil {
			return err
		}
	}
}

// nothingBehind is the error of a file that goes on behind its array.
func nothingBehind(file string, d *json.Decoder) error {
	end := d.InputOffset()
	if _, err := d.Token(); errors.Is(err, io.EOF) {
		return nil
	}
	return fault.New(fault.Data, "%s goes on behind the end of its array, at offset %d", file, end).WithHint("make it one array, or one record a line (ndjson)")
}

func brokenJSON(file string, d *json.Decoder, err error) error {
	if errors.Is(err, errTooLong) {
		return fault.New(fault.Data, "%s: a record at offset %d is longer than max_line_size", file, d.InputOffset())
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.New(fault.Data, "%s is not valid JSON behind offset %d: %w", file, d.InputOffset(), err).WithHint("mend the file; one record a line (ndjson) would cost the bad record only")
	}
	return readFault(file, err)
}

// errTooLong ends the reading of a record that is larger than allowed (promise 5).
var errTooLong = errors.New("record too long")

// bounded lets as many bytes through as are left.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}
