package quality

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/internal/fault"
)

// pass is one judgement of one relation: what was asked and what was answered. A judge reads answers; one that it has
// not asked for before is noted, and the judge is called again when the answer is there. So what only a failed rule wants
// to know costs nothing while rules hold.
type pass struct {
	q        Querier
	relation string            // SQL that can stand behind FROM
	others   map[string]string // further relations by alias
	answers  map[string]any    // by the aggregate's SQL, or groupAsk.key
	noted    []string          // aggregates wanted
	groups   []groupAsk        // groups wanted
}

// number gives an aggregate's value; false where it is NULL or noted.
func (p *pass) number(aggregate string) (float64, bool) {
	v, ok := p.answers[aggregate]
	if !ok {
		p.noted = append(p.noted, aggregate)
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

// fetch answers aggregates with one scan, and groups with one query for each set of columns.
func (p *pass) fetch(ctx context.Context, aggregates []string, groups []groupAsk) error {
	aggregates = slices.Compact(slices.Sorted(slices.Values(aggregates)))
	if len(aggregates) > 0 {
		sql := "SELECT " + strings.Join(aggregates, ",\n  ") + "\nFROM " + p.relation
		if err := p.one(ctx, sql, aggregates); err != nil {
			return err
		}
	}
	sets := map[string][]groupAsk{}
	for _, g := range groups {
		sets[g.set()] = append(sets[g.set()], g)
	}
	for _, columns := range slices.Sorted(maps.Keys(sets)) {
		sql, keys := groupQuery(p.relation, sets[columns])
		if err := p.one(ctx, sql, keys); err != nil {
			return err
		}
	}
	return nil
}

// one keeps the values of a query's only row under the given keys.
func (p *pass) one(ctx context.Context, sql string, keys []string) error {
	found := false
	err := p.q.Query(ctx, sql, func(row []any) error {
		if len(row) != len(keys) {
			return fault.New(fault.Internal, "%d values for %d questions", len(row), len(keys))
		}
		for i, v := range row {
			if v != nil {
				if _, ok := float(v); !ok {
					return fault.New(fault.Internal, "%s is a %T", keys[i], v)
				}
			}
			p.answers[keys[i]] = v
		}
		found = true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("no answer to %s", sql)
	}
	return err
}
