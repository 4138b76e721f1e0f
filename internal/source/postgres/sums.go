package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/job/coltype"
	"weir/internal/postgres"
	"weir/internal/source"
)

var _ source.Summed = (*table)(nil)

// summed is a relation that is summed up, on a connection of its own.
type summed struct {
	c   *pgx.Conn
	rel *relation
	t   *table
}

func (t *table) open(ctx context.Context) (*summed, error) {
	schema, name, err := splitName(t.reader.dataset)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	server := t.server
	if t.reader.Follows() {
		server = t.primary
	}
	c, err := server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	rel, err := look(ctx, server, c, schema, name)
	if err != nil {
		return nil, errors.Join(err, c.Close(context.WithoutCancel(ctx)))
	}
	return &summed{c: c, rel: rel, t: t}, nil
}

func (s *summed) close(ctx context.Context, err *error) {
	*err = errors.Join(*err, s.c.Close(context.WithoutCancel(ctx)))
}

// Comparable are the columns whose values have one canonical text here and in the lake.
func (t *table) Comparable(ctx context.Context, cols []job.Column) (out []job.Column, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx, &err)
	for _, c := range cols {
		if _, ok := s.text(c); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// text is SQL for a column's canonical text, null for a null; false where there is none.
func (s *summed) text(c job.Column) (string, bool) {
	a, ok := s.rel.attribute(c.Name)
	if !ok {
		return "", false
	}
	col := columnOf(a)
	if c.Type == "VARCHAR" && col.typ != "VARCHAR" {
		return asDeclaredText(a, col).expr, true
	}
	name := postgres.Quote(a.name)
	if want, err := coltype.Parse(c.Type); err == nil && want.Kind == "DECIMAL" && (col.form == asDecimal || col.form == asInt16 || col.form == asInt32 || col.form == asInt64) {
		return fmt.Sprintf("%s::numeric(%d,%d)::text", name, want.Digits, want.Scale), true
	}
	if !held(col.typ, c.Type) {
		return "", false
	}
	return canonical(col, name), true
}

// held says whether values of a source's type have the same canonical text in the lake's type.
func held(from, to string) bool {
	return from == to || from == "INTEGER" && to == "BIGINT"
}

// canonical is a value's text as source.Summing says.
func canonical(c column, value string) string {
	switch c.form {
	case asBool:
		return "CASE WHEN " + value + " THEN 't' WHEN NOT " + value + " THEN 'f' END"
	case asFloat32:
		return "('x' || encode(float4send(" + value + "), 'hex'))::bit(32)::text"
	case asFloat64:
		return "('x' || encode(float8send(" + value + "), 'hex'))::bit(64)::text"
	case asDate:
		return finite(value, "", "("+value+" - '1970-01-01'::date)::text")
	case asTime:
		return "(extract(epoch FROM " + value + ") * 1000000)::int8::text"
	case asTimestamp:
		return finite(value, " AND "+value+" < '294247-01-01'", "(extract(epoch FROM date_trunc('second', "+value+"))::int8 * 1000000 + extract(microseconds FROM "+value+")::int8 % 1000000)::text")
	case asBlob:
		return "encode(" + value + ", 'hex')"
	case asArray:
		item := "(" + canonical(*c.item, "weir_item.v") + ")"
		return "CASE WHEN " + value + " IS NOT NULL THEN '[' || coalesce((SELECT string_agg(coalesce(octet_length(" + item + ") || ':' || " + item +
			", 'N'), ',' ORDER BY weir_item.n) FROM unnest(" + value + ") WITH ORDINALITY AS weir_item(v, n)), '') || ']' END"
	case asText:
		if c.expr != "" && c.expr != value && strings.HasPrefix(c.expr, value) {
			return value + strings.TrimPrefix(c.expr, value) // a cast of the column
		}
		return "CASE WHEN " + value + " IS NOT NULL THEN concat(" + value + ") END" // a cast would cut the blanks off a char(n)
	}
	return value + "::text"
}

// finite is the text of a date or time that the lake can hold, and of any other what the server calls it: its row is not in the
// lake, and must not end the comparison of all others.
func finite(value, within, text string) string {
	return "CASE WHEN isfinite(" + value + ")" + within + " THEN " + text + " ELSE " + value + "::text END"
}

// worded is a text with its length before it.
func worded(text string) string {
	return "coalesce(octet_length(" + text + ") || ':' || (" + text + "), 'N')"
}

// rowTexts is SQL for all texts of a row or a key, with commas between.
func (s *summed) rowTexts(cols []job.Column) (string, error) {
	parts := make([]string, len(cols))
	for i, c := range cols {
		text, ok := s.text(c)
		if !ok {
			return "", fault.New(fault.Usage, "column %q of %s cannot be compared", c.Name, s.rel.shown())
		}
		parts[i] = worded("(" + text + ")")
	}
	// Functions take 100 arguments at most.
	return strings.Join(parts, " || ',' || "), nil
}

// keyColumns are the columns of the key.
func keyColumns(s source.Summing) (out []job.Column) {
	for _, k := range s.Key {
		for _, c := range s.Columns {
			if strings.EqualFold(c.Name, k) {
				out = append(out, c)
			}
		}
	}
	return out
}

func (s *summed) expressions(q source.Summing) (part, digest string, err error) {
	key, err := s.rowTexts(keyColumns(q))
	if err != nil {
		return "", "", err
	}
	row, err := s.rowTexts(q.Columns)
	part = fmt.Sprintf("('x' || substr(md5(%s), 1, 6))::bit(24)::int %% %d", key, q.Parts)
	return part, "('x' || substr(md5(" + row + "), 1, 15))::bit(60)::int8", err
}

// Sums has the server add up its rows.
func (t *table) Sums(ctx context.Context, q source.Summing) (out map[int]source.Part, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx, &err)
	part, digest, err := s.expressions(q)
	if err != nil {
		return nil, err
	}
	rows, err := s.c.Query(ctx, "SELECT p, count(*), sum(d::numeric)::text FROM (SELECT "+part+" AS p, "+digest+" AS d FROM "+s.rel.quoted()+t.where()+") AS r GROUP BY p")
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	defer rows.Close()
	out = map[int]source.Part{}
	for rows.Next() {
		var p int
		var v source.Part
		if err := rows.Scan(&p, &v.Rows, &v.Sum); err != nil {
			return nil, s.failed(ctx, err)
		}
		out[p] = v
	}
	return out, s.failed(ctx, rows.Err())
}

