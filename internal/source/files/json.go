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
	return fmt.Sprintf("format=%s, maximum_object_size=%d", job.Literal(b.format), m.longestRecord(b))
}

// longestRecord is how long the reader must expect a record to be. Its buffers are twice that, and the last ones of a file are
// read by one core while the others wait, so they are small where it is known that no record is long.
func (m *maker) longestRecord(b *branch) int64 {
	const least = 2 << 20
	longest := int64(least)
	for _, n := range b.splits {
		if n.shape != shapeLines {
			return m.s.reader.maxLine()
		}
		longest = max(longest, int64(n.glance.longest)+1)
	}
	return min(longest, m.s.reader.maxLine())
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
	sample := sampleRecords
	for {
		cols, err := m.sampleJSON(ctx, b.without(aside), sample)
		if err == nil && sample > 0 && m.missed(b, cols) {
			sample = everyRecord
			continue
		}
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

// typedKeys are the keys of a branch as columns, and whether all of them have their type already, or leave no doubt about
// it, so that the engine need not look for one.
func (m *maker) typedKeys(b *branch) (cols []job.Column, all bool) {
	for _, n := range b.splits {
		if len(n.glance.keys) == 0 || n.glance.full {
			return nil, false
		}
		for _, key := range n.glance.keys {
			typ := ""
			if i := indexJob(m.s.read.Known, key); i >= 0 {
				typ = m.s.read.Known[i].Type
			}
			if i := indexJob(m.s.reader.columns, key); i >= 0 {
				typ = m.s.reader.columns[i].Type
			} else if typ == "INTEGER" || typ == "FLOAT" { // which may widen
				return nil, false
			} else if typ == "" {
				typ = n.glance.sureType(key)
			}
			i := indexJob(cols, key)
			switch {
			case typ == "", i >= 0 && cols[i].Type != typ:
				return nil, false
			case i < 0:
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

// everyRecord is a sample of all records.
const everyRecord = -1

// missed says whether the records have keys or members that the engine's sample did not.
func (m *maker) missed(b *branch, cols []job.Column) bool {
	for _, n := range b.splits {
		for _, key := range n.glance.keys {
			i := indexJob(cols, key)
			if i < 0 {
				return key != ""
			}
			if k := n.glance.looks[key]; k != nil && len(k.members) > 0 && indexJob(m.s.reader.columns, key) < 0 {
				if t, err := parseType(cols[i].Type); err == nil && k.beyond(t) != "" {
					return true
				}
			}
		}
	}
	return false
}

func (m *maker) sampleJSON(ctx context.Context, b *branch, sample int) ([]job.Column, error) {
	const manyFiles = 32
	if sample > 0 && len(b.splits) > manyFiles {
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
	var items, suspects, types []string
	for _, c := range m.settled.columns {
		ref, folder := b.hiveRef(c.name)
		r := readAs(c.typ, job.Quote(c.name), b.jsonOptions(c))
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

// jsonOptions are what the branch's files have of a column.
func (b *branch) jsonOptions(c column) readOptions {
	o := readOptions{json: true, plain: true}
	for _, n := range b.splits {
		k, long := n.glance.looks[c.name], n.long
		switch {
		case n.glance.looks == nil || n.glance.full:
			o.plain, long = false, max(long, fullLength(n))
		case k != nil:
			o.plain, long = o.plain && k.plain(c.typ), k.long
		}
		o.long, o.longest = o.long || long > short, o.longest || long == longest
	}
	return o
}

// fullLength is the length of numbers in a file with more keys than are remembered, where it is not known.
func fullLength(n *split) length {
	if n.glance.looks != nil {
		return longest
	}
	return short
}

// strictJSON stops at a key that no column has, or a member that its column's type has no place for.
func (m *maker) strictJSON() error {
	stop := m.s.reader.policy() == schemaStop && m.closed()
	for _, n := range m.s.splits {
		for _, key := range n.glance.keys {
			i := indexColumn(m.settled.columns, key)
			if i < 0 {
				if stop && key != "" {
					return unknownField(n.name, key)
				}
				continue
			}
			k := n.glance.looks[key]
			if k == nil || len(k.members) == 0 {
				continue
			}
			if member := k.beyond(m.settled.columns[i].typ); member != "" {
				return fault.New(fault.Data, "%s: %s has a member that its type does not: %q", n.name, key, member).
					WithHint("under columns, add it to the type of %s, or declare %s as varchar to keep all of it as JSON", key, key)
			}
		}
	}
	return nil
}

// errNotObject is what is wrong with a record that is a JSON value of another kind.
var errNotObject = errors.New("not a JSON object")
