package quality

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
)

// ask is an aggregate over a relation.
type ask struct {
	of        string // a further table's name, "" for the relation under judgement
	aggregate string
}

func (a ask) key() string { return a.of + "|" + a.aggregate }

// pass is one judgement of one relation: what was asked and what was answered. A judge reads answers; one that it has
// not asked for before is noted, and the judge is called again when the answer is there. So what only a failed rule wants
// to know costs nothing while rules hold.
type pass struct {
	q        Querier
	relation string            // SQL that can stand behind FROM
	others   map[string]string // further relations by name
	answers  map[string]any    // by the key of an ask or a groupAsk, or a query's SQL
	wanted   wanted
}

// wanted are the questions of a round.
type wanted struct {
	asks    []ask
	groups  []groupAsk
	queries []string
}

func (w *wanted) add(l *leaf) {
	w.asks = append(w.asks, l.asks...)
	w.groups = append(w.groups, l.groups...)
	w.queries = append(w.queries, l.queries...)
}

func (w *wanted) count() int { return len(w.asks) + len(w.groups) + len(w.queries) }

// number gives an aggregate's value; false where it is NULL or noted.
func (p *pass) number(aggregate string) (float64, bool) { return p.numberOf("", aggregate) }

// numberOf is number over a further table.
func (p *pass) numberOf(name, aggregate string) (float64, bool) {
	a := ask{name, aggregate}
	v, ok := p.answers[a.key()]
	if !ok {
		p.wanted.asks = append(p.wanted.asks, a)
		return 0, false
	}
	return float(v)
}

// queried gives the number that a query yields; false where it is NULL or noted.
func (p *pass) queried(sql string) (float64, bool) {
	v, ok := p.answers[sql]
	if !ok {
		p.wanted.queries = append(p.wanted.queries, sql)
		return 0, false
	}
	return float(v)
}

func (p *pass) count(aggregate string) int64 {
	n, _ := p.number(aggregate)
	return int64(n)
}

// is gives the value of an aggregate that is a condition; NULL is false.
func (p *pass) is(aggregate string) bool {
	n, ok := p.number(aggregate)
	return ok && n == 1
}

// float turns the values of counts, doubles and conditions into a number.
func float(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// relationOf is the SQL of a further table, or of the relation under judgement for "".
func (p *pass) relationOf(name string) string {
	if name == "" {
		return p.relation
	}
	return p.others[name]
}

// maxValues is how many aggregates one scan answers. Planning takes more than linear time in their number, so that tables
// of thousands of columns are better read in a few scans.
const maxValues = 1000

// plan gives the queries that answer what is wanted: one scan for the aggregates of each relation, one query for the
// groups of each set of columns.
func (p *pass) plan(w wanted) []job.Query {
	var all []job.Query
	byRelation := map[string][]string{}
	for _, a := range w.asks {
		byRelation[a.of] = append(byRelation[a.of], a.aggregate)
	}
	for _, of := range slices.Sorted(maps.Keys(byRelation)) {
		aggregates := slices.Compact(slices.Sorted(slices.Values(byRelation[of])))
		for some := range slices.Chunk(aggregates, maxValues) {
			q := job.Query{SQL: "SELECT " + strings.Join(some, ",\n  ") + "\nFROM " + p.relationOf(of)}
			for _, a := range some {
				q.Values = append(q.Values, ask{of, a}.key())
			}
			all = append(all, q)
		}
	}
	sets := map[string][]groupAsk{}
	for _, g := range w.groups {
		sets[g.set()] = append(sets[g.set()], g)
	}
	for _, columns := range slices.Sorted(maps.Keys(sets)) {
		sql, keys := groupQuery(p.relation, sets[columns])
		all = append(all, job.Query{SQL: sql, Values: keys})
	}
	for _, sql := range slices.Compact(slices.Sorted(slices.Values(w.queries))) {
		all = append(all, job.Query{SQL: p.with() + sql, Values: []string{sql}})
	}
	return all
}

// fetch answers what is wanted.
func (p *pass) fetch(ctx context.Context, w wanted) error {
	for _, q := range p.plan(w) {
		if err := p.one(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// one keeps the values of a query's only row under its keys.
func (p *pass) one(ctx context.Context, q job.Query) error {
	found := false
	err := p.q.Query(ctx, q.SQL, func(row []any) error {
		if len(row) != len(q.Values) {
			return fault.New(fault.Internal, "%d values for %d questions", len(row), len(q.Values))
		}
		for i, v := range row {
			if v != nil {
				if _, ok := float(v); !ok {
					return fault.New(fault.Internal, "%s is a %T", q.Values[i], v)
				}
			}
			p.answers[q.Values[i]] = v
		}
		found = true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("no answer to %s", q.SQL)
	}
	return err
}
