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
		at, err := t.Named(ctx, text)
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
	at, err := of.Named(ctx, snapshot)
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
