package quality

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/fault"
	"weir/internal/job"
)

// other finds a further table by its name.
func (c *compiler) other(name string) ([]job.Column, error) {
	if cols, ok := c.Others[name]; ok {
		return cols, nil
	}
	names := slices.Sorted(maps.Keys(c.Others))
	hint := "no further table is given"
	if len(names) > 0 {
		hint = "given are " + strings.Join(names, ", ")
	}
	return nil, fault.New(fault.Usage, "%q is not found in additional sources", name).WithHint("%s", hint)
}

// rowCountMatch is the number of rows by that of another table. With no rows there it is infinite, or no number.
func rowCountMatch(c *compiler, l *leaf) error {
	name := l.rule.Params[0].Value()
	if _, err := c.other(name); err != nil {
		return err
	}
	l.ask("count(*)")
	l.asks = append(l.asks, ask{name, "count(*)"})
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		theirs, _ := p.numberOf(name, "count(*)")
		return l.metric(ctx, "Dataset."+name+".RowCountMatch", float64(p.count("count(*)"))/theirs), nil
	}
	return nil
}

// schemaMatch is the share of columns that another table has, too, by name and type, in any order. It is 0 where one of
// them has more columns.
func schemaMatch(c *compiler, l *leaf) error {
	name := l.rule.Params[0].Value()
	theirs, err := c.other(name)
	if err != nil {
		return err
	}
	types := map[string]string{}
	for _, col := range theirs {
		types[col.Name] = col.Type
	}
	var differ []string
	for _, col := range c.Columns {
		switch t, ok := types[col.Name]; {
		case !ok:
			differ = append(differ, fmt.Sprintf("%q is only in the table", col.Name))
		case t != col.Type:
			differ = append(differ, fmt.Sprintf("%q is %s and %s", col.Name, col.Type, t))
		}
	}
	ratio := 0.0
	if n := len(c.Columns); n > 0 && n == len(theirs) {
		ratio = float64(n-len(differ)) / float64(n)
	}
	l.judge = func(ctx context.Context, _ *pass) (verdict, error) {
		v := l.metric(ctx, "Dataset."+name+".SchemaMatch", ratio)
		if !v.passed && len(differ) > 0 {
			v.reason += ": " + strings.Join(differ[:min(len(differ), 10)], ", ")
		}
		return v, nil
	}
	return nil
}

// aggregate is one side of an AggregateMatch: sum(total), avg(reference.total).
type aggregate struct {
	ask    ask
	column string
}

var likeAggregate = regexp.MustCompile(`^\s*(sum|avg|SUM|AVG)\s*\(\s*(.+?)\s*\)\s*$`)

func (c *compiler) aggregate(r *dqdl.Rule, i int) (aggregate, error) {
	parts := likeAggregate.FindStringSubmatch(r.Params[i].Value())
	if parts == nil {
		return aggregate{}, fault.New(fault.Usage, "%q is not sum(column) or avg(column)", r.Params[i].Value())
	}
	cols, of, name := c.Columns, "", parts[2]
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 && !slices.Contains(namesOf(cols), name) {
		var err error
		of, name = name[:dot], name[dot+1:]
		if cols, err = c.other(of); err != nil {
			return aggregate{}, err
		}
	}
	col, err := columnNamed(cols, name, whose(of))
	if err != nil {
		return aggregate{}, err
	}
	x, err := col.measured(r.Name)
	return aggregate{ask: ask{of, "CAST(" + strings.ToLower(parts[1]) + "(" + x + ") AS DOUBLE)"}, column: col.name}, err
}

func whose(name string) string {
	if name == "" {
		return "the table"
	}
	return name
}

// aggregateMatch is one sum or mean by another. One of no values is 0; 0 by 0 is 1 and anything else by 0 is 0.
func aggregateMatch(c *compiler, l *leaf) error {
	first, err := c.aggregate(l.rule, 0)
	if err != nil {
		return err
	}
	second, err := c.aggregate(l.rule, 1)
	if err != nil {
		return err
	}
	l.asks = append(l.asks, first.ask, second.ask)
	name := first.column
	if second.column != name {
		name += "," + second.column
	}
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		a, _ := p.numberOf(first.ask.of, first.ask.aggregate)
		b, _ := p.numberOf(second.ask.of, second.ask.aggregate)
		ratio := 0.0
		switch {
		case b != 0:
			ratio = a / b
		case a == 0:
			ratio = 1
		}
		return l.metric(ctx, "Column."+name+".AggregateMatch", ratio), nil
	}
	return nil
}

