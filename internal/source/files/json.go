package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// Shapes of JSON files, as the engine names them.
const (
	shapeLines     = "newline_delimited" // one record a line
	shapeArray     = "array"             // one array of records
	shapeDocuments = "unstructured"      // records one after another, over lines as they like
)

// jsonShape finds how a JSON file is written; "" for one without a record.
func jsonShape(n *split) (string, error) {
	head, err := readStart(n, "")
	if err != nil {
		return "", err
	}
	return shapeOf(head, n.format), nil
}

// shapeOf finds how a JSON text is written by its beginning; "" for one without a record.
func shapeOf(head []byte, format string) string {
	body := bytes.TrimSpace(head)
	switch {
	case len(body) == 0:
		return ""
	case format == formatNDJSON:
		return shapeLines
	case body[0] == '[':
		return shapeArray
	}
	d := json.NewDecoder(bytes.NewReader(body))
	var first json.RawMessage
	if err := d.Decode(&first); err == nil && bytes.IndexByte(first, '\n') >= 0 {
		return shapeDocuments
	}
	// The first record is broken, or longer than what was read: a record on the next line speaks for lines.
	_, next, more := bytes.Cut(body, []byte{'\n'})
	if len(first) == 0 && more && !bytes.HasPrefix(bytes.TrimLeft(next, " \t\r"), []byte{'{'}) {
		return shapeDocuments
	}
	return shapeLines
}

// jsonOptions are what every call of the engine's JSON reader gets.
func (m *maker) jsonOptions(b *branch) string {
	return fmt.Sprintf("format=%s, maximum_object_size=%d", job.Literal(b.format), m.s.reader.maxLine())
}

// describeJSON has the engine look at the beginning of every file. A file it cannot read is left out: careful reading
// finds out what is wrong with it. Where nobody declared a column and no file can be read, that is the error.
func (m *maker) describeJSON(ctx context.Context, b *branch) ([]job.Column, error) {
	aside, deep := map[string]bool{}, 0
	for _, n := range b.splits {
		if n.glance.deep {
			aside[n.name] = true
			deep++
		}
	}
	if deep == len(b.splits) {
		return deepFields(b, nil), nil
	}
	if cols, all := m.typedKeys(b); all {
		return cols, nil
	}
	for {
		cols, err := m.sampleJSON(ctx, b.without(aside))
		n := m.blamed(err)
		if n == nil || aside[n.name] || fault.ClassOf(err) != fault.Data {
			return deepFields(b, realFields(b, cols)), err
		}
		if aside[n.name] = true; len(aside) < len(b.splits) {
			continue
		}
		if len(m.s.reader.columns)+len(m.s.read.Known) == 0 {
			return nil, err
		}
		return nil, nil
	}
}

// typedKeys are the keys of a branch as columns, and whether all of them have their type already, so that the engine need
// not look for one.
func (m *maker) typedKeys(b *branch) (cols []job.Column, all bool) {
	for _, n := range b.splits {
		if len(n.glance.keys) == 0 || len(n.glance.keys) == maxKeys {
			return nil, false
		}
		for _, key := range n.glance.keys {
			typ := ""
			if i := indexJob(m.s.read.Known, key); i >= 0 {
				typ = m.s.read.Known[i].Type
			}
			if i := indexJob(m.s.reader.columns, key); i >= 0 {
				typ = m.s.reader.columns[i].Type
			} else if typ == "" || typ == "INTEGER" || typ == "FLOAT" { // which may widen
				return nil, false
			}
			if indexJob(cols, key) < 0 {
				cols = append(cols, job.Column{Name: key, Type: typ})
			}
		}
	}
	return cols, true
}

// realFields leaves out what no record has: the engine gives a second spelling of a key, a key without a name and records
// that are no objects names of its own.
func realFields(b *branch, cols []job.Column) (out []job.Column) {
	keys := map[string]bool{}
	for _, n := range b.splits {
		for _, k := range n.glance.keys {
			keys[k] = true
		}
	}
	for _, c := range cols {
		if keys[c.Name] {
			out = append(out, c)
		}
	}
	if keys[""] {
		out = append(out, job.Column{Type: "VARCHAR"}) // which is refused, not forgotten
	}
	return out
}

