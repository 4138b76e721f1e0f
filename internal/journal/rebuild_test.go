package journal

import (
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"weir/internal/job"
)

func at(min int) time.Time { return time.Date(2026, 3, 1, 10, min, 0, 0, time.UTC) }

// commits are those of two runs of the same number, one later run, one with a foreign id, and one of another tool.
func commits() []Commit {
	return []Commit{
		{RunID: "000018-aaaaaa", Table: "marts.b", At: at(21), Time: at(20), Snapshot: 4, Parent: 3, Counts: job.Counts{Read: 5, After: 9}, Mode: "replace"},
		{RunID: "000003-aaaaaa", Table: "raw.a", At: at(2), Time: at(0).Add(1500 * time.Nanosecond), Snapshot: 1, Mode: "append"},
		{RunID: "000003-bbbbbb", Table: "raw.a", At: at(10), Time: at(9), Snapshot: 2, Parent: 1},
		{RunID: "000003-aaaaaa", Table: "marts.b", At: at(1), Time: at(0), Snapshot: 3},
		{RunID: "by hand", Table: "raw.c", At: at(12), Time: at(11), Snapshot: 7},
		{Table: "raw.c", At: at(30), Snapshot: 8},
	}
}

func TestRebuildLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "journal.db")
	j, err := Rebuild(t.Context(), path, commits())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	checkRebuilt(t, j)
	if left, _ := filepath.Glob(path + ".[nd]*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func checkRebuilt(t *testing.T, j *Journal) {
	t.Helper()
	runs, err := j.Runs(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.ID)
		if r.Status != Done || r.Started.IsZero() || r.Ended.Before(r.Started) {
			t.Errorf("run %+v", r)
		}
		if es, err := j.Events(t.Context(), r.ID); err != nil || len(es) != 1 || es[0].Kind != "rebuilt" {
			t.Errorf("events of %s are %+v, %v", r.ID, es, err)
		}
	}
	if want := []string{"000018-aaaaaa", "000003-bbbbbb", "000003-aaaaaa", "by hand"}; !reflect.DeepEqual(ids, want) {
		t.Fatalf("runs are %v, want %v", ids, want)
	}
	third, err := j.RunByNumber(t.Context(), 3)
	if err != nil || third.ID != "000003-bbbbbb" {
		t.Errorf("of two runs 3 the later is asked for, not %s, %v", third.ID, err)
	}
	first := runs[2]
	if !first.Started.Equal(at(1)) || !first.Ended.Equal(at(2)) || first.Time.Nanosecond()%1000 != 0 {
		t.Errorf("run %+v", first)
	}
	history, err := j.History(t.Context(), "marts.b", 1)
	if err != nil || len(history) != 1 {
		t.Fatalf("history is %v, %v", history, err)
	}
	last := history[0]
	want := Build{RunID: "000018-aaaaaa", Table: "marts.b", Attempt: 1, Status: BuildBuilt, Mode: "replace", Started: at(21), Ended: at(21),
		Counts: job.Counts{Read: 5, After: 9}, SnapshotBefore: 3, Snapshot: 4, Why: last.Why}
	if !reflect.DeepEqual(last, want) || last.Why == "" {
		t.Errorf("last build is %+v, want %+v", last, want)
	}
	if next := begin(t, j, Run{}); next.Number != 19 {
		t.Errorf("the next run is %d, want 19", next.Number)
	}
}

// TestRebuildBesideStaleLog leaves the write-ahead log of a lost file behind: it must not be applied to the new one.
func TestRebuildBesideStaleLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	old := open(t, path)
	for range 20 {
		r := begin(t, old, Run{Project: "old"})
		put(t, old, Build{RunID: r.ID, Table: "raw.old", Attempt: 1})
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatalf("the log is %d bytes, %v", len(log), err)
	}
	lost := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(lost+"-wal", log, 0o644); err != nil {
		t.Fatal(err)
	}
	j, err := Rebuild(t.Context(), lost, commits())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	checkRebuilt(t, j)
}

func TestRebuildKeepsSound(t *testing.T) {
	path := filledFile(t, 2)
	for range 2 { // the second time nothing is lacking
		j, err := Rebuild(t.Context(), path, commits())
		if err != nil {
			t.Fatal(err)
		}
		runs, err := j.Runs(t.Context(), 0)
		if err != nil || len(runs) != 6 {
			t.Errorf("%d runs, %v", len(runs), err)
		}
		if h, err := j.History(t.Context(), "raw.a", 0); err != nil || len(h) != 4 {
			t.Errorf("history is %+v, %v", h, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) != 0 {
		t.Errorf("a sound journal was set aside: %v", aside)
	}
}

// TestRebuildAtOnce has several find the same damage: one sets the file aside, and none loses what another wrote after.
func TestRebuildAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, []byte("damaged, and long enough not to be taken for a file that is about to be made by anyone else right now"), 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const n = 5
	for range n {
		wg.Go(func() {
			j, err := Rebuild(t.Context(), path, commits())
			if err != nil {
				t.Error(err)
				return
			}
			defer j.Close()
			if _, err := j.Begin(t.Context(), Run{Project: "after"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	runs, err := open(t, path).Runs(t.Context(), 0)
	if err != nil || len(runs) != 4+n || runs[0].Number != 18+n {
		t.Errorf("%d runs, %v", len(runs), err)
	}
	if aside, _ := filepath.Glob(path + ".damaged-*"); len(aside) != 1 {
		t.Errorf("set aside: %v", aside)
	}
}
