package lake

import (
	"context"
	"strconv"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
)

// NamedForms says what Named takes, for messages.
const NamedForms = "a snapshot's number or id, a time, run:N, previous, or @-N"

// Named gives the table as of a snapshot that a person names: by number (weir show --history lists them) or id, as the time it
// was current at (2026-03-05 or RFC 3339, in UTC), as run:N for the table at the end of a run, as @-N for N snapshots before
// the current one, as previous for the last one with other rows.
func (t *Table) Named(ctx context.Context, name string) (*Table, error) {
	if n, err := strconv.ParseInt(name, 10, 64); err == nil && n > 0 {
		return t.numbered(ctx, n)
	}
	if run, ok := strings.CutPrefix(name, "run:"); ok {
		return t.afterRun(ctx, run)
	}
	if name == "current" || name == "@0" {
		return t.before(ctx, 0)
	}
	if back, ok := strings.CutPrefix(name, "@-"); ok {
		n, err := strconv.Atoi(back)
		if err != nil || n < 0 {
			return nil, fault.New(fault.Usage, "snapshot %q of %s: %q is no number of snapshots", name, t.name, back)
		}
		return t.before(ctx, n)
	}
	if name == "previous" {
		return t.previous(ctx)
	}
	if at, ok := ParseTime(name); ok {
		return t.AsOf(ctx, at)
	}
	return nil, fault.New(fault.Usage, "%q names no snapshot of %s", name, t.name).WithHint("write %s", NamedForms)
}

// ParseTime reads a time as a person writes one: RFC 3339, or shorter and then in UTC.
func ParseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}

// numbered finds a snapshot by its number, else by its id.
func (t *Table) numbered(ctx context.Context, n int64) (*Table, error) {
	for _, s := range t.ice.Metadata().Snapshots() {
		if s.SequenceNumber == n {
			return t.At(ctx, s.SnapshotID)
		}
	}
	return t.At(ctx, n)
}

// afterRun is the table at the end of a run: the snapshot the run made or, where it left the table alone, the one the last run
// before it did.
func (t *Table) afterRun(ctx context.Context, run string) (*Table, error) {
	n, err := strconv.ParseInt(run, 10, 64)
	if err != nil {
		return nil, fault.New(fault.Usage, "run %q is not a number", run).WithHint("weir runs lists them")
	}
	for _, s := range t.Lineage() {
		made, err := strconv.ParseInt(job.RunNumber(s.RunID), 10, 64)
		if err == nil && made <= n {
			return t.At(ctx, s.ID)
		}
	}
	return nil, fault.New(fault.Usage, "run %s and those before it left no snapshot of %s that is still there", run, t.name).
		WithHint("weir show %s --history lists its snapshots", t.name)
}

func (t *Table) before(ctx context.Context, n int) (*Table, error) {
	line := t.Lineage()
	if n >= len(line) {
		return nil, fault.New(fault.Usage, "table %s has no snapshot %d before the current one: there are %d", t.name, n, max(0, len(line)-1)).
			WithHint("weir show %s --history lists its snapshots; older ones have expired", t.name)
	}
	return t.At(ctx, line[n].ID)
}

// previous is the snapshot before the one that made the rows what they are.
func (t *Table) previous(ctx context.Context) (*Table, error) {
	changed := false
	for _, s := range t.Lineage() {
		if changed {
			return t.At(ctx, s.ID)
		}
		changed = !s.SameRows()
	}
	return nil, fault.New(fault.Usage, "table %s has no snapshot with other rows before the current one", t.name).
		WithHint("weir show %s --history lists its snapshots; older ones have expired", t.name)
}

// Lineage is the current snapshot and those it descends from, latest first, as far as the table still knows them.
func (t *Table) Lineage() []Snapshot {
	var line []Snapshot
	for s := t.snap; s != nil; {
		line = append(line, snapshotOf(*s))
		if s.ParentSnapshotID == nil {
			break
		}
		s = t.ice.SnapshotByID(*s.ParentSnapshotID)
	}
	return line
}
