package files

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"weir/internal/fault"
	"weir/internal/job"
)

// fieldRef is the reader's name for a CSV file's field: the files' own names never meet the reader's.
func fieldRef(i int) string { return fmt.Sprintf("f%d", i) }

// csvSelect writes a branch's SELECT and the SELECT of its rejects.
func (m *maker) csvSelect(b *branch) (sel, rejects string) {
	o := readOptions{plain: b.splits[0].plain, long: b.long > short, dateFormat: m.s.reader.DateFormat != "", timestampFormat: m.s.reader.TimestampFormat != ""}
	types := make([]string, len(b.head.names))
	for i := range types {
		types[i] = "VARCHAR"
	}
	var items, suspects []string
	for _, c := range m.settled.columns {
		item, r := m.csvColumn(b, c, o)
		items = append(items, item)
		if r.suspect != "" {
			suspects = append(suspects, r.suspect)
		}
		if i := indexFold(b.head.names, c.name); i >= 0 {
			types[i] = r.as
		}
	}
	items = append(items, m.s.fileExpr(b.splits, pathRef())+" AS "+job.Quote(fileColumn))
	if b.splits[0].sure {
		// To note rejects costs the reader a thirtieth. Should it refuse something all the same, the read ends, and the file is
		// read record by record.
		return "SELECT " + strings.Join(items, ", ") + " FROM " + m.readCSV(b, types, "") + unless(suspects, pathRef()), ""
	}
	tables := "weir_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	m.tables = append(m.tables, tables+"_e", tables+"_s", lineTable(tables))
	m.settles = append(m.settles, func(ctx context.Context) error { return m.settleLines(ctx, b, tables) })
	from := m.readCSV(b, types, fmt.Sprintf(", store_rejects=true, rejects_table='%s_e', rejects_scan='%s_s'", tables, tables))
	return "SELECT " + strings.Join(items, ", ") + " FROM " + from + unless(suspects, pathRef()), m.csvRejects(b, tables)
}

// csvColumn is one column of a branch: a field of the file, a folder's value, the unknown fields, or null.
func (m *maker) csvColumn(b *branch, c column, o readOptions) (item string, r reading) {
	as := " AS " + job.Quote(c.name)
	if i := indexFold(b.head.names, c.name); i >= 0 {
		r = readAs(c.typ, fieldRef(i), o)
		return r.value + as, r
	}
	if ref, ok := b.hiveRef(c.name); ok {
		r = readAs(c.typ, ref, readOptions{long: true})
		if r.as != "VARCHAR" {
			r.value = "CAST(" + ref + " AS " + c.typ.String() + ")"
		}
		return r.value + as, r
	}
	if c.name == extraColumn {
		return m.csvExtra(b) + as, r
	}
	return nullColumn(c), r
}

// csvExtra is the JSON object of a branch's unknown fields.
func (m *maker) csvExtra(b *branch) string {
	var parts []string
	for i, name := range b.head.names {
		if m.settled.unknown[strings.ToLower(name)] {
			parts = append(parts, job.Literal(name)+": "+fieldRef(i))
		}
	}
	if len(parts) == 0 {
		return "CAST(NULL AS VARCHAR)"
	}
	return "CAST(to_json({" + strings.Join(parts, ", ") + "}) AS VARCHAR)"
}

func indexFold(names []string, name string) int {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}

// readCSV is the reader's call. Nothing is left for it to find out, so that every file is read by the same rules.
func (m *maker) readCSV(b *branch, types []string, more string) string {
	d := b.head
	cols := make([]string, len(types))
	for i, t := range types {
		cols[i] = fmt.Sprintf("'%s': '%s'", fieldRef(i), t)
	}
	o := fmt.Sprintf("auto_detect=false, header=%v, delim=%s, quote=%s, escape=%s, skip=%d, columns={%s}, filename=%s",
		d.header, charLiteral(d.delimiter), charLiteral(d.quote), charLiteral(d.escape), d.engineSkip, strings.Join(cols, ", "), job.Literal(pathColumn))
	if d.encoding != "" && d.encoding != "utf-8" {
		o += ", encoding=" + job.Literal(d.encoding)
	}
	o += m.formats() + m.buffers(b)
	return "read_csv(" + b.paths() + ", " + o + b.hiveOption() + more + ")"
}

