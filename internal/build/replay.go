package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/lake"
	"weir/internal/record"
	"weir/internal/source"
)

// Replay is what is to be replayed.
type Replay struct {
	Rejects []record.Reject // records, or quarantined rows: not both
	Present Present
	By, Why string
}

// Replayed says what a replay took.
type Replayed struct {
	Outcome Outcome
	Taken   int64
	Still   []record.Reject // rejected again, each with its new reason; they stay in the queue
}

// Replay builds from rejects alone: a build whose position is the set of their ids, which are settled by the commit that brings
// their rows (promise 1). Records that fail again stay where they are.
func (b *Builder) Replay(ctx context.Context, t Task, what Replay) (Replayed, error) {
	out, err := b.replay(ctx, t, what)
	if err != nil {
		return out, fmt.Errorf("replay rejects of %s: %w", t.Table.Name, err)
	}
	return out, nil
}

func (b *Builder) replay(ctx context.Context, t Task, what Replay) (out Replayed, err error) {
	st, err := b.load(ctx, t.Table.Name)
	if err != nil {
		return out, err
	}
	if st.table == nil {
		return out, fault.New(fault.Usage, "the table has not been built yet")
	}
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return out, err
	}
	defer s.Close()
	w := &work{b: b, t: t, s: s, state: st}
	defer w.close()
	w.out.Before, w.out.After = st.snapshot(), st.snapshot()
	r := &replaying{work: w, Replay: what, failed: map[string]record.Reject{}}
	err = r.run(ctx)
	out.Outcome, out.Still = w.out, r.still()
	if err == nil {
		out.Taken = w.out.Counts.Accepted + w.out.Counts.Superseded + w.out.Counts.Stale
		return out, nil
	}
	return out, errors.Join(err, w.abandon(context.WithoutCancel(ctx)))
}

// replaying is a replay under way.
type replaying struct {
	*work
	Replay
	rows   bool                     // they are rows, not records
	path   string                   // of rows, the file they lie in
	failed map[string]record.Reject // that cannot be taken, with the new reason, by id
}

func (r *replaying) run(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if r.rows {
		if err := r.sift(ctx); err != nil {
			return err
		}
	}
	if err := r.stageDelta(ctx); err != nil {
		return err
	}
	if err := r.again(ctx); err != nil {
		return err
	}
	if err := r.judgeRows(ctx); err != nil {
		return err
	}
	return r.commit(ctx)
}

// begin makes the reading: records again through their source, quarantined rows from their JSON.
func (r *replaying) begin(ctx context.Context) error {
	r.read = &reading{beside: true, present: r.Present}
	t := *r.t.Table
	t.MaxQuarantined = define.Limit{Any: true} // what a rule turns away stays in the queue
	r.t.Table = &t
	var records, rows []record.Reject
	for _, x := range r.Rejects {
		if x.Kind == record.KindQuarantined || asRow(r.t.Table) {
			rows = append(rows, x)
		} else {
			records = append(records, x)
		}
	}
	if len(records) > 0 && len(rows) > 0 {
		return fault.New(fault.Usage, "rejected records and quarantined rows are replayed apart").
			WithHint("--kind reject or --kind quarantined")
	}
	if len(rows) > 0 {
		return r.beginRows(rows)
	}
	return r.beginRecords(ctx, records)
}

func (r *replaying) beginRecords(ctx context.Context, records []record.Reject) error {
	src, err := r.b.Source(ctx, r.t.Table)
	if err != nil {
		return err
	}
	r.read.ends = append(r.read.ends, func(context.Context) error { return src.Close() })
	request := r.request()
	request.Replay = true // whatever has become of the files since
	scan, err := src.Begin(ctx, request)
	if err != nil {
		return err
	}
	r.read.ends = append(r.read.ends, func(context.Context) error { return scan.Close() })
	able, ok := scan.(source.Scannable)
	if !ok {
		return fault.New(fault.Usage, "this source's records cannot be replayed")
	}
	r.read.rel, err = able.Replay(ctx, r.s, records)
	r.keepClose(r.read, r.read.rel)
	return err
}

// beginRows writes rows to be read again, each with its number among the rejects.
func (r *replaying) beginRows(rows []record.Reject) error {
	r.rows, r.path = true, filepath.Join(r.b.Scratch, "replay-"+r.t.RunID+".ndjson")
	if err := os.MkdirAll(r.b.Scratch, 0o755); err != nil {
		return fault.New(fault.Unavailable, "write rows to replay: %w", err)
	}
	cols := r.ownColumns(r.state.table.Columns())
	var b strings.Builder
	for i, x := range rows {
		text, err := rowText(x, i, r.t.Table, cols)
		if err != nil {
			r.fails(x, err.Error(), "")
			continue
		}
		b.WriteString(text + "\n")
	}
	if err := os.WriteFile(r.path, []byte(b.String()), 0o600); err != nil {
		return fault.New(fault.Unavailable, "write rows to replay: %w", err)
	}
	r.read.ends = append(r.read.ends, func(context.Context) error { return os.Remove(r.path) })
	r.read.rel = quarantinedRelation(r.path, cols)
	return nil
}

// fails notes a reject that cannot be taken now either.
func (r *replaying) fails(x record.Reject, reason, rule string) {
	x.Reason, x.Rule = reason, rule
	r.failed[x.ID] = x
}

// still are the rejects that stay, in the order they came in.
func (r *replaying) still() (out []record.Reject) {
	for _, x := range r.Rejects {
		if f, ok := r.failed[x.ID]; ok {
			out = append(out, f)
		}
	}
	return out
}

// again settles which records came through: those that failed again stay in the queue.
func (r *replaying) again(ctx context.Context) error {
	if err := r.refused(ctx); err != nil {
		return err
	}
	var passed []string
	for _, x := range r.Rejects {
		if _, failed := r.failed[x.ID]; !failed {
			passed = append(passed, x.ID)
		}
	}
	if len(passed) == 0 {
		return fault.New(fault.Data, "every record was rejected again: %s", r.still()[0].Reason).
			WithHint("mend the raw text: weir rejects edit %s --id ID --set COLUMN=VALUE, or many at once in a file of weir rejects export", r.t.Table.Name)
	}
	r.out.Counts.Read = r.delta.rows
	if int(r.delta.rows) != len(passed) {
		return fault.New(fault.Data, "counts do not reconcile: %d records replayed gave %d rows", len(passed), r.delta.rows)
	}
	var err error
	if r.read.closes, err = r.b.closingsOf(ctx, r.s, r.state, passed); err != nil {
		return err
	}
	note, err := r.state.table.NoteRejects(ctx, Deed{RunID: r.t.RunID, By: r.By, Why: r.Why}.note(lake.RejectReplayed, r.read.closes))
	r.read.notes = []string{note}
	return err
}

// refused reads what the source could not take.
func (r *replaying) refused(ctx context.Context) error {
	q := r.read.rel.Rejects
	if q == "" {
		return nil
	}
	rows, err := r.s.Strings(ctx, "SELECT id, reason FROM ("+q+")")
	if err != nil {
		return fmt.Errorf("read what failed again: %w", err)
	}
	reasons := map[string]string{}
	for _, row := range rows {
		reasons[row[0].Value] = row[1].Value
	}
	for _, x := range r.Rejects {
		if reason, failed := reasons[x.ID]; failed {
			r.fails(x, reason, "")
		}
	}
	return nil
}
