package verify

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/engine"
	"weir/internal/job"
	"weir/internal/job/coltype"
	"weir/internal/source"
)

// Lake is a table of the lake as one side: a query that an engine's session can run.
type Lake struct {
	Session engine.Session
	SQL     string // SELECT of the table's rows
}

var _ source.Summed = (*Lake)(nil)

// Comparable are the columns with a canonical text.
func (l *Lake) Comparable(_ context.Context, cols []job.Column) (out []job.Column, err error) {
	for _, c := range cols {
		if _, ok := textOf(c); ok {
			out = append(out, c)
		}
	}
	return out, nil
}

func textOf(c job.Column) (string, bool) {
	t, err := coltype.Parse(c.Type)
	if err != nil {
		return "", false
	}
	return canonical(t, job.Quote(c.Name), 0)
}

// canonical is a value's text as source.Summing says.
func canonical(t coltype.Type, value string, depth int) (string, bool) {
	switch t.Kind {
	case "BOOLEAN":
		return "CASE WHEN " + value + " THEN 't' WHEN NOT " + value + " THEN 'f' END", true
	case "INTEGER", "BIGINT", "DECIMAL", "UUID":
		return "CAST(" + value + " AS VARCHAR)", true
	case "FLOAT", "DOUBLE":
		return "CAST(CAST(" + value + " AS BIT) AS VARCHAR)", true
	case "DATE":
		return "CAST(date_diff('day', DATE '1970-01-01', " + value + ") AS VARCHAR)", true
	case "TIME":
		return "CAST(extract('hour' FROM " + value + ") * 3600000000 + extract('minute' FROM " + value + ") * 60000000 + extract('microsecond' FROM " + value + ") AS VARCHAR)", true
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE":
		return "CAST(epoch_us(" + value + ") AS VARCHAR)", true
	case "VARCHAR":
		return value, true
	case "BLOB":
		return "lower(hex(" + value + "))", true
	case "LIST":
		v := fmt.Sprintf("v%d", depth)
		item, ok := canonical(t.Fields[0].Type, v, depth+1)
		return "CASE WHEN " + value + " IS NOT NULL THEN '[' || array_to_string(list_transform(" + value + ", lambda " + v + ": " + worded(item) + "), ',') || ']' END", ok
	}
	return "", false
}

func worded(text string) string {
	return "coalesce(strlen(" + text + ") || ':' || (" + text + "), 'N')"
}

func rowTexts(cols []job.Column) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		text, _ := textOf(c)
		parts[i] = worded("(" + text + ")")
	}
	// One call, however many columns: operators would nest, and the engine bounds that.
	return "concat_ws(',', " + strings.Join(parts, ", ") + ")"
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

func expressions(q source.Summing) (part, digest string) {
	return fmt.Sprintf("CAST('0x' || md5(%s)[1:6] AS BIGINT) %% %d", rowTexts(keyColumns(q)), q.Parts), "CAST('0x' || md5(" + rowTexts(q.Columns) + ")[1:15] AS BIGINT)"
}

// Sums adds up the table's rows.
func (l *Lake) Sums(ctx context.Context, q source.Summing) (map[int]source.Part, error) {
	part, digest := expressions(q)
	rows, err := l.Session.Strings(ctx, "SELECT p, count(*), sum(d) FROM (SELECT "+part+" AS p, "+digest+" AS d FROM ("+l.SQL+")) GROUP BY p")
	if err != nil {
		return nil, fmt.Errorf("sum up the table: %w", err)
	}
	out := map[int]source.Part{}
	for _, r := range rows {
		var p int
		var v source.Part
		if _, err := fmt.Sscan(r[0].Value, &p); err != nil {
			return nil, fmt.Errorf("sum up the table: %w", err)
		}
		if _, err := fmt.Sscan(r[1].Value, &v.Rows); err != nil {
			return nil, fmt.Errorf("sum up the table: %w", err)
		}
		v.Sum = r[2].Value
		out[p] = v
	}
	return out, nil
}

func keyTexts(q source.Summing) string {
	var items []string
	for _, c := range keyColumns(q) {
		text, _ := textOf(c)
		items = append(items, "coalesce(("+text+"), '')")
	}
	return strings.Join(items, " || chr(31) || ")
}

// Rows gives keys and digests of some parts.
func (l *Lake) Rows(ctx context.Context, q source.Summing, parts []int, each func(source.Row) error) error {
	part, digest := expressions(q)
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(parts), " ", ", "), "[]")
	rows, err := l.Session.Strings(ctx, "SELECT k, d FROM (SELECT "+part+" AS p, "+keyTexts(q)+" AS k, "+digest+" AS d FROM ("+l.SQL+")) WHERE p IN ("+list+")")
	if err != nil {
		return fmt.Errorf("read digests: %w", err)
	}
	for _, r := range rows {
		if err := each(source.Row{Key: strings.Split(r[0].Value, "\x1f"), Digest: r[1].Value}); err != nil {
			return err
		}
	}
	return nil
}

// Texts gives the canonical texts of some rows.
func (l *Lake) Texts(ctx context.Context, q source.Summing, keys [][]string) (map[string][]string, error) {
	items, wanted := []string{keyTexts(q) + " AS k"}, make([]string, len(keys))
	for i, c := range q.Columns {
		text, _ := textOf(c)
		items = append(items, fmt.Sprintf("coalesce((%s), 'N') AS v%d", text, i))
	}
	for i, k := range keys {
		wanted[i] = job.Literal(strings.Join(k, "\x1f"))
	}
	rows, err := l.Session.Strings(ctx, "SELECT * FROM (SELECT "+strings.Join(items, ", ")+" FROM ("+l.SQL+")) WHERE k IN ("+strings.Join(wanted, ", ")+")")
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	out := map[string][]string{}
	for _, r := range rows {
		var texts []string
		for _, t := range r[1:] {
			texts = append(texts, t.Value)
		}
		out[r[0].Value] = texts
	}
	return out, nil
}