// pair is a column and the one of another table that it is compared with.
type pair struct{ ours, theirs column }

// equal compares the two, given as SQL. Columns of different kinds are compared as texts.
func (p pair) equal(ours, theirs string) string {
	if p.ours.family != p.theirs.family {
		return "CAST(" + ours + " AS VARCHAR) = CAST(" + theirs + " AS VARCHAR)"
	}
	return ours + " = " + theirs
}

func joined(pairs []pair) string {
	same := make([]string, len(pairs))
	for i, p := range pairs {
		same[i] = p.equal("weir_ours."+p.ours.sql, "weir_theirs."+p.theirs.sql)
	}
	return strings.Join(same, " AND ")
}

// found is an SQL condition on a row: that another table has one that agrees with it in all pairs.
func found(name string, pairs []pair) func(context.Context, *pass) (string, error) {
	return func(_ context.Context, p *pass) (string, error) {
		keys, same := make([]string, len(pairs)), make([]string, len(pairs))
		for i, x := range pairs {
			keys[i] = fmt.Sprintf("%s AS weir_key%d", x.theirs.sql, i)
			same[i] = x.equal(x.ours.sql, fmt.Sprintf("weir_theirs.weir_key%d", i))
		}
		return "EXISTS (SELECT 1 FROM (SELECT " + strings.Join(keys, ", ") + " FROM " + p.relationOf(name) + ") AS weir_theirs WHERE " +
			strings.Join(same, " AND ") + ")", nil
	}
}

// matches counts the rows that another table has one for; each row counts once.
func matches(name string, pairs []pair) string {
	return `SELECT count(*) FROM "primary" AS weir_ours SEMI JOIN ` + job.Quote(name) + " AS weir_theirs ON " + joined(pairs)
}

// referentialIntegrity is the share of rows whose key is in another table. A key with a NULL is in none.
func referentialIntegrity(c *compiler, l *leaf) error {
	name, theirs, err := c.reference(l.rule.Params[1].Value())
	if err != nil {
		return err
	}
	ours := columnList(l.rule.Params[0].Value(), c.Columns)
	if len(ours) != len(theirs) {
		return fault.New(fault.Usage, "%d columns are compared with %d", len(ours), len(theirs))
	}
	pairs := make([]pair, len(ours))
	for i := range ours {
		if pairs[i], err = c.pair(name, ours[i], theirs[i]); err != nil {
			return err
		}
	}
	l.row = found(name, pairs)
	l.share(name, pairs, "Column."+name+".ReferentialIntegrity")
	return nil
}

// share judges the share of rows that another table has one for.
func (l *leaf) share(name string, pairs []pair, metric string, first ...func(p *pass) string) {
	sql := matches(name, pairs)
	l.ask("count(*)")
	l.queries = append(l.queries, sql)
	l.judge = func(ctx context.Context, p *pass) (verdict, error) {
		for _, f := range first {
			if reason := f(p); reason != "" {
				return verdict{reason: reason}, nil
			}
		}
		total := p.count("count(*)")
		if total == 0 {
			return verdict{reason: "there are no rows"}, nil
		}
		n, _ := p.queried(sql)
		v := l.metric(ctx, metric, n/float64(total))
		v.total, v.failed = total, total-int64(n)
		return v, nil
	}
}

func (c *compiler) pair(name, ours, theirs string) (pair, error) {
	a, err := columnNamed(c.Columns, ours, "the table")
	if err != nil {
		return pair{}, err
	}
	cols, err := c.other(name)
	if err != nil {
		return pair{}, err
	}
	b, err := columnNamed(cols, theirs, name)
	return pair{a, b}, err
}

