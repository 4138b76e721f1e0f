package build

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/model"
	"weir/internal/model/locality"
	"weir/internal/source"
)

// beginGroups reads the groups that changed rows of the input touch, whole.
func (w *work) beginGroups(ctx context.Context, tables map[string]*lake.Table, next job.Position, c lake.Changes) (*reading, error) {
	input := tables[w.t.Table.Incremental.Input]
	keys, err := w.follow(ctx, tables)
	if err != nil {
		return nil, err
	}
	cols, err := w.open(ctx, tables, w.t.Table.SQL)
	if err != nil {
		return nil, err
	}
	stored, why := w.sameColumns(cols)
	if why != "" {
		return w.rebuild(ctx, tables, next, why, w.t.Table.SQL)
	}
	g := &grouping{w: w, keys: keys}
	for _, name := range w.t.Table.Incremental.By {
		g.by = append(g.by, stored[indexOf(stored, name)])
	}
	if err := g.touch(ctx, imagesOf(c.Before, input), imagesOf(c.After, input)); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return w.rebuild(ctx, tables, next, "the groups of changed rows cannot be computed: "+err.Error(), w.t.Table.SQL)
	}
	if err := g.narrow(ctx, input, c); err != nil {
		return nil, err
	}
	if w.out.Why, err = g.told(ctx, c); err != nil {
		return nil, err
	}
	touched := func(on string) string {
		return "EXISTS (SELECT 1 FROM " + touchedTable + " AS __weir_t WHERE " + on + ")"
	}
	return &reading{
		rel: source.Relation{Relation: job.Relation{Columns: cols, Rows: -1, Bytes: w.out.BytesRead,
			SQL: "SELECT q.* FROM (" + w.t.Table.SQL + "\n) AS q SEMI JOIN " + touchedTable + " AS __weir_t ON " + g.on("q.")}},
		params: w.params(), base: w.state.ledger.Position, next: next, whole: true,
		part: &part{condition: touched(g.on("")), rejects: touched(g.onJSON("raw")), files: g.targetFiles},
	}, nil
}

// bound is the table's SQL with its parameters written in, for statements that take none.
func (w *work) bound() string { return model.Bind(w.t.Table.SQL, w.params()) }

// sameColumns gives the columns as the lake stores them, or why all rows change: a column came, went or has another type.
func (w *work) sameColumns(found []job.Column) (cols []job.Column, why string) {
	cols, err := Columns(w.t.Table, found)
	if err != nil {
		return nil, "its columns changed"
	}
	is := w.state.columns()
	if len(is) != len(cols) {
		return nil, "its columns changed"
	}
	for _, c := range cols {
		if i := indexOf(is, c.Name); i < 0 || is[i].Type != c.Type {
			return nil, "its column " + c.Name + " changed"
		}
	}
	return cols, ""
}

// grouping are the groups of one build.
type grouping struct {
	w    *work
	keys []Key
	by   []job.Column // as they are stored
	n    int64        // groups touched
}

// groupColumn names the i-th grouping column in touchedTable.
func groupColumn(i int) string { return fmt.Sprintf("__weir_k%d", i) }

// exprs are the grouping columns of a row of the input, in the types they are stored in. A row that has none, because its
// values give an error, is either left out by the SQL or stops the build there, as it would stop a full one.
func (g *grouping) exprs(k Key) []string {
	out := make([]string, len(k.Exprs))
	for i, e := range k.Exprs {
		out[i] = "CAST(" + e + " AS " + g.by[i].Type + ")"
		if k.Order[i].Column == "" || k.Order[i].Unit != "" {
			out[i] = "TRY(" + out[i] + ")"
		}
	}
	return out
}

