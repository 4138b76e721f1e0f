package files

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// parser takes the records of one file apart and checks every value.
type parser struct {
	m      *maker
	names  []string // of a CSV file's fields
	at     []int    // field of each column, -1 where the file has none
	fixed  [][]byte // JSON of a column that is the same in the whole file: a folder's value; nil for others
	date   *timeFormat
	moment *timeFormat
	policy string // of JSON keys that are no column; "" where they are left out
	// columns are the settled columns by name, rec the JSON record that was taken apart last.
	columns map[string]int
	folded  map[string]int // the same in small letters
	rec     jsonRecord
	out     bytes.Buffer
}

func (m *maker) newParser(file string, head csvHead) (*parser, error) {
	p := &parser{m: m, names: head.names, at: make([]int, len(m.settled.columns)), fixed: make([][]byte, len(m.settled.columns))}
	var err error
	if p.date, err = compileFormat(m.s.reader.DateFormat); err != nil {
		return nil, err
	}
	if p.moment, err = compileFormat(m.s.reader.TimestampFormat); err != nil {
		return nil, err
	}
	if m.closed() && m.s.reader.policy() != schemaAdd {
		p.policy = m.s.reader.policy()
	}
	p.columns, p.folded = map[string]int{}, map[string]int{}
	p.rec = jsonRecord{values: make([][]byte, len(m.settled.columns)), keys: make([]string, len(m.settled.columns)), unknown: map[string][]byte{}}
	hive := m.s.hiveKeys(file)
	for i, c := range m.settled.columns {
		p.columns[c.name], p.folded[strings.ToLower(c.name)] = i, i
		p.at[i] = indexFold(head.names, c.name)
		h := slices.IndexFunc(hive, func(k hiveKey) bool { return strings.EqualFold(k.name, c.name) })
		if p.at[i] >= 0 || h < 0 {
			continue
		}
		p.fixed[i] = []byte("null")
		if v := hive[h].value; v != hiveNull {
			text, ok := c.typ.fits(v)
			if !ok {
				return nil, unfitFolder(file, hive[h], c)
			}
			p.fixed[i] = quoteJSON(text)
		}
	}
	return p, nil
}

func bad(column, format string, args ...any) taken {
	return taken{column: column, reason: fmt.Sprintf(format, args...)}
}

func misfit(column, path, value string, t ctype) taken {
	return bad(column, "%s: %q is not %s", path, clip(value, 60), t)
}

// member starts a member of the record that is written.
func (p *parser) member(i int) {
	if p.out.Len() > 0 {
		p.out.WriteByte(',')
	}
	fmt.Fprintf(&p.out, `"c%d":`, i)
}

// csv takes a CSV record.
func (p *parser) csv(rec *csvRecord) taken {
	switch {
	case rec.wrong != "":
		return bad("", "%s", rec.wrong)
	case len(rec.fields) < len(p.names):
		return bad("", "too few fields: %d of %d", len(rec.fields), len(p.names))
	case len(rec.fields) > len(p.names):
		return bad("", "too many fields: %d instead of %d", len(rec.fields), len(p.names))
	}
	p.out.Reset()
	for i, c := range p.m.settled.columns {
		p.member(i)
		if p.fixed[i] != nil {
			p.out.Write(p.fixed[i])
			continue
		}
		if c.name == extraColumn {
			p.out.Write(p.csvExtra(rec))
			continue
		}
		if p.at[i] < 0 || p.null(rec.fields[p.at[i]].text) {
			p.out.WriteString("null")
			continue
		}
		value := rec.fields[p.at[i]].text
		text, ok := p.fits(c.typ, value)
		if !ok {
			return misfit(c.name, c.name, value, c.typ)
		}
		p.out.Write(quoteJSON(text))
	}
	return taken{values: p.out.Bytes()}
}

func (p *parser) null(s string) bool { return s == "" || slices.Contains(p.m.s.reader.NullValues, s) }

