package build

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/quality"
	"weir/internal/record"
)

// judgeRows applies the row rules to the delta before it is merged (promise 3).
func (w *work) judgeRows(ctx context.Context) error {
	// A build that brings no rows breaks no rule about rows.
	if w.delta.rows == 0 {
		return nil
	}
	away, err := w.missingValues(ctx)
	if err != nil {
		return err
	}
	if len(w.checks.RowRules()) > 0 {
		more, err := w.rowsAway(ctx)
		if err != nil {
			return err
		}
		away = append(away, more...)
	}
	if len(away) > 0 {
		return w.quarantine(ctx, away)
	}
	return nil
}

// away turns rows away for which it does not hold.
type away struct {
	holds  string // condition of a row
	rule   string // as a person wrote it
	reason string
}

// missingValues turn rows away that have a null where none may be.
func (w *work) missingValues(ctx context.Context) (out []away, err error) {
	for _, c := range w.columns {
		if !c.Required {
			continue
		}
		q := job.Quote(c.Name)
		out = append(out, away{holds: "(" + q + " IS NOT NULL)", rule: "required " + q, reason: c.Name + ": null, and the column is required"})
	}
	if len(out) == 0 {
		return nil, nil
	}
	n, err := w.s.Int(ctx, "SELECT count(*) FROM ("+w.delta.sql+") WHERE NOT ("+holding(out)+")")
	if err != nil {
		return nil, fmt.Errorf("look for nulls: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	return out, nil
}

// holding is the condition of a row that nothing turns away.
func holding(aways []away) string {
	all := make([]string, len(aways))
	for i, a := range aways {
		all[i] = a.holds
	}
	return strings.Join(all, " AND ")
}

// rowsAway judges the row rules, and gives those that turn rows away.
func (w *work) rowsAway(ctx context.Context) ([]away, error) {
	relation := "(" + w.delta.sql + ")"
	outcomes, err := w.checks.JudgeRows(ctx, w.s, relation)
	if err != nil {
		return nil, fmt.Errorf("judge rows: %w", err)
	}
	predicates, err := w.checks.Predicates(ctx, w.s, relation, nil)
	if err != nil {
		return nil, fmt.Errorf("judge rows: %w", err)
	}
	w.out.Rules, w.rowOutcomes = outcomes, outcomes
	var out []away
	var stops []string
	for i, o := range outcomes {
		switch text := w.checks.RowRules()[i].Text; {
		case o.Passed:
		case o.Rule.OnFail == quality.Quarantine:
			out = append(out, away{holds: "(" + predicates[i] + ")", rule: text, reason: "does not hold: " + text})
		case o.Rule.OnFail == quality.Stop:
			stops = append(stops, w.broken(ctx, o, predicates[i]))
		}
	}
	return out, w.stopped(stops)
}

// broken says which rule does not hold, and shows one row that breaks it where there is one.
func (w *work) broken(ctx context.Context, o quality.Outcome, predicate string) string {
	place := ""
	if o.Rule.File != "" {
		place = fmt.Sprintf(" (%s:%d)", o.Rule.File, o.Rule.Line)
	}
	text := fmt.Sprintf("rule %s%s does not hold: %s", o.Rule.Text, place, o.Reason)
	if o.Failed > 0 {
		text += fmt.Sprintf("; %d of %d rows", o.Failed, o.Total)
	}
	if predicate != "" {
		rows, err := w.s.Strings(ctx, "SELECT to_json("+rowAlias+")::VARCHAR FROM ("+w.delta.sql+") AS "+rowAlias+" WHERE NOT ("+predicate+") LIMIT 1")
		if err == nil && len(rows) > 0 {
			text += ", such as " + clip(rows[0][0].Value, 300)
		}
	}
	return text
}

// stopped is the error of a build whose rules stop it; nil where none does.
func (w *work) stopped(broken []string) error {
	if len(broken) == 0 {
		return nil
	}
	return fault.New(fault.Data, "stopped, %s. %s", w.untouched(), strings.Join(broken, " · ")).
		WithHint("mend the rows, or set on_fail: warn or, for rules about single rows, on_fail: quarantine")
}

// untouched says what a failed build left.
func (w *work) untouched() string {
	if w.out.Before == 0 {
		return "no table was made"
	}
	return fmt.Sprintf("table unchanged (snapshot %d)", w.out.Before)
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// quarantine moves the rows that something turns away out of the delta into the rejects.
func (w *work) quarantine(ctx context.Context, aways []away) error {
	holds := holding(aways)
	n, err := w.keepRejects(ctx, w.quarantined(aways), record.KindQuarantined)
	if err != nil {
		return err
	}
	w.out.Counts.Quarantined = n
	if w.t.Table.MaxQuarantined.Exceeded(n, w.out.Counts.Read) {
		return w.tooMany(ctx, n, w.t.Table.MaxQuarantined, "max_quarantined", record.KindQuarantined)
	}
	if err := w.noteAway(ctx, holds); err != nil {
		return err
	}
	return w.restage(ctx, w.delta.sql+" WHERE "+holds)
}

// quarantined is the reject query of rows that are turned away: the row as JSON, so that it can be mended and read again.
func (w *work) quarantined(aways []away) string {
	rule, reason := "CASE", "CASE"
	for _, a := range aways {
		rule += " WHEN NOT " + a.holds + " THEN " + job.Literal(a.rule)
		reason += " WHEN NOT " + a.holds + " THEN " + job.Literal(a.reason)
	}
	dataset := "''"
	if indexOf(w.columns, FileColumn) >= 0 {
		dataset = "coalesce(" + job.Quote(FileColumn) + ", '')"
	}
	return `SELECT md5(concat(dataset, '|', raw)) || '-' || row_number() OVER (PARTITION BY dataset, raw) AS id, 'quarantined' AS kind,
  dataset, 0::BIGINT AS line, -1::BIGINT AS "offset", '' AS "column", reason, rule, raw, '' AS header
FROM (SELECT ` + dataset + ` AS dataset, ` + reason + ` END AS reason, ` + rule + ` END AS rule, to_json(` + w.rowValue() + `)::VARCHAR AS raw
  FROM (` + w.delta.sql + `) AS ` + rowAlias + ` WHERE NOT (` + holding(aways) + `))`
}

// restage writes the delta again from a query over it.
func (w *work) restage(ctx context.Context, sql string) error {
	write := job.Write{Columns: w.columns, Dir: w.scratch + "/delta", Prefix: "delta"}
	if w.delta.direct {
		write = w.dataWrite()
	}
	write.SQL = sql
	files, err := w.s.Stage(ctx, write, w.ids, nil)
	if err != nil {
		return fmt.Errorf("stage delta again: %w", err)
	}
	if err := removeFiles(w.delta.files); err != nil {
		return fault.New(fault.Unavailable, "stage delta again: %w", err)
	}
	w.setDelta(files)
	return nil
}

// judgeTable applies the table rules to the table as it will be after the commit.
func (w *work) judgeTable(ctx context.Context, t *lake.Table, m merged) error {
	if len(w.checks.TableRules()) == 0 {
		return nil
	}
	outcomes, err := w.judged(ctx, t, m)
	if err != nil {
		return fmt.Errorf("judge table: %w", err)
	}
	w.out.Rules = append(w.rowOutcomes[:len(w.rowOutcomes):len(w.rowOutcomes)], outcomes...)
	var stops []string
	for _, o := range outcomes {
		if !o.Passed && o.Rule.OnFail == quality.Stop {
			stops = append(stops, w.broken(ctx, o, ""))
		}
	}
	return w.stopped(stops)
}

// result is a SELECT over the table as it will be: what stays and what is added.
func (w *work) result(ctx context.Context, t *lake.Table, m merged) (string, error) {
	added := w.readStaged(m.add)
	if t == nil {
		return added, nil
	}
	stay, err := staying(ctx, t, m.remove)
	if err != nil || len(stay) == 0 {
		return added, err
	}
	rel, err := t.Scan(ctx, lake.ScanOptions{Files: stay})
	if err != nil {
		return "", err
	}
	return w.project(rel.SQL, rel.Columns) + " UNION ALL " + added, nil
}

func staying(ctx context.Context, t *lake.Table, remove []string) ([]string, error) {
	files, err := t.Files(ctx)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	for _, r := range remove {
		gone[r] = true
	}
	var stay []string
	for _, f := range files {
		if !gone[f.Path] {
			stay = append(stay, f.Path)
		}
	}
	return stay, nil
}