// reference reads name.column or name.{column,column}. The name may hold dots.
func (c *compiler) reference(text string) (name string, columns []string, err error) {
	for _, n := range slices.SortedFunc(maps.Keys(c.Others), func(a, b string) int { return len(b) - len(a) }) {
		if rest, ok := strings.CutPrefix(text, n+"."); ok {
			return n, columnList(rest, c.Others[n]), nil
		}
	}
	name, _, dotted := strings.Cut(text, ".")
	if !dotted {
		return "", nil, fault.New(fault.Usage, "%q is not a column of a further table", text).WithHint("as in reference.column, or reference.{a,b}")
	}
	_, err = c.other(name)
	return name, nil, err
}

// columnList reads a column, or columns with commas between them, in braces or without.
func columnList(text string, cols []job.Column) []string {
	inner, braced := strings.CutPrefix(text, "{")
	if braced {
		text = strings.TrimSuffix(inner, "}")
	} else if slices.Contains(namesOf(cols), text) {
		return []string{text}
	}
	names := strings.Split(text, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// datasetMatch is the share of rows that another table has by the same key with the same values. The keys must be unique
// and complete in both. NULL agrees with nothing.
func datasetMatch(c *compiler, l *leaf) error {
	name := l.rule.Params[0].Value()
	theirs, err := c.other(name)
	if err != nil {
		return err
	}
	keys, err := c.mapping(name, l.rule.Params[1].Value())
	if err != nil {
		return fault.New(fault.Usage, "key columns were not found: %w", err)
	}
	var values []pair
	if len(l.rule.Params) > 2 {
		if values, err = c.mapping(name, l.rule.Params[2].Value()); err != nil {
			return err
		}
	} else if values, err = c.namesakes(name, theirs, keys); err != nil {
		return err
	}
	pairs := append(keys[:len(keys):len(keys)], values...)
	l.row = found(name, pairs)
	ours, others := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		ours[i], others[i] = k.ours.sql, k.theirs.sql
	}
	l.share(name, pairs, "Dataset."+name+".DatasetMatch", notKey("primary", "the table", ours), notKey(name, name, others))
	l.queries = append(l.queries, keyFaults("primary", ours), keyFaults(name, others))
	return nil
}

// keyFaults counts the values of a key that occur more than once or hold a NULL.
func keyFaults(name string, key []string) string {
	columns := strings.Join(key, ", ")
	return "SELECT count(*) FROM (SELECT 1 FROM " + job.Quote(name) + " GROUP BY " + columns + " HAVING count(*) > 1 OR " +
		strings.Join(key, " IS NULL OR ") + " IS NULL)"
}

func notKey(name, where string, key []string) func(p *pass) string {
	return func(p *pass) string {
		if n, _ := p.queried(keyFaults(name, key)); n > 0 {
			return fmt.Sprintf("%s is no key of %s: %.0f values occur more than once or are null", strings.Join(key, ", "), where, n)
		}
		return ""
	}
}

// mapping reads columns of both tables: a, or a->b where the names differ, with commas between them.
func (c *compiler) mapping(name, text string) ([]pair, error) {
	var all []pair
	for _, item := range strings.Split(text, ",") {
		ours, theirs, two := strings.Cut(item, "->")
		if !two {
			theirs = ours
		}
		p, err := c.pair(name, strings.TrimSpace(ours), strings.TrimSpace(theirs))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// namesakes pairs all columns that are not of the key; both tables must have the same.
func (c *compiler) namesakes(name string, theirs []job.Column, keys []pair) (all []pair, err error) {
	isKey := func(of func(pair) string, n string) bool {
		return slices.ContainsFunc(keys, func(k pair) bool { return of(k) == n })
	}
	rest := map[string]column{}
	for _, col := range theirs {
		if !isKey(func(k pair) string { return k.theirs.name }, col.Name) {
			rest[col.Name] = columnOf(col)
		}
	}
	for _, col := range c.Columns {
		if isKey(func(k pair) string { return k.ours.name }, col.Name) {
			continue
		}
		b, ok := rest[col.Name]
		if !ok {
			return nil, fault.New(fault.Usage, "%s", missing(theirs, col.Name, name)).WithHint("name the columns to compare in a third parameter")
		}
		delete(rest, col.Name)
		all = append(all, pair{columnOf(col), b})
	}
	for _, n := range slices.Sorted(maps.Keys(rest)) {
		return nil, fault.New(fault.Usage, "column %q of %s is not in the table", n, name).WithHint("name the columns to compare in a third parameter")
	}
	return all, nil
}