// where leaves out the rows that are not read.
func (t *table) where() string {
	if c := parenthesized(t.reader.Where); c != "" {
		return " WHERE " + c
	}
	return ""
}

func (s *summed) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sum up %s: %w", s.rel.shown(), postgres.Classify(ctx, err))
}

// keyList is SQL for the key's texts, one column each.
func (s *summed) keyList(q source.Summing) (string, error) {
	var items []string
	for _, c := range keyColumns(q) {
		text, ok := s.text(c)
		if !ok {
			return "", fault.New(fault.Usage, "column %q of %s cannot be compared", c.Name, s.rel.shown())
		}
		items = append(items, "coalesce(("+text+"), '')")
	}
	return "ARRAY[" + strings.Join(items, ", ") + "]", nil
}

// Rows reads keys and digests of some parts.
func (t *table) Rows(ctx context.Context, q source.Summing, parts []int, each func(source.Row) error) (err error) {
	s, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer s.close(ctx, &err)
	part, digest, err := s.expressions(q)
	if err != nil {
		return err
	}
	keys, err := s.keyList(q)
	if err != nil {
		return err
	}
	rows, err := s.c.Query(ctx, "SELECT k, d::text FROM (SELECT "+part+" AS p, "+keys+" AS k, "+digest+" AS d FROM "+s.rel.quoted()+t.where()+") AS r WHERE p = ANY($1::int[])", parts)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var r source.Row
		if err := rows.Scan(&r.Key, &r.Digest); err != nil {
			return s.failed(ctx, err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return s.failed(ctx, rows.Err())
}

// Texts reads the canonical texts of some rows.
func (t *table) Texts(ctx context.Context, q source.Summing, keys [][]string) (out map[string][]string, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx, &err)
	list, err := s.keyList(q)
	if err != nil {
		return nil, err
	}
	items, wanted := make([]string, len(q.Columns)), make([]string, len(keys))
	for i, c := range q.Columns {
		text, _ := s.text(c)
		items[i] = "coalesce((" + text + "), 'N')"
	}
	for i, k := range keys {
		wanted[i] = strings.Join(k, "\x1f")
	}
	rows, err := s.c.Query(ctx, "SELECT k, v FROM (SELECT array_to_string("+list+", chr(31)) AS k, ARRAY["+strings.Join(items, ", ")+"] AS v FROM "+s.rel.quoted()+t.where()+") AS r WHERE k = ANY($1::text[])", wanted)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	defer rows.Close()
	out = map[string][]string{}
	for rows.Next() {
		var k string
		var v []string
		if err := rows.Scan(&k, &v); err != nil {
			return nil, s.failed(ctx, err)
		}
		out[k] = v
	}
	return out, s.failed(ctx, rows.Err())
}
