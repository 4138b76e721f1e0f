package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/mysql/wire"
	"weir/internal/source"
	"weir/internal/source/mysql/value"
)

var _ source.Summed = (*table)(nil)

// summed is a relation that is summed up, on a connection of its own.
type summed struct {
	c   *wire.Conn
	rel *relation
	t   *table
}

func (t *table) open(ctx context.Context) (*summed, error) {
	server := t.server
	if t.reader.Follows() {
		server = t.primary
	}
	database, name, err := splitName(t.reader.dataset, server.Database())
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	c, err := server.Dial(ctx)
	if err != nil {
		return nil, err
	}
	rel, err := look(ctx, c, database, name)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &summed{c: c, rel: rel, t: t}, nil
}

func (s *summed) close(err *error) { *err = errors.Join(*err, s.c.Close()) }

// Comparable are the columns whose values have one canonical text here and in the lake. Floating numbers are not among them:
// the server can't show their bits.
func (t *table) Comparable(ctx context.Context, cols []job.Column) (out []job.Column, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(&err)
	for _, c := range cols {
		if _, ok := s.text(c); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// text is SQL for a column's canonical text, null for a null; false where there is none.
func (s *summed) text(c job.Column) (string, bool) {
	d, ok := s.rel.column(c.Name)
	if !ok {
		return "", false
	}
	zero := s.t.reader.zeroDates()
	if c.Type == "VARCHAR" {
		zero = value.TextZero
	}
	col, err := value.Describe(d, zero)
	if err != nil {
		return "", false
	}
	lake := col.Lake().Type
	if lake != c.Type && !(lake == "INTEGER" && c.Type == "BIGINT") {
		return "", false
	}
	return canonical(col, wire.Name(d.Name), zero)
}

// canonical is a value's text as source.Summing says.
func canonical(c value.Column, name string, zero value.ZeroDates) (string, bool) {
	characters := "CONVERT(" + name + " USING utf8mb4)"
	switch c.Kind {
	case value.Int32, value.Int64, value.Uint64, value.Decimal, value.LongDec, value.Year, value.Time, value.JSON, value.UUID, value.Inet4, value.Inet6:
		return "CAST(" + name + " AS CHAR CHARACTER SET utf8mb4)", true
	case value.Bool:
		return "CASE " + name + " WHEN 1 THEN 't' WHEN 0 THEN 'f' END", true
	case value.Bits:
		return "CAST(CAST(" + name + " AS UNSIGNED) AS CHAR)", true
	case value.Text, value.Enum, value.Set:
		return characters, true
	case value.Blob:
		return "LOWER(HEX(" + name + "))", true
	case value.Date, value.Datetime, value.Timestamp:
		switch {
		case zero == value.TextZero:
			return "CAST(" + name + " AS CHAR)", true
		case c.Kind == value.Date:
			return "CAST(TO_DAYS(" + name + ") - 719528 AS CHAR)", true
		}
		return "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " + name + ") AS CHAR)", true
	}
	return "", false
}

// worded is a text with its length before it.
func worded(text string) string {
	return "COALESCE(CONCAT(LENGTH(" + text + "), ':', " + text + "), 'N')"
}

// rowTexts is SQL for all texts of a row or a key, with commas between.
func (s *summed) rowTexts(cols []job.Column) (string, error) {
	parts := make([]string, len(cols))
	for i, c := range cols {
		text, ok := s.text(c)
		if !ok {
			return "", fault.New(fault.Usage, "column %q of %s cannot be compared", c.Name, s.rel.shown())
		}
		parts[i] = worded(text)
	}
	return "CONCAT_WS(',', " + strings.Join(parts, ", ") + ")", nil
}

func keyColumns(q source.Summing) (out []job.Column) {
	for _, k := range q.Key {
		for _, c := range q.Columns {
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
	part = fmt.Sprintf("CAST(CONV(SUBSTR(MD5(%s), 1, 6), 16, 10) AS UNSIGNED) %% %d", key, q.Parts)
	return part, "CAST(CONV(SUBSTR(MD5(" + row + "), 1, 15), 16, 10) AS UNSIGNED)", err
}

// keyText is SQL for the key's texts, with a separator that no text has.
func (s *summed) keyText(q source.Summing) (string, error) {
	var items []string
	for _, c := range keyColumns(q) {
		text, ok := s.text(c)
		if !ok {
			return "", fault.New(fault.Usage, "column %q of %s cannot be compared", c.Name, s.rel.shown())
		}
		items = append(items, "COALESCE("+text+", '')")
	}
	return "CONCAT_WS(CHAR(31 USING utf8mb4), " + strings.Join(items, ", ") + ")", nil
}

func (s *summed) from() string {
	sql := " FROM " + s.rel.quoted()
	if c := parenthesized(s.t.reader.Where); c != "" {
		sql += " WHERE " + c
	}
	return sql
}

func (s *summed) ask(ctx context.Context, sql string) ([][]wire.Text, error) {
	rows, err := s.c.Strings(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("sum up %s: %w", s.rel.shown(), err)
	}
	return rows, nil
}

// Sums has the server add up its rows.
func (t *table) Sums(ctx context.Context, q source.Summing) (out map[int]source.Part, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(&err)
	if ok, err := s.hashes(ctx); err != nil {
		return nil, err
	} else if !ok {
		return s.sumsHere(ctx, q)
	}
	part, digest, err := s.expressions(q)
	if err != nil {
		return nil, err
	}
	rows, err := s.ask(ctx, "SELECT p, COUNT(*), SUM(d) FROM (SELECT "+part+" AS p, "+digest+" AS d"+s.from()+") AS r GROUP BY p")
	out = map[int]source.Part{}
	for _, r := range rows {
		out[int(number(r[0]))] = source.Part{Rows: number(r[1]), Sum: r[2].Value}
	}
	return out, err
}

// Rows reads keys and digests of some parts.
func (t *table) Rows(ctx context.Context, q source.Summing, parts []int, each func(source.Row) error) (err error) {
	s, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	if ok, err := s.hashes(ctx); err != nil {
		return err
	} else if !ok {
		return s.rowsHere(ctx, q, parts, each)
	}
	part, digest, err := s.expressions(q)
	if err != nil {
		return err
	}
	key, err := s.keyText(q)
	if err != nil {
		return err
	}
	wanted := make([]string, len(parts))
	for i, p := range parts {
		wanted[i] = strconv.Itoa(p)
	}
	rows, err := s.ask(ctx, "SELECT k, d FROM (SELECT "+part+" AS p, "+key+" AS k, "+digest+" AS d"+s.from()+") AS r WHERE p IN ("+strings.Join(wanted, ", ")+")")
	for _, r := range rows {
		if err := each(source.Row{Key: strings.Split(r[0].Value, "\x1f"), Digest: r[1].Value}); err != nil {
			return err
		}
	}
	return err
}

// Texts reads the canonical texts of some rows.
func (t *table) Texts(ctx context.Context, q source.Summing, keys [][]string) (out map[string][]string, err error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(&err)
	key, err := s.keyText(q)
	if err != nil {
		return nil, err
	}
	items, wanted := []string{key + " AS k"}, make([]string, len(keys))
	for i, c := range q.Columns {
		text, _ := s.text(c)
		items = append(items, fmt.Sprintf("COALESCE(%s, 'N') AS v%d", text, i))
	}
	for i, k := range keys {
		wanted[i] = wire.Literal(strings.Join(k, "\x1f"))
	}
	rows, err := s.ask(ctx, "SELECT * FROM (SELECT "+strings.Join(items, ", ")+s.from()+") AS r WHERE k COLLATE utf8mb4_bin IN ("+strings.Join(wanted, ", ")+")")
	out = map[string][]string{}
	for _, r := range rows {
		var texts []string
		for _, v := range r[1:] {
			texts = append(texts, v.Value)
		}
		out[r[0].Value] = texts
	}
	return out, err
}
