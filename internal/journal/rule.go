package journal

import (
	"context"
	"database/sql"
	"maps"
	"math"
	"time"
)

// RuleResult is how one rule came out in a build.
type RuleResult struct {
	RunID  string `json:"run"`
	Table  string `json:"table"`
	Part   string `json:"part,omitempty"` // of the table that the build was about: a window of a backfill; "" for all it brought
	Rule   string `json:"rule"`           // its text
	OnFail string `json:"on_fail"`
	Passed bool   `json:"passed"`
	Failed int64  `json:"failed"` // rows that broke it
	Total  int64  `json:"total"`  // rows it was asked about
	Reason string `json:"reason,omitempty"`
	// Metrics are the figures behind the result. One that is no number (NaN, infinite) is left out: JSON cannot hold it.
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Rules writes down the results of builds, all or none. They take the place of earlier results of the same runs,
// tables and parts, so that a second attempt does not show its rules twice.
func (j *Journal) Rules(ctx context.Context, results []RuleResult) error {
	if len(results) == 0 {
		return nil
	}
	return j.write(ctx, "record rule results", func(tx *sql.Tx) error {
		type build struct{ run, table, part string }
		cleared := map[build]bool{}
		for _, r := range results {
			if b := (build{r.RunID, r.Table, r.Part}); !cleared[b] {
				cleared[b] = true
				if err := begun(ctx, tx, r.RunID); err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, `DELETE FROM rules WHERE run = ? AND tbl = ? AND part = ?`, r.RunID, r.Table, r.Part); err != nil {
					return err
				}
			}
			if err := j.insertRule(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

const ruleColumns = `run, tbl, rule, on_fail, passed, failed, total, reason, metrics, part`

func (j *Journal) insertRule(ctx context.Context, tx *sql.Tx, r RuleResult) error {
	metrics := maps.Clone(r.Metrics)
	maps.DeleteFunc(metrics, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	_, err := tx.ExecContext(ctx, `INSERT INTO rules (`+ruleColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.RunID, r.Table, j.text(r.Rule), r.OnFail, r.Passed, r.Failed, r.Total, j.text(r.Reason), document{&metrics}, r.Part)
	return err
}

// RuleResults gives the results of a run's table in the order they were written; table "" means every table of the run.
func (j *Journal) RuleResults(ctx context.Context, runID, table string) ([]RuleResult, error) {
	places := func(r *RuleResult) []any {
		return []any{&r.RunID, &r.Table, &r.Rule, &r.OnFail, &r.Passed, &r.Failed, &r.Total, &r.Reason, document{&r.Metrics}, &r.Part}
	}
	return read(ctx, j, "read rule results", places,
		`SELECT `+ruleColumns+` FROM rules WHERE run = ?1 AND ?2 IN (tbl, '') ORDER BY seq`, runID, table)
}

// TableResults are the rules of one build of a table.
type TableResults struct {
	Run   int64        `json:"run"`
	Time  time.Time    `json:"time"` // when the run began
	Rules []RuleResult `json:"rules"`
}

// RulesOf gives the results of a table's latest builds, newest first.
func (j *Journal) RulesOf(ctx context.Context, table string, limit int) ([]TableResults, error) {
	type row struct {
		run  int64
		time time.Time
		RuleResult
	}
	places := func(r *row) []any {
		return []any{&r.run, micros{&r.time}, &r.RunID, &r.Table, &r.Rule, &r.OnFail, &r.Passed, &r.Failed, &r.Total, &r.Reason, document{&r.Metrics}, &r.Part}
	}
	rows, err := read(ctx, j, "read rule results", places, `SELECT r.number, r.started, u.run, u.tbl, u.rule, u.on_fail, u.passed, u.failed, u.total, u.reason, u.metrics, u.part
		FROM rules u JOIN runs r ON r.id = u.run
		WHERE u.tbl = ?1 AND u.run IN (SELECT x.id FROM runs x WHERE EXISTS (SELECT 1 FROM rules y WHERE y.run = x.id AND y.tbl = ?1) ORDER BY x.number DESC, x.started DESC LIMIT ?2)
		ORDER BY r.number DESC, r.started DESC, u.seq`, table, upTo(limit))
	if err != nil {
		return nil, err
	}
	var out []TableResults
	for _, r := range rows {
		if n := len(out); n == 0 || out[n-1].Rules[0].RunID != r.RunID {
			out = append(out, TableResults{Run: r.run, Time: r.time})
		}
		last := &out[len(out)-1]
		last.Rules = append(last.Rules, r.RuleResult)
	}
	return out, nil
}
