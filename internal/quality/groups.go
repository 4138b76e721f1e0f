package quality

import (
	"slices"
	"strconv"
	"strings"
)

// groupAsk asks for one measure over the groups of a set of columns. Rows in which all the columns are NULL form no group.
type groupAsk struct {
	columns []string // quoted and sorted: one query serves all asks of one set
	scope   string   // of the rows counted, "" for all
	measure measure
}

// measure is an aggregate over groups, in which {n} stands for the number of a group's rows in scope, possibly 0.
type measure string

const (
	groupCount   measure = "count(*) FILTER (WHERE {n} > 0)"
	onceCount    measure = "count(*) FILTER (WHERE {n} = 1)"
	groupedRows  measure = "CAST(coalesce(sum({n}), 0) AS BIGINT)"
	weightedLogs measure = "sum({n} * ln({n})) FILTER (WHERE {n} > 0)"
	repeatedRows measure = "CAST(coalesce(sum({n}) FILTER (WHERE {n} > 1), 0) AS BIGINT)"
)

func (g groupAsk) set() string { return strings.Join(g.columns, ", ") }

func (g groupAsk) key() string { return g.set() + "|" + g.scope + "|" + string(g.measure) }

// group asks for a measure of the rows in the leaf's scope, grouped by columns.
func (l *leaf) group(cols []column, m measure) groupAsk {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.sql
	}
	slices.Sort(names)
	g := groupAsk{columns: names, scope: l.scope, measure: m}
	l.groups = append(l.groups, g)
	return g
}

// grouped gives the value of a measure, 0 where it is NULL or noted.
func (p *pass) grouped(g groupAsk) float64 {
	v, ok := p.answers[g.key()]
	if !ok {
		p.wanted.groups = append(p.wanted.groups, g)
		return 0
	}
	n, _ := float(v)
	return n
}

// groupQuery is the query of all asks of one set of columns, and the keys of its values. A scope that all asks share
// limits the rows; several are counted side by side.
func groupQuery(relation string, asks []groupAsk) (sql string, keys []string) {
	var scopes, counts, values []string
	for _, a := range asks {
		if slices.Contains(keys, a.key()) {
			continue
		}
		at := slices.Index(scopes, a.scope)
		if at < 0 {
			at = len(scopes)
			scopes = append(scopes, a.scope)
		}
		keys = append(keys, a.key())
		values = append(values, strings.ReplaceAll(string(a.measure), "{n}", "n"+strconv.Itoa(at)))
	}
	limit := "(" + strings.Join(asks[0].columns, " IS NOT NULL OR ") + " IS NOT NULL)"
	for i, s := range scopes {
		count := "count(*)"
		switch {
		case s != "" && len(scopes) == 1:
			limit += " AND " + s
		case s != "":
			count += " FILTER (WHERE " + s + ")"
		}
		counts = append(counts, count+" AS n"+strconv.Itoa(i))
	}
	return "SELECT " + strings.Join(values, ", ") + "\nFROM (SELECT " + strings.Join(counts, ", ") + " FROM " + relation +
		" WHERE " + limit + " GROUP BY " + asks[0].set() + ")", keys
}
