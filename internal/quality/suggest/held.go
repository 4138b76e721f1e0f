package suggest

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/job"
	"weir/internal/quality"
	"weir/internal/quality/profile"
)

// Querier runs queries, as those of quality and profile.
type Querier interface {
	Query(ctx context.Context, sql string, scan func(row []any) error) error
}

// Result is what was suggested, from which rows.
type Result struct {
	Version int          `json:"version"`
	Name    string       `json:"name"`
	Rows    int64        `json:"rows"`      // the suggestions come from
	HeldOut int64        `json:"held_back"` // rows they were tried on
	Rules   []Suggestion `json:"suggestions"`
	// Failed did not hold on the rows held back.
	Failed []Suggestion `json:"failed"`
}

const (
	// one row in parts is held back, where there are at least leastHeld of them.
	parts     = 5
	leastHeld = 20
	// mostHashed are the columns whose values tell the parts apart.
	mostHashed = 8
)

// Make profiles four fifths of a relation, suggests rules and tries them on the last fifth. Rows are parted by hashes of
// their first columns, so that the same rows come to the same part every time.
func Make(ctx context.Context, q Querier, name, relation string, cols []job.Column, o Options) (*Result, error) {
	from, held := parted(relation, cols)
	rows, err := count64(ctx, q, held)
	if err != nil {
		return nil, fmt.Errorf("suggest rules for %s: %w", name, err)
	}
	if rows < leastHeld {
		from, rows = relation, 0
	}
	p, err := profile.Of(ctx, q, name, from, cols)
	if err != nil {
		return nil, err
	}
	out := &Result{Version: 1, Name: name, Rows: p.Rows, HeldOut: rows, Failed: []Suggestion{}}
	all := For(p, o)
	if rows == 0 {
		held = relation
	}
	if out.Rules, out.Failed, err = tried(ctx, q, all, held, cols, rows); err != nil {
		return nil, fmt.Errorf("try rules on %s: %w", name, err)
	}
	return out, nil
}

func count64(ctx context.Context, q Querier, relation string) (n int64, err error) {
	err = q.Query(ctx, "SELECT count(*)::BIGINT FROM "+relation, func(row []any) error {
		n, _ = row[0].(int64)
		return nil
	})
	return n, err
}

// parted are the rows to learn from and those to try on.
func parted(relation string, cols []job.Column) (from, held string) {
	var names []string
	for _, c := range cols {
		if len(names) < mostHashed && !strings.ContainsAny(c.Type, "[(") || strings.HasPrefix(c.Type, "DECIMAL") && len(names) < mostHashed {
			names = append(names, job.Quote(c.Name))
		}
	}
	if len(names) == 0 {
		return relation, "(SELECT * FROM " + relation + " LIMIT 0)"
	}
	hash := "hash(" + strings.Join(names, ", ") + fmt.Sprintf(") %% %d", parts)
	return "(SELECT * FROM " + relation + " WHERE " + hash + " <> 0)", "(SELECT * FROM " + relation + " WHERE " + hash + " = 0)"
}

// tried judges suggestions. One that is no rule for these columns, such as a list that holds a date among its texts, is
// left out.
func tried(ctx context.Context, q Querier, all []Suggestion, relation string, cols []job.Column, rows int64) (good, failed []Suggestion, err error) {
	good, failed = []Suggestion{}, []Suggestion{}
	var rules []quality.Rule
	by := map[string]Suggestion{}
	for _, s := range all {
		r := []quality.Rule{{Text: s.Rule, OnFail: quality.Warn}}
		if _, err := quality.Compile(r, cols); err != nil {
			continue
		}
		if _, twice := by[s.Rule]; twice { // ColumnValues >= 0 where the least value is 0
			continue
		}
		by[s.Rule] = s
		rules = append(rules, r[0])
	}
	outcomes := map[string]quality.Outcome{}
	if rows > 0 {
		if outcomes, err = judged(ctx, q, rules, relation, cols); err != nil {
			return nil, nil, err
		}
	}
	for _, r := range rules {
		s := by[r.Text]
		o, ok := outcomes[r.Text]
		if ok {
			s.Held = &Held{Rows: rows, Failing: o.Failed, Passed: o.Passed, Reason: o.Reason}
			if o.Passed {
				s.Held.Reason = ""
			}
		}
		if ok && !o.Passed {
			failed = append(failed, s)
		} else {
			good = append(good, s)
		}
	}
	return good, failed, nil
}

// judged are the outcomes of rules by their text as given.
func judged(ctx context.Context, q Querier, rules []quality.Rule, relation string, cols []job.Column) (map[string]quality.Outcome, error) {
	checks, err := quality.Compile(rules, cols)
	if err != nil {
		return nil, err
	}
	single, err := checks.JudgeRows(ctx, q, relation)
	if err != nil {
		return nil, err
	}
	whole, err := checks.JudgeTable(ctx, q, relation, nil)
	if err != nil {
		return nil, err
	}
	out := map[string]quality.Outcome{}
	for _, o := range append(single, whole...) {
		out[o.Rule.Text] = o
	}
	return out, nil
}
