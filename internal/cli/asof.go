package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"weir/internal/fault"
	"weir/internal/lake"
)

// asOf replaces tables by what they were: at a time, at the end of a run, or when a snapshot of one of them was made.
func (w *workspace) asOf(ctx context.Context, tables map[string]*lake.Table, text string) error {
	if text == "" || len(tables) == 0 {
		return nil
	}
	if _, isTime := lake.ParseTime(text); !isTime && !strings.HasPrefix(text, "run:") && len(tables) != 1 || strings.Contains(strings.TrimPrefix(text, "@"), "@") {
		return w.asOfSnapshot(ctx, tables, text)
	}
	for name, t := range tables {
		at, err := w.named(ctx, t, text)
		if err != nil {
			return fmt.Errorf("--as-of: %w", err)
		}
		tables[name] = at
	}
	return nil
}

// asOfSnapshot is asOf a snapshot of one table, for the others when it was made: raw.orders@12, or an id that one of them has.
func (w *workspace) asOfSnapshot(ctx context.Context, tables map[string]*lake.Table, text string) error {
	name, snapshot, ok := strings.Cut(text, "@")
	if !ok || name == "" {
		if name, ok = hasSnapshot(tables, text); !ok {
			return fault.New(fault.Usage, "--as-of: %q does not say of which table it is a snapshot", text).
				WithHint("write TABLE@%s, such as %s@%s, or a time", strings.TrimPrefix(text, "@"), append(keys(tables), "raw.orders")[0], strings.TrimPrefix(text, "@"))
		}
		snapshot = text
	}
	of, err := w.inLake(ctx, w.lake, name)
	if err != nil {
		return fmt.Errorf("--as-of: %w", err)
	}
	if strings.HasPrefix(snapshot, "-") {
		snapshot = "@" + snapshot // raw.orders@-1
	}
	at, err := w.named(ctx, of, snapshot)
	if err != nil {
		return fmt.Errorf("--as-of: %w", err)
	}
	made, _ := at.Snapshot()
	for other, t := range tables {
		if other == of.Name() {
			tables[other] = at
			continue
		}
		if tables[other], err = t.AsOf(ctx, made.At); err != nil {
			return fmt.Errorf("--as-of %s: %w", text, err)
		}
	}
	return nil
}

// hasSnapshot finds the one table that has a snapshot with an id.
func hasSnapshot(tables map[string]*lake.Table, id string) (string, bool) {
	for name, t := range tables {
		for _, s := range t.Snapshots() {
			if strconv.FormatInt(s.ID, 10) == id {
				return name, true
			}
		}
	}
	return "", false
}

// named is the version of a table that a name stands for. A run that there never was is an error: it would stand for the
// current version, whatever was meant.
func (w *workspace) named(ctx context.Context, t *lake.Table, name string) (*lake.Table, error) {
	if n, err := strconv.ParseInt(strings.TrimPrefix(name, "run:"), 10, 64); err == nil && strings.HasPrefix(name, "run:") {
		if err := w.thereWas(ctx, n); err != nil {
			return nil, err
		}
	}
	return t.Named(ctx, name)
}

func (w *workspace) thereWas(ctx context.Context, run int64) error {
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	last, err := j.Runs(ctx, 1)
	if err != nil || len(last) == 0 || run <= last[0].Number {
		return err
	}
	return fault.New(fault.Usage, "there is no run %d: the last one is %d", run, last[0].Number).WithHint("weir runs lists them")
}