func charLiteral(c byte) string {
	if c == 0 {
		return "''"
	}
	return job.Literal(string([]byte{c}))
}

// csvRejects turns what the reader notes into rejects: one row a record, its form before its values. Behind CRLF and
// blank lines the reader's raw line begins with the line ends before it.
func (m *maker) csvRejects(b *branch, tables string) string {
	names, types := make([]string, len(b.head.names)), make([]string, len(b.head.names))
	for i, n := range b.head.names {
		names[i], types[i] = job.Literal(n), "''"
		if c := indexColumn(m.settled.columns, n); c >= 0 {
			types[i] = job.Literal(m.settled.columns[c].typ.String())
		}
	}
	value := `regexp_extract(error_message, 'Could not convert string "(.*)" to ''', 1, 's')`
	reason := `CASE error_type
  WHEN 'CAST' THEN name || ': "' || ` + value + ` || '" is not ' || type
  WHEN 'MISSING COLUMNS' THEN 'too few fields: ' || regexp_extract(error_message, 'Found: (\d+)', 1) || ' of ` + fmt.Sprint(len(names)) + `'
  WHEN 'TOO MANY COLUMNS' THEN 'too many fields: ' || regexp_extract(error_message, 'Found: (\d+)', 1) || ' instead of ` + fmt.Sprint(len(names)) + `'
  WHEN 'UNQUOTED VALUE' THEN 'a quote is not closed, or text stands behind it'
  WHEN 'LINE SIZE OVER MAXIMUM' THEN 'the line is longer than ` + fmt.Sprint(m.s.reader.maxLine()) + ` bytes'
  WHEN 'INVALID ENCODING' THEN 'the line is not valid ` + strings.ToUpper(orUTF8(b.head.encoding)) + `'
  ELSE lower(error_type) || ': ' || error_message END`
	inner := `SELECT ` + m.s.fileExpr(b.splits, "s.file_path") + ` AS dataset, coalesce(l.line, CAST(e.line AS BIGINT)) AS line,
 ltrim(e.csv_line, chr(10) || chr(13)) AS raw,
 CAST(e.line_byte_position - 1 + strlen(e.csv_line) - strlen(ltrim(e.csv_line, chr(10) || chr(13))) AS BIGINT) AS "offset",
 coalesce(CASE WHEN e.error_type = 'CAST' THEN [` + strings.Join(names, ", ") + `][CAST(e.column_idx AS BIGINT)] END, '') AS name,
 coalesce([` + strings.Join(types, ", ") + `][CAST(e.column_idx AS BIGINT)], '') AS type, e.error_type, e.error_message
FROM ` + tables + `_e AS e JOIN ` + tables + `_s AS s USING (scan_id, file_id)
LEFT JOIN ` + lineTable(tables) + ` AS l ON l.path = s.file_path AND l."at" = e.line_byte_position
QUALIFY row_number() OVER (PARTITION BY e.scan_id, e.file_id, e.line_byte_position ORDER BY e.error_type = 'CAST', e.byte_position) = 1`
	return "SELECT " + rejectID("dataset", "line", "raw") + ` AS id, 'reject' AS kind, dataset, line, "offset", name AS "column", ` +
		reason + ` AS reason, '' AS rule, raw, ` + job.Literal(b.head.line) + " AS header FROM (" + inner + ")"
}

func orUTF8(encoding string) string {
	if encoding == "" {
		return "utf-8"
	}
	return encoding
}

// rejectID is SQL for a reject's id; identify in spill.go has the same in Go.
func rejectID(dataset, line, raw string) string {
	return "left(sha256(" + dataset + " || chr(10) || " + line + " || chr(10) || " + raw + "), 32)"
}