// fits checks a CSV text, by the table's own formats where it has them.
func (p *parser) fits(t ctype, s string) (string, bool) {
	switch {
	case t.kind == date && p.date != nil:
		n, ok := p.date.normal(s)
		if !ok || !strings.HasPrefix(n[10:], " 00:00:00.000000") {
			return "", false
		}
		return n[:10], true
	case (t.kind == moment || t.kind == zoned) && p.moment != nil:
		return p.moment.normal(s)
	}
	return t.fits(s)
}

func (p *parser) csvExtra(rec *csvRecord) []byte {
	var b bytes.Buffer
	for i, n := range p.names {
		if !p.m.settled.unknown[strings.ToLower(n)] {
			continue
		}
		sep := byte(',')
		if b.Len() == 0 {
			sep = '{'
		}
		b.WriteByte(sep)
		b.Write(quoteJSON(n))
		b.WriteByte(':')
		if p.null(rec.fields[i].text) {
			b.WriteString("null")
		} else {
			b.Write(quoteJSON(rec.fields[i].text))
		}
	}
	if b.Len() == 0 {
		return []byte("null")
	}
	return quoteJSON(b.String() + "}")
}

// json takes a JSON record; of keys that come twice the last one counts.
func (p *parser) json(raw []byte) taken {
	raw = bytes.TrimSpace(raw)
	switch {
	case !json.Valid(raw):
		var all json.RawMessage
		return bad("", "malformed JSON: %v", json.Unmarshal(raw, &all))
	case !utf8.Valid(raw):
		return bad("", "the record is not valid UTF-8")
	case halfPair(raw):
		return bad("", "malformed JSON: half a surrogate pair stands alone")
	}
	if raw[0] != '{' {
		return bad("", "%v", errNotObject)
	}
	rec, t := p.record(raw)
	if t.reason != "" {
		return t
	}
	extra, t := p.unknownKeys(rec)
	if t.reason != "" {
		return t
	}
	p.out.Reset()
	for i, c := range p.m.settled.columns {
		p.member(i)
		switch {
		case p.fixed[i] != nil:
			p.out.Write(p.fixed[i])
		case c.name == extraColumn:
			p.out.Write(extra)
		case rec.values[i] == nil:
			p.out.WriteString("null")
		default:
			if t := p.value(c.typ, rec.values[i], c.name, c.name); t.reason != "" {
				return t
			}
		}
	}
	return taken{values: p.out.Bytes()}
}

// jsonRecord is a record taken apart: the value of each column, nil where it has none, and the members that are no column.
type jsonRecord struct {
	values  [][]byte
	keys    []string // as the record spells them
	unknown map[string][]byte
}

// record takes a record apart. Letters large and small make no other column, but two spellings in one record are no
// answer to which of them counts.
func (p *parser) record(raw []byte) (rec *jsonRecord, wrong taken) {
	clear(p.rec.values)
	clear(p.rec.unknown)
	eachMember(raw, func(key string, value []byte) {
		i, ok := p.columns[key]
		if !ok {
			i, ok = p.folded[strings.ToLower(key)]
		}
		switch {
		case ok && p.rec.values[i] != nil && p.rec.keys[i] != key:
			wrong = bad(p.m.settled.columns[i].name, "the keys %q and %q are one column", p.rec.keys[i], key)
		case ok:
			p.rec.values[i], p.rec.keys[i] = value, key
		case p.policy != "":
			p.rec.unknown[key] = value
		}
	})
	return &p.rec, wrong
}

// unknownKeys settles keys that are no column; extra is them as one JSON string.
func (p *parser) unknownKeys(rec *jsonRecord) (extra []byte, t taken) {
	if len(rec.unknown) == 0 {
		return []byte("null"), t
	}
	names := make([]string, 0, len(rec.unknown))
	for k := range rec.unknown {
		names = append(names, k)
	}
	sort.Strings(names)
	if p.policy != schemaExtra {
		return nil, bad(names[0], "%s: the table has no such column", names[0])
	}
	var b bytes.Buffer
	for i, n := range names {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(quoteJSON(n))
		b.WriteByte(':')
		_ = json.Compact(&b, rec.unknown[n]) // it has been parsed
	}
	b.WriteByte('}')
	return quoteJSON(b.String()), t
}

