package build

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// OpenRejects is a SELECT of record.RejectColumns, the run and its time over a table's rejects that are neither replayed nor
// discarded; "" where there are none. A record that several runs rejected stands once, as the last of them saw it, and at the
// time of the first that did.
func (b *Builder) OpenRejects(ctx context.Context, table string) (string, error) {
	st, err := b.load(ctx, table)
	if err != nil {
		return "", err
	}
	sql, err := b.open(ctx, st)
	if err != nil || sql == "" {
		return "", err
	}
	return "SELECT * EXCLUDE (nth, noted), min(noted) OVER (PARTITION BY id) AS noted FROM (" + sql + ") QUALIFY row_number() OVER (PARTITION BY id ORDER BY nth DESC) = 1", nil
}

// KeptRejects is a SELECT of record.RejectColumns, the run, its time as noted, and how the ledger notes a settled one as closing, over
// all rejects of a table that were ever kept, with whether they are open; "" where there are none.
func (b *Builder) KeptRejects(ctx context.Context, table string) (string, error) {
	st, err := b.load(ctx, table)
	if err != nil || st.table == nil || len(st.ledger.Rejects) == 0 {
		return "", err
	}
	closed, err := st.table.ClosedRejects(ctx)
	if err != nil {
		return "", err
	}
	var parts []string
	for i, f := range st.ledger.Rejects {
		part, err := b.rejectFile(ctx, i, f)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	settled := "(SELECT unnest([" + literals(append(closed, "")) + "]))"
	return "SELECT *, " + closingSQL + " AS closing, NOT (closing IN " + settled + " OR run || " + job.Literal(allOfRun) + " IN " + settled + ") AS open FROM (" +
		strings.Join(parts, " UNION ALL ") + ")", nil
}

// rejectFile is a SELECT of a file of rejects, the nth of its ledger.
func (b *Builder) rejectFile(ctx context.Context, nth int, f lake.RejectFile) (string, error) {
	local, err := b.Lake.Local(ctx, f.Path)
	if err != nil {
		return "", err
	}
	at := ""
	if !f.Time.IsZero() {
		at = f.Time.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("SELECT *, %s AS run, %s AS noted, %d AS nth FROM %s", job.Literal(f.Run), job.Literal(at), nth, rejectFiles([]string{local})), nil
}

// The ledger notes a settled reject as run/id, and all of a run as run/*: a later run may reject the same record again,
// and then it is open again.
const (
	closingSQL = "run || '/' || id"
	allOfRun   = "/*"
)

// open is OpenRejects with each run's own mention of a record, and the place of its file among the ledger's as nth.
func (b *Builder) open(ctx context.Context, st state) (string, error) {
	if st.table == nil || len(st.ledger.Rejects) == 0 {
		return "", nil
	}
	closed, err := st.table.ClosedRejects(ctx)
	if err != nil {
		return "", err
	}
	var parts []string
	for i, f := range st.ledger.Rejects {
		if slices.Contains(closed, f.Run+allOfRun) {
			continue
		}
		part, err := b.rejectFile(ctx, i, f)
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "", nil
	}
	sql := "SELECT * FROM (" + strings.Join(parts, " UNION ALL ") + ") AS r"
	if len(closed) > 0 {
		sql += " ANTI JOIN (SELECT unnest([" + literals(closed) + "]) AS closing) AS c ON c.closing = r.run || '/' || r.id"
	}
	return sql, nil
}

// closings are how the ledger will note the open rejects of a condition as settled.
func (b *Builder) closings(ctx context.Context, s engine.Session, st state, condition string) ([]string, error) {
	sql, err := b.open(ctx, st)
	if err != nil || sql == "" {
		return nil, err
	}
	rows, err := s.Strings(ctx, "SELECT DISTINCT "+closingSQL+" FROM ("+sql+") WHERE "+condition+" ORDER BY 1")
	if err != nil {
		return nil, fmt.Errorf("find open rejects: %w", err)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r[0].Value
	}
	return out, nil
}

// superseded are the rejects that have no meaning any more because what they stood in was read again: whatever is still
// wrong there is among this build's own rejects.
func (w *work) superseded(ctx context.Context) ([]string, error) {
	if w.applied.settled {
		return w.overtaken(ctx)
	}
	if len(w.state.ledger.Rejects) == 0 || w.read.beside {
		return nil, nil
	}
	if w.swaps() || w.read.full && w.t.Table.Kind != define.FromSQL {
		return allRuns(ctx, w.state)
	}
	if w.read.part != nil {
		return w.b.closings(ctx, w.s, w.state, w.read.part.rejects)
	}
	if len(w.read.replace) == 0 {
		return nil, nil
	}
	return w.b.closings(ctx, w.s, w.state, "dataset IN ("+literals(w.read.replace)+")")
}

// allRuns closes every run of the ledger that has rejects and is not closed yet.
func allRuns(ctx context.Context, st state) ([]string, error) {
	closed, err := st.table.ClosedRejects(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range st.ledger.Rejects {
		if all := f.Run + allOfRun; !slices.Contains(closed, all) && !slices.Contains(out, all) {
			out = append(out, all)
		}
	}
	return out, nil
}

// closingsOf are the closings of rejects that are all open still.
func (b *Builder) closingsOf(ctx context.Context, s engine.Session, st state, ids []string) ([]string, error) {
	closes, err := b.closings(ctx, s, st, "id IN ("+literals(ids)+")")
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, c := range closes {
		_, id, _ := strings.Cut(c, "/")
		found[id] = true
	}
	for _, id := range ids {
		if !found[id] {
			return nil, settledMeanwhile(id)
		}
	}
	return closes, nil
}

func settledMeanwhile(id string) error {
	return fault.New(fault.Conflict, "reject %s was settled by another run meanwhile; nothing was done", id).WithHint("weir rejects list tells what is open now")
}

// stillOpen refuses to settle what another run has settled since it was read: a replay beside another one takes a record once.
func stillOpen(ctx context.Context, t *lake.Table, closings []string) error {
	if len(closings) == 0 {
		return nil
	}
	settled, err := t.ClosedRejects(ctx)
	if err != nil {
		return err
	}
	closed := make(map[string]bool, len(settled))
	for _, c := range settled {
		closed[c] = true
	}
	for _, c := range closings {
		run, id, _ := strings.Cut(c, "/")
		if closed[c] || closed[run+allOfRun] {
			return settledMeanwhile(id)
		}
	}
	return nil
}