// touch notes the groups that rows before and after are counted in.
func (g *grouping) touch(ctx context.Context, images ...string) (err error) {
	var parts []string
	for _, sql := range images {
		for _, k := range g.keys {
			items := g.exprs(k)
			for i := range items {
				items[i] += " AS " + groupColumn(i)
			}
			parts = append(parts, "SELECT DISTINCT "+strings.Join(items, ", ")+" FROM ("+sql+") AS __weir_d")
		}
	}
	if err := g.w.s.Exec(ctx, "CREATE OR REPLACE TABLE "+touchedTable+" AS "+strings.Join(parts, " UNION ")); err != nil {
		return fmt.Errorf("find touched groups: %w", err)
	}
	g.n, err = g.w.s.Int(ctx, "SELECT count(*) FROM "+touchedTable)
	return err
}

// on compares the grouping columns of rows with touchedTable as __weir_t. Null is a group like others.
func (g *grouping) on(prefix string) string {
	q := make([]string, len(g.by))
	for i, c := range g.by {
		q[i] = "CAST(" + prefix + job.Quote(c.Name) + " AS " + c.Type + ") IS NOT DISTINCT FROM __weir_t." + groupColumn(i)
	}
	return strings.Join(q, " AND ")
}

// onJSON does so for rows written as JSON, as quarantined rows are.
func (g *grouping) onJSON(raw string) string {
	q := make([]string, len(g.by))
	for i, c := range g.by {
		pointer := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(c.Name)
		q[i] = "json_extract_string(" + raw + ", " + job.Literal(pointer) + ") IS NOT DISTINCT FROM json_extract_string(to_json({'v': __weir_t." + groupColumn(i) + "}), '/v')"
	}
	return strings.Join(q, " AND ")
}

// narrow lets the SQL read those rows of the input alone that are counted in touched groups.
func (g *grouping) narrow(ctx context.Context, input *lake.Table, c lake.Changes) error {
	files, err := input.Files(ctx)
	if err != nil {
		return err
	}
	some, err := g.overlapping(ctx, files, input.Columns(), g.keys)
	if err != nil {
		return err
	}
	rel, err := input.Scan(ctx, lake.ScanOptions{Files: some})
	if err != nil {
		return fmt.Errorf("read input %s: %w", input.Name(), err)
	}
	_, all := lake.Size(files)
	w := g.w
	w.out.BytesAll = w.out.BytesRead
	w.out.BytesRead += rel.Bytes + c.Before.Bytes + c.After.Bytes - all
	sql := "SELECT __weir_d.* FROM (" + rel.SQL + ") AS __weir_d"
	if len(g.keys) == 1 {
		ranges, err := g.ranges(ctx, input.Columns(), g.keys[0])
		if err != nil {
			return err
		}
		sql += " SEMI JOIN " + touchedTable + " AS __weir_t ON " + g.meets(g.keys[0]) + ranges
	} else {
		var any []string
		for _, k := range g.keys {
			any = append(any, "EXISTS (SELECT 1 FROM "+touchedTable+" AS __weir_t WHERE "+g.meets(k)+")")
		}
		sql += " WHERE " + strings.Join(any, " OR ")
	}
	if err := w.s.View(ctx, input.Name(), sql); err != nil {
		return fmt.Errorf("touched groups of %s: %w", input.Name(), err)
	}
	return nil
}

func (g *grouping) meets(k Key) string {
	q := g.exprs(k)
	for i := range q {
		q[i] += " IS NOT DISTINCT FROM __weir_t." + groupColumn(i)
	}
	return strings.Join(q, " AND ")
}

// slack widens the time that a cut column may lie in: only what is certain to be outside is left out unread, and time zones
// move days by less.
const slack = "INTERVAL 2 DAY"

