package journal

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
)

// Commit is what the lake knows of one build: a snapshot that a run wrote.
type Commit struct {
	RunID, Table     string
	At               time.Time // when it was committed
	Time             time.Time // the run's logical time
	Snapshot, Parent int64     // Parent is 0 for a table's first
	Counts           job.Counts
	Mode             string // "" where the lake does not say
}

// Rebuild gives a journal at a path where it was lost or is damaged, with runs and builds as commits tell them. A damaged
// file is kept beside it as PATH.damaged-TIME. Failed builds, rules and events are not in the lake and stay lost, and
// every run it names counts as done. New runs are numbered after the largest number found.
//
// The new file appears at path complete or not at all, so a killed Rebuild is simply done again. Of several processes
// that rebuild at once one does it. A journal that is sound is kept and only given what it lacks of the commits.
func Rebuild(ctx context.Context, path string, commits []Commit) (_ *Journal, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "rebuild journal: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fault.New(fault.Usage, "rebuild journal: %w", err).WithHint("the folder %s must be writable", filepath.Dir(path))
	}
	unlock, err := lock(ctx, path+".rebuild")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, serr := os.Stat(path); serr == nil {
		j, oerr := Open(ctx, path)
		if oerr == nil {
			return filled(ctx, j, commits)
		}
		if !errors.Is(oerr, ErrDamaged) {
			return nil, oerr
		}
	}
	if err := setAside(path); err != nil {
		return nil, err
	}
	if err := writeNew(ctx, path, commits); err != nil {
		return nil, err
	}
	return Open(ctx, path)
}

// filled is the journal with the commits in it, closed where that failed.
func filled(ctx context.Context, j *Journal, commits []Commit) (*Journal, error) {
	if err := j.fill(ctx, commits); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// lock keeps other processes out of a rebuild. SQLite's own lock serves: it is let go when its process dies. The empty
// file it is held on stays, because another process may be waiting for it.
func lock(ctx context.Context, path string) (unlock func() error, err error) {
	db, err := connect(path, "exclusive")
	if err != nil {
		return nil, explain(ctx, "rebuild journal", path, err)
	}
	// A cancelled context would roll the transaction back and let go of the lock in the middle.
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(explain(ctx, "rebuild journal", path, err), db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

// setAside renames the file and SQLite's files beside it. A write-ahead log left there would be applied to the new file.
func setAside(path string) error {
	aside := path + ".damaged-" + time.Now().UTC().Format("20060102T150405.000000")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.New(fault.Usage, "set damaged journal aside: %w", err).WithHint("the folder %s must be writable", filepath.Dir(path))
		}
	}
	return nil
}

// writeNew makes a filled journal beside the path and moves it there.
func writeNew(ctx context.Context, path string, commits []Commit) error {
	fresh := path + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(fresh + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.New(fault.Usage, "rebuild journal: %w", err)
		}
	}
	j, err := Open(ctx, fresh)
	if err != nil {
		return err
	}
	// The last to close brings the log into the file and syncs it.
	if err := errors.Join(j.fill(ctx, commits), j.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return fault.New(fault.Unavailable, "rebuild journal: %w", err)
	}
	return nil
}

// fill adds what the journal lacks of the commits, in one transaction.
func (j *Journal) fill(ctx context.Context, commits []Commit) error {
	commits = slices.Clone(commits)
	slices.SortStableFunc(commits, func(a, b Commit) int { return a.At.Compare(b.At) })
	return j.write(ctx, "rebuild journal", func(tx *sql.Tx) error {
		for _, r := range runsOf(commits) {
			if err := fillRun(ctx, tx, r); err != nil {
				return err
			}
		}
		for _, c := range commits {
			if c.RunID == "" {
				continue // another tool's
			}
			b := Build{RunID: c.RunID, Table: c.Table, Attempt: 1, Status: BuildBuilt, Mode: c.Mode, Started: c.At, Ended: c.At,
				Counts: c.Counts, SnapshotBefore: c.Parent, Snapshot: c.Snapshot, Why: "told by the lake"}
			if err := putBuild(ctx, tx, b, `DO NOTHING`); err != nil {
				return err
			}
		}
		return nil
	})
}

func fillRun(ctx context.Context, tx *sql.Tx, r Run) error {
	err := begun(ctx, tx, r.ID)
	if !errors.Is(err, ErrNoRun) {
		return err
	}
	if err := insertRun(ctx, tx, r); err != nil {
		return err
	}
	return insertEvent(ctx, tx, Event{RunID: r.ID, Kind: "rebuilt", Message: "the journal was lost; this is what the lake tells of the run"})
}

// runsOf gathers the runs that commits in order of time name, in order of their numbers.
func runsOf(commits []Commit) []Run {
	byID := map[string]*Run{}
	for _, c := range commits {
		if c.RunID == "" {
			continue
		}
		r := byID[c.RunID]
		if r == nil {
			r = &Run{ID: c.RunID, Number: number(c.RunID), Time: c.Time.UTC().Truncate(time.Microsecond), Status: Done, Started: c.At}
			byID[c.RunID] = r
		}
		r.Ended = c.At
	}
	runs := make([]Run, 0, len(byID))
	for _, r := range byID {
		runs = append(runs, *r)
	}
	slices.SortFunc(runs, func(a, b Run) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	return runs
}

// number reads the number of a run id, 0 where it is not one of ours.
func number(id string) int64 {
	n, err := strconv.ParseInt(job.RunNumber(id), 10, 64)
	if err != nil || n < 0 || n > 1e12 {
		return 0
	}
	return n
}