// inferCSV finds the type of a field nobody declared, from the beginning of the first files that have it.
func (m *maker) inferCSV(ctx context.Context, f field) (string, error) {
	for _, b := range m.branches {
		i := indexFold(b.head.names, f.name)
		if b.format != formatCSV || i < 0 {
			continue
		}
		types, err := m.sniffCSV(ctx, b)
		if err != nil {
			return "", err
		}
		return types[i], nil
	}
	return "VARCHAR", nil
}

// sniffCSV has the engine find the types of a branch's fields.
func (m *maker) sniffCSV(ctx context.Context, b *branch) ([]string, error) {
	if b.sniffed != nil {
		return b.sniffed, nil
	}
	const atMost = 8
	sample, d := *b, b.head
	sample.splits = b.splits[:min(len(b.splits), atMost)]
	q := fmt.Sprintf("SELECT * FROM read_csv(%s, auto_detect=true, header=%v, delim=%s, quote=%s, escape=%s, skip=%d, sample_size=%d, ignore_errors=true, hive_partitioning=false, names=[%s]",
		sample.paths(), d.header, charLiteral(d.delimiter), charLiteral(d.quote), charLiteral(d.escape), d.engineSkip, sampleRecords, strings.Join(refs(len(d.names)), ", "))
	if d.encoding != "" && d.encoding != "utf-8" {
		q += ", encoding=" + job.Literal(d.encoding)
	}
	cols, err := m.e.Describe(ctx, q+m.formats()+m.buffers(b)+")")
	if err != nil {
		return nil, m.engineFault(err)
	}
	if len(cols) != len(d.names) {
		return nil, fault.New(fault.Data, "%s: the reader finds %d columns, the header names %d", b.splits[0].name, len(cols), len(d.names)).
			WithHint("declare the columns")
	}
	types := make([]string, len(cols))
	for i, c := range cols {
		types[i] = c.Type
	}
	return types, m.keepZeros(b, types)
}

// keepZeros makes columns text that would lose zeros in front: 00123 is a code, not a number.
func (m *maker) keepZeros(b *branch, types []string) error {
	head, err := readStart(b.splits[0], b.head.encoding)
	if err != nil {
		return readFault(b.splits[0].name, err)
	}
	r := newRecords(bytes.NewReader(head), b.head.dialect, headSize)
	for first := true; ; first = false {
		rec, err := r.next()
		if err != nil {
			break
		}
		for i, f := range rec.fields {
			v := f.text
			if i < len(types) && !(first && b.head.header) && (types[i] == "BIGINT" || types[i] == "DOUBLE") && len(v) > 1 && v[0] == '0' && v[1] >= '0' && v[1] <= '9' {
				types[i] = "VARCHAR"
			}
		}
	}
	b.sniffed = types
	return nil
}

// sampleRecords is how many records of a file are looked at for types and fields nobody declared.
const sampleRecords = 20480

func refs(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "'" + fieldRef(i) + "'"
	}
	return out
}

// buffers are the reader's sizes. A buffer must hold a line. Each core fills one, and the engine keeps some more, so they
// are small where it is known that no line is long: as fast, for half the memory (promise 5).
func (m *maker) buffers(b *branch) string {
	line := m.s.reader.maxLine()
	if !b.splits[0].plain {
		return fmt.Sprintf(", max_line_size=%d, buffer_size=%d", line, max(32<<20, 2*line))
	}
	return fmt.Sprintf(", max_line_size=%d, buffer_size=%d", min(line, certifiedLine), 8*chunkSize)
}

// formats are the options that change what a text means.
func (m *maker) formats() string {
	var o string
	if m.s.reader.DateFormat != "" {
		o += ", dateformat=" + job.Literal(m.s.reader.DateFormat)
	}
	if m.s.reader.TimestampFormat != "" {
		o += ", timestampformat=" + job.Literal(m.s.reader.TimestampFormat)
	}
	nulls := []string{"''"}
	for _, n := range m.s.reader.NullValues {
		nulls = append(nulls, job.Literal(n))
	}
	o += ", nullstr=[" + strings.Join(nulls, ", ") + "]"
	if m.s.reader.Comment != "" {
		o += ", comment=" + charLiteral(firstByte(m.s.reader.Comment, 0))
	}
	return o
}
