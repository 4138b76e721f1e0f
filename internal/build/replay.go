package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/quality"
	"weir/internal/record"
	"weir/internal/source"
)

// replaying is a replay under way.
type replaying struct {
	*work
	rejects []record.Reject
	still   []record.Reject
}

func (r *replaying) run(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.prepare(ctx); err != nil {
		return err
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
	r.read = &reading{beside: true}
	var records, rows []record.Reject
	for _, x := range r.rejects {
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
	// A row that a rule turned away once is not turned away again in silence: rules stop a replay.
	r.t.Table = stopping(r.t.Table)
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

func (r *replaying) beginRows(rows []record.Reject) error {
	if err := os.MkdirAll(r.b.Scratch, 0o755); err != nil {
		return fault.New(fault.Unavailable, "write rows to replay: %w", err)
	}
	path := filepath.Join(r.b.Scratch, "replay-"+r.t.RunID+".ndjson")
	cols := r.ownColumns(r.state.table.Columns())
	var b strings.Builder
	for _, x := range rows {
		text, err := rowText(x, r.t.Table, cols)
		if err != nil {
			return err
		}
		b.WriteString(text + "\n")
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fault.New(fault.Unavailable, "write rows to replay: %w", err)
	}
	r.read.ends = append(r.read.ends, func(context.Context) error { return os.Remove(path) })
	r.read.rel = quarantinedRelation(path, cols)
	return nil
}

// again settles which records came through: those that failed again stay in the queue.
func (r *replaying) again(ctx context.Context) error {
	failed := map[string]bool{}
	if q := r.read.rel.Rejects; q != "" {
		rows, err := r.s.Strings(ctx, "SELECT id, reason FROM ("+q+")")
		if err != nil {
			return fmt.Errorf("read what failed again: %w", err)
		}
		reasons := map[string]string{}
		for _, row := range rows {
			failed[row[0].Value], reasons[row[0].Value] = true, row[1].Value
		}
		for _, x := range r.rejects {
			if failed[x.ID] {
				x.Reason = reasons[x.ID]
				r.still = append(r.still, x)
			}
		}
	}
	var passed []string
	for _, x := range r.rejects {
		if !failed[x.ID] {
			passed = append(passed, x.ID)
		}
	}
	if len(passed) == 0 {
		return fault.New(fault.Data, "every record was rejected again: %s", r.still[0].Reason).
			WithHint("mend the raw text: weir rejects export %s --output FILE, then replay --from FILE", r.t.Table.Name)
	}
	r.out.Counts.Read = r.delta.rows
	if int(r.delta.rows) != len(passed) {
		return fault.New(fault.Data, "counts do not reconcile: %d records replayed gave %d rows", len(passed), r.delta.rows)
	}
	var err error
	r.read.closes, err = r.b.closings(ctx, r.s, r.state, "id IN ("+literals(passed)+")")
	return err
}

// stopping is the definition with rules that stop where they would turn rows away.
func stopping(t *define.Table) *define.Table {
	c := *t
	c.Rules = slices.Clone(t.Rules)
	for i := range c.Rules {
		if c.Rules[i].OnFail == quality.Quarantine {
			c.Rules[i].OnFail = quality.Stop
		}
	}
	return &c
}