// value checks a JSON value against a type and writes it; path names it for a person.
func (p *parser) value(t ctype, raw []byte, column, path string) taken {
	if string(raw) == "null" {
		p.out.WriteString("null")
		return taken{}
	}
	switch t.kind {
	case list:
		return p.list(t, raw, column, path)
	case structure:
		return p.structure(t, raw, column, path)
	case mapping:
		return p.mapping(t, raw, column, path)
	}
	text, ok := t.fitsJSON(raw)
	if !ok {
		return misfit(column, path, plain(raw), t)
	}
	p.out.Write(quoteJSON(text))
	return taken{}
}

func (p *parser) list(t ctype, raw []byte, column, path string) (wrong taken) {
	if raw[0] != '[' {
		return misfit(column, path, plain(raw), t)
	}
	p.out.WriteByte('[')
	n := 0
	eachElement(raw, func(item []byte) {
		if wrong.reason != "" {
			return
		}
		if n > 0 {
			p.out.WriteByte(',')
		}
		wrong = p.value(t.fields[0].typ, item, column, fmt.Sprintf("%s[%d]", path, n))
		n++
	})
	p.out.WriteByte(']')
	return wrong
}

func (p *parser) structure(t ctype, raw []byte, column, path string) taken {
	if raw[0] != '{' {
		return misfit(column, path, plain(raw), t)
	}
	values := make([][]byte, len(t.fields))
	eachMember(raw, func(key string, value []byte) {
		for i, f := range t.fields {
			if f.name == key {
				values[i] = value
			}
		}
	})
	p.out.WriteByte('{')
	for i, f := range t.fields {
		if i > 0 {
			p.out.WriteByte(',')
		}
		p.out.Write(quoteJSON(f.name))
		p.out.WriteByte(':')
		if values[i] == nil {
			p.out.WriteString("null")
			continue
		}
		if w := p.value(f.typ, values[i], column, path+"."+f.name); w.reason != "" {
			return w
		}
	}
	p.out.WriteByte('}')
	return taken{}
}

func (p *parser) mapping(t ctype, raw []byte, column, path string) (wrong taken) {
	if raw[0] != '{' {
		return misfit(column, path, plain(raw), t)
	}
	last := map[string][]byte{}
	var keys []string
	eachMember(raw, func(key string, value []byte) {
		if _, twice := last[key]; !twice {
			keys = append(keys, key)
		}
		last[key] = value
	})
	p.out.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			p.out.WriteByte(',')
		}
		text, ok := t.fields[0].typ.fits(k)
		if !ok {
			return misfit(column, path+" key", k, t.fields[0].typ)
		}
		p.out.Write(quoteJSON(text))
		p.out.WriteByte(':')
		if wrong = p.value(t.fields[1].typ, last[k], column, path+"."+k); wrong.reason != "" {
			return wrong
		}
	}
	p.out.WriteByte('}')
	return wrong
}

// fitsJSON checks a JSON scalar. A number is no date and no truth value; true is 1 to a number, as it is to the engine.
func (t ctype) fitsJSON(raw []byte) (string, bool) {
	switch raw[0] {
	case '"':
		return t.fits(unquoteJSON(raw))
	case '{', '[':
		var b bytes.Buffer
		if t.kind != text || json.Compact(&b, raw) != nil {
			return "", false
		}
		return b.String(), true
	case 't', 'f':
		return t.fitsTruth(string(raw))
	}
	switch t.kind {
	case integer, decimal, float, text:
		return t.fits(string(raw))
	}
	return "", false
}

func (t ctype) fitsTruth(s string) (string, bool) {
	switch t.kind {
	case boolean, text:
		return s, true
	case integer, decimal, float:
		return map[string]string{"true": "1", "false": "0"}[s], true
	}
	return "", false
}

// plain is a JSON value as a person reads it: a string without its quotes.
func plain(raw []byte) string {
	if raw[0] == '"' {
		return unquoteJSON(raw)
	}
	return string(raw)
}
