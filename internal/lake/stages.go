package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"weir/internal/blob"
	"weir/internal/fault"
)

// Stages are the stages of a table, or of all tables for "", as maintenance needs them. A stage whose lease has ended and whose files
// no snapshot names is garbage.
func (l *Lake) Stages(ctx context.Context, table string) ([]StageInfo, error) {
	prefix := "_stages/"
	if table != "" {
		prefix += table + "/"
	}
	objects, err := l.list(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list stages: %w", err)
	}
	var out []StageInfo
	for _, o := range objects {
		data, err := l.store.Get(ctx, o.Key)
		if errors.Is(err, blob.ErrNotExist) {
			continue // ended meanwhile
		}
		var info StageInfo
		if err == nil {
			err = json.Unmarshal(data, &info)
		}
		if err == nil && (info.key() != o.Key || !strings.HasPrefix(info.ID, stagePrefix)) {
			err = errors.New("it speaks of another stage")
		}
		if err != nil {
			return nil, damaged("stage manifest", l.store.URL(o.Key), err)
		}
		out = append(out, info)
	}
	return out, nil
}

// list gives the lake's objects under a prefix, none where there is no lake yet.
func (l *Lake) list(ctx context.Context, prefix string) ([]blob.Object, error) {
	if root, local := l.store.LocalPath("."); local {
		if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	return l.store.List(ctx, prefix)
}

// DiscardRun removes what a run left staged. The caller knows that the run's process is gone: leases are not looked at. Files that a
// snapshot names stay, because the run may have committed before it died.
func (l *Lake) DiscardRun(ctx context.Context, runID string) error {
	stages, err := l.Stages(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, info := range stages {
		if info.RunID != runID || l.isOpen(info) {
			continue
		}
		if err := l.DiscardStage(ctx, info); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (l *Lake) isOpen(info StageInfo) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, ok := l.stages[info.Table+"\x00"+info.RunID]
	return ok && s.info.ID == info.ID
}

// DiscardStage removes a stage another process left, but for files that a snapshot names.
func (l *Lake) DiscardStage(ctx context.Context, info StageInfo) error {
	base, ok := keyAt(l.root, info.Location)
	if !ok {
		return fault.New(fault.Data, "discard stage %s: its table lies outside the lake, at %s", info.ID, info.Location)
	}
	kept, all, err := l.keptOf(ctx, info)
	if err != nil {
		return fmt.Errorf("discard stage %s: %w", info.ID, err)
	}
	if all {
		return l.store.Delete(ctx, info.key())
	}
	var keys, local [len(dirs)]string
	for i, dir := range dirs {
		keys[i] = path.Join(base, dir, info.ID)
		if _, isLocal := l.store.LocalPath(keys[i]); !isLocal {
			local[i] = filepath.Join(l.state, "stage", info.ID, dir) // not yet uploaded, where it was this machine's
		}
	}
	if err := l.removeStage(ctx, info, local, keys, kept); err != nil {
		return fmt.Errorf("discard stage %s: %w", info.ID, err)
	}
	return nil
}

// keptOf finds which files of a stage the table names. all is true where that can not be told any more: the run has committed,
// but its snapshot has expired.
func (l *Lake) keptOf(ctx context.Context, info StageInfo) (kept map[string]bool, all bool, err error) {
	t, err := l.Table(ctx, info.Table)
	if errors.Is(err, ErrNoTable) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	kept = map[string]bool{}
	for _, s := range t.Snapshots() {
		if s.RunID != info.RunID {
			continue
		}
		if err := t.keptBy(ctx, s, kept); err != nil {
			return nil, false, err
		}
	}
	if len(kept) > 0 {
		return kept, false, nil
	}
	led, err := t.Ledger(ctx)
	return nil, led.HasRun(info.RunID), err
}

// keptBy adds the files a snapshot and its ledger name.
func (t *Table) keptBy(ctx context.Context, s Snapshot, kept map[string]bool) error {
	at, err := t.At(ctx, s.ID)
	if err != nil {
		return err
	}
	live, err := at.liveFiles(ctx)
	if err != nil {
		return err
	}
	for _, f := range live {
		kept[f.data.FilePath()] = true
	}
	led, err := t.lake.readLedger(ctx, s.Ledger)
	if err != nil {
		return err
	}
	kept[s.Ledger] = true
	for _, r := range led.Rejects {
		kept[r.Path] = true
	}
	for _, c := range led.Changes {
		for _, f := range c.Files {
			kept[f] = true
		}
	}
	return nil
}