// comparable are types whose values stand in order in files and in DuckDB alike.
func comparable(typ string) bool {
	return slices.Contains([]string{"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "INTEGER", "BIGINT", "VARCHAR"}, typ) || strings.HasPrefix(typ, "DECIMAL(")
}

// span gives for a grouping column value k the least and the largest value of the column it follows; false where it follows none.
func (g *grouping) span(i int, s locality.Order, cols []job.Column, k string) (lo, hi, typ string, ok bool) {
	at := indexOf(cols, s.Column)
	if s.Column == "" || at < 0 || !comparable(cols[at].Type) {
		return "", "", "", false
	}
	typ = cols[at].Type
	if s.Unit == "" {
		return k, k, typ, typ == g.by[i].Type
	}
	if !strings.HasPrefix(typ, "TIMESTAMP") {
		return "", "", "", false
	}
	lo = "CAST(CAST(" + k + " AS TIMESTAMP) - " + slack + " AS " + typ + ")"
	hi = "CAST(CAST(" + k + " AS TIMESTAMP) + INTERVAL 1 " + s.Unit + " + " + slack + " AS " + typ + ")"
	return lo, hi, typ, strings.HasPrefix(g.by[i].Type, "TIMESTAMP") || g.by[i].Type == "DATE"
}

// ranges is a condition on plain columns of the input that holds for every row of a touched group, so that the engine leaves
// out row groups of files by their statistics.
func (g *grouping) ranges(ctx context.Context, cols []job.Column, k Key) (string, error) {
	if g.n == 0 {
		return "", nil
	}
	var all []string
	for i, s := range k.Order {
		lo, hi, typ, ok := g.span(i, s, cols, groupColumn(i))
		if !ok {
			continue
		}
		rows, err := g.w.s.Strings(ctx, "SELECT min("+lo+"), max("+hi+"), count(*) - count("+groupColumn(i)+") FROM "+touchedTable)
		if err != nil {
			return "", fmt.Errorf("bound touched groups: %w", err)
		}
		name := "__weir_d." + job.Quote(s.Column)
		var is []string
		if rows[0][0].Valid && rows[0][1].Valid {
			is = append(is, name+" >= CAST("+job.Literal(rows[0][0].Value)+" AS "+typ+") AND "+name+" <= CAST("+job.Literal(rows[0][1].Value)+" AS "+typ+")")
		}
		if rows[0][2].Value != "0" {
			is = append(is, name+" IS NULL")
		}
		if len(is) > 0 {
			all = append(all, "("+strings.Join(is, " OR ")+")")
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(all, " AND "), nil
}

// manyPairs is how many pairs of a file and a group are compared at most.
const manyPairs = 20_000_000

// overlapping are the files whose statistics do not tell that no row of theirs is in a touched group.
func (g *grouping) overlapping(ctx context.Context, files []lake.DataFile, cols []job.Column, keys []Key) ([]string, error) {
	if g.n == 0 || len(files) == 0 {
		return []string{}, nil
	}
	hit := make([]bool, len(files))
	for _, k := range keys {
		found, known, err := g.overlap(ctx, files, cols, k)
		if err != nil {
			return nil, err
		}
		for i := range hit {
			hit[i] = hit[i] || !known || found[i]
		}
	}
	some := []string{}
	for i, f := range files {
		if hit[i] {
			some = append(some, f.Path)
		}
	}
	return some, nil
}

// overlap says which files may hold rows of touched groups by one key; known is false where nothing can be said.
func (g *grouping) overlap(ctx context.Context, files []lake.DataFile, cols []job.Column, k Key) (hit []bool, known bool, err error) {
	if int64(len(files))*g.n > manyPairs {
		return nil, false, nil
	}
	var conditions, names []string
	rows := make([][]string, len(files))
	for i := range files {
		rows[i] = []string{fmt.Sprint(i)}
	}
	for i, s := range k.Order {
		lo, hi, typ, ok := g.span(i, s, cols, "__weir_t."+groupColumn(i))
		if !ok {
			continue
		}
		fl, fh := fmt.Sprintf("lo%d", i), fmt.Sprintf("hi%d", i)
		names = append(names, fl, fh)
		for n, f := range files {
			a, b := boundsOf(f, s.Column, typ)
			rows[n] = append(rows[n], a, b)
		}
		conditions = append(conditions, "("+fl+" IS NULL OR __weir_t."+groupColumn(i)+" IS NULL OR ("+hi+" >= TRY_CAST("+fl+" AS "+typ+") AND "+lo+" <= TRY_CAST("+fh+" AS "+typ+")) IS NOT FALSE)")
	}
	if len(conditions) == 0 {
		return nil, false, nil
	}
	values := make([]string, len(rows))
	for i, r := range rows {
		values[i] = "(" + strings.Join(r, ", ") + ")"
	}
	found, err := g.w.s.Strings(ctx, "SELECT n FROM (VALUES "+strings.Join(values, ", ")+") AS f(n, "+strings.Join(names, ", ")+") WHERE EXISTS (SELECT 1 FROM "+touchedTable+
		" AS __weir_t WHERE "+strings.Join(conditions, " AND ")+")")
	if err != nil {
		return nil, false, fmt.Errorf("find files of touched groups: %w", err)
	}
	hit = make([]bool, len(files))
	for _, r := range found {
		var n int
		if _, err := fmt.Sscan(r[0].Value, &n); err != nil {
			return nil, false, fault.New(fault.Internal, "find files of touched groups: %w", err)
		}
		hit[n] = true
	}
	return hit, true, nil
}

// boundsOf are the bounds of a file's column as SQL texts, NULL where they are not known. Long texts may have been cut.
func boundsOf(f lake.DataFile, column, typ string) (lo, hi string) {
	a, b, ok := f.Bounds(column)
	if !ok || typ == "VARCHAR" && len(b) > 12 {
		return "CAST(NULL AS VARCHAR)", "CAST(NULL AS VARCHAR)"
	}
	return job.Literal(a), job.Literal(b)
}

// targetFiles are the table's own files that may hold rows of touched groups.
func (g *grouping) targetFiles(ctx context.Context, t *lake.Table) ([]string, error) {
	files, err := t.Files(ctx)
	if err != nil {
		return nil, err
	}
	own := Key{Order: make([]locality.Order, len(g.by))}
	for i, c := range g.by {
		own.Order[i] = locality.Order{Column: c.Name}
	}
	return g.overlapping(ctx, files, t.Columns(), []Key{own})
}

// told says what is computed again and why.
func (g *grouping) told(ctx context.Context, c lake.Changes) (string, error) {
	before, err := g.w.images(ctx, c.Before)
	if err != nil {
		return "", err
	}
	after, err := g.w.images(ctx, c.After)
	if err != nil {
		return "", err
	}
	what, names := "", make([]string, len(g.by))
	for i, c := range g.by {
		names[i] = c.Name
	}
	what = plural(g.n, "group") + " of " + strings.Join(names, ", ")
	if len(g.by) == 1 && g.by[0].Type == "DATE" && slices.Contains([]string{"day", "week", "month", "quarter", "year"}, strings.ToLower(names[0])) {
		what = plural(g.n, strings.ToLower(names[0]))
	}
	if len(g.by) == 1 && g.n > 0 {
		some, err := g.some(ctx)
		if err != nil {
			return "", err
		}
		what += " (" + some + ")"
	}
	return fmt.Sprintf("recompute %s: %s in %s", what, plural(max(before, after), "changed row"), g.w.t.Table.Incremental.Input), nil
}

const named = 5 // groups that are named

// some names the first groups: 2026-03-01, -04, -05.
func (g *grouping) some(ctx context.Context) (string, error) {
	rows, err := g.w.s.Strings(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY 1 LIMIT %d", groupColumn(0), touchedTable, named))
	if err != nil {
		return "", err
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = clip(r[0].Value, 40)
		if !r[0].Valid {
			out[i] = "null"
		}
		if g.by[0].Type == "DATE" && i > 0 && len(out[i]) == 10 && len(rows[0][0].Value) == 10 && out[i][:7] == rows[0][0].Value[:7] {
			out[i] = out[i][7:]
		}
	}
	if g.n > named {
		out = append(out, "…")
	}
	return strings.Join(out, ", "), nil
}