// deepFields adds the keys of files that are nested too deep for the engine to look at, as text.
func deepFields(b *branch, cols []job.Column) []job.Column {
	for _, n := range b.splits {
		if !n.glance.deep {
			continue
		}
		for _, k := range n.glance.keys {
			if indexJob(cols, k) < 0 {
				cols = append(cols, job.Column{Name: k, Type: "VARCHAR"})
			}
		}
	}
	return cols
}

// maxInferred is how many levels of a nested value become types; what lies deeper is text.
const maxInferred = 32

func (m *maker) sampleJSON(ctx context.Context, b *branch) ([]job.Column, error) {
	const manyFiles = 32
	sample := sampleRecords
	if len(b.splits) > manyFiles {
		sample = max(500, sampleRecords*manyFiles/len(b.splits))
	}
	ignore := ""
	if b.format == shapeLines {
		ignore = ", ignore_errors=true"
	}
	describe := func(more string) ([]job.Column, error) {
		return m.e.Describe(ctx, fmt.Sprintf("SELECT * FROM read_json(%s, %s, auto_detect=true, union_by_name=true, sample_size=%d, maximum_sample_files=%d, maximum_depth=%d%s%s, hive_partitioning=false)",
			b.paths(), m.jsonOptions(b), sample, len(b.splits), maxInferred, ignore, more))
	}
	cols, err := describe("")
	if err == nil && len(cols) == 1 && strings.HasPrefix(cols[0].Type, "MAP(") {
		return describe(", map_inference_threshold=-1") // records of many keys, which the engine takes for one map
	}
	return cols, err
}

// jsonSelect writes a branch's SELECT. Keys that are no column are not looked at.
func (m *maker) jsonSelect(b *branch) string {
	o := readOptions{json: true, long: b.long > short, longest: b.long == longest}
	var items, suspects, types []string
	for _, c := range m.settled.columns {
		ref, folder := b.hiveRef(c.name)
		r := readAs(c.typ, job.Quote(c.name), o)
		switch {
		case folder:
			r = readAs(c.typ, ref, readOptions{long: true})
		case c.name == extraColumn:
			items = append(items, nullColumn(c))
			continue
		default:
			types = append(types, job.Literal(c.name)+": "+job.Literal(r.as))
		}
		items = append(items, r.value+" AS "+job.Quote(c.name))
		if r.suspect != "" {
			suspects = append(suspects, r.suspect)
		}
	}
	items = append(items, m.s.fileExpr(b.splits, pathRef())+" AS "+job.Quote(fileColumn))
	columns := ", records=true"
	if len(types) > 0 {
		columns += ", auto_detect=false, columns={" + strings.Join(types, ", ") + "}"
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM read_json(" + b.paths() + ", " + m.jsonOptions(b) + columns +
		", filename=" + job.Literal(pathColumn) + b.hiveOption() + ")" + unless(suspects, pathRef())
}

// strictJSON looks for unknown keys in every record, where one must stop the build. It is a read of its own.
func (m *maker) strictJSON(ctx context.Context) error {
	if m.s.reader.policy() != schemaStop || !m.closed() {
		return nil
	}
	known := []string{"''"}
	for _, c := range m.settled.columns {
		known = append(known, job.Literal(c.name))
	}
	for _, b := range m.branches {
		if b.format != shapeLines && b.format != shapeArray && b.format != shapeDocuments {
			continue
		}
		ignore := ""
		if b.format == shapeLines {
			ignore = ", ignore_errors=true"
		}
		rows, err := m.e.Strings(ctx, fmt.Sprintf("SELECT path, key FROM (SELECT %s AS path, unnest(json_keys(json)) AS key FROM read_json_objects(%s, %s%s, filename=%s, hive_partitioning=false)) AS k WHERE key NOT IN (%s) LIMIT 1",
			m.s.fileExpr(b.splits, pathRef()), b.paths(), m.jsonOptions(b), ignore, job.Literal(pathColumn), strings.Join(known, ", ")))
		if err != nil {
			return m.engineFault(err)
		}
		if len(rows) > 0 {
			return unknownField(rows[0][0].Value, rows[0][1].Value)
		}
	}
	return nil
}

// errNotObject is what is wrong with a record that is a JSON value of another kind.
var errNotObject = errors.New("not a JSON object")
