package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"weir/internal/fault"
	"weir/internal/job"
)

// encodingOf finds the encoding of raw bytes: a byte order mark, or bytes that are no UTF-8.
func encodingOf(raw []byte) string {
	switch {
	case bytes.HasPrefix(raw, []byte{0xff, 0xfe}), bytes.HasPrefix(raw, []byte{0xfe, 0xff}):
		return "utf-16"
	case !utf8.Valid(clipped(raw)) && !multibyte(raw):
		return "latin-1"
	}
	return ""
}

// multibyte says whether a text holds a character of several bytes of UTF-8, which text in Latin-1 hardly does.
func multibyte(b []byte) bool {
	for len(b) > 0 {
		i := bytes.IndexFunc(b, func(r rune) bool { return r >= 0x80 })
		if i < 0 {
			return false
		}
		r, size := utf8.DecodeRune(b[i:])
		if r != utf8.RuneError {
			return true
		}
		b = b[i+size:]
	}
	return false
}

// rawHead is the beginning of a file, unpacked and not decoded.
func (v *surveyor) rawHead(ctx context.Context, e *entry) ([]byte, error) {
	head, err := v.head(ctx, e, rawEncoding)
	return head, readFault(e.Key, err)
}

// rawEncoding leaves bytes as they are.
const rawEncoding = "raw"

// lookInto finds the columns in the beginning of a text file.
func (v *surveyor) lookInto(ctx context.Context, e *entry) look {
	raw, err := v.rawHead(ctx, e)
	if err == nil {
		err = foreign(raw, e.compression)
	}
	if err != nil {
		return look{err: err}
	}
	if e.format == formatJSON || e.format == formatNDJSON {
		return lookJSON(e, raw)
	}
	r := &Reader{Encoding: encodingOf(raw)}
	head := raw
	if r.Encoding != "" || bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		if head, err = v.head(ctx, e, r.Encoding); err != nil {
			return look{err: readFault(e.Key, err)}
		}
	}
	if zeros := bytes.Count(head, []byte{0}); zeros > len(head)/10 {
		return look{err: fault.New(fault.Data, "%s is not text", e.Key)}
	}
	d := detect(head, r, e.format)
	if d.first == nil {
		return look{}
	}
	out := look{unnamed: !d.header}
	for i, f := range d.first.texts() {
		if f = strings.TrimSpace(f); !d.header || f == "" {
			f = fmt.Sprintf("column%d", i)
		}
		out.columns = append(out.columns, f)
	}
	return out
}

// lookJSON finds the keys of the first records.
func lookJSON(e *entry, raw []byte) look {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	shape := shapeOf(raw, e.format)
	if shape == "" {
		return look{}
	}
	if b := bytes.TrimLeft(raw, " \t\r\n"); b[0] != '{' && b[0] != '[' {
		return look{err: fault.New(fault.Data, "%s is not JSON: it begins with %q", e.Key, clip(string(b[:min(20, len(b))]), 20))}
	}
	g := glancer{shape: shape, seen: map[string]bool{}}
	if shape == shapeArray {
		g.base = 1
	}
	g.look(raw)
	return look{columns: g.found.keys}
}

// lookParquet asks the engine for the columns of a Parquet file.
func (v *surveyor) lookParquet(ctx context.Context, e *entry) look {
	if v.request.Engine == nil {
		return look{err: fault.New(fault.Internal, "a survey of Parquet files needs an engine")}
	}
	path, err := v.copies.place(ctx, e, false)
	if err != nil {
		return look{err: err}
	}
	cols, err := v.request.Engine.Describe(ctx, "SELECT * FROM read_parquet("+escapedPath(path)+", hive_partitioning=false)")
	if err != nil {
		if fault.ClassOf(err) == fault.Canceled {
			return look{err: err}
		}
		return look{err: fault.New(fault.Data, "%s is not Parquet that can be read: %s", e.Key, firstLine(err, path, e.Key))}
	}
	var out look
	for _, c := range cols {
		out.columns = append(out.columns, c.Name)
	}
	return out
}

// escapedPath is an SQL text of a path that the engine does not take for a pattern.
func escapedPath(path string) string {
	return job.Literal(strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path))
}

// firstLine is what an engine says of a file, by the name a person knows.
func firstLine(err error, path, name string) string {
	var inner *fault.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	text, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), path, name), "\n")
	return text
}
