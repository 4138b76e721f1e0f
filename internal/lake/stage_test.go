package lake_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/record"
)

func TestStage(t *testing.T) {
	r := localRig(t)
	s, err := r.l.NewStage(t.Context(), "raw.x", "000001-ab")
	ok(t, err)
	cols := lake.AssignIDs([]job.Column{{Name: "a", Type: "INTEGER"}}, nil)
	f := r.write(s.Dir(), "SELECT 1 AS a", cols, nil)
	ok(t, s.Manifest(t.Context(), lake.Manifest{Files: []job.File{f}, Splits: []string{"one"}, Counts: job.Counts{Read: 1}}))
	infos, err := r.l.Stages(t.Context(), "raw.x")
	ok(t, err)
	if len(infos) != 1 || infos[0].RunID != "000001-ab" || infos[0].Table != "raw.x" || infos[0].Manifest.Splits[0] != "one" || time.Until(infos[0].Expires) < 10*time.Minute {
		t.Fatalf("stages %+v", infos)
	}
	if all, err := r.l.Stages(t.Context(), ""); err != nil || len(all) != 1 {
		t.Fatalf("all stages %+v, %v", all, err)
	}
	sealed, extra, err := s.Seal(t.Context(), []job.File{f}, []string{f.Path})
	ok(t, err)
	if sealed[0].Path != "file://"+f.Path || extra[0] != sealed[0].Path || sealed[0].Rows != 1 {
		t.Fatalf("sealed %+v, %v", sealed, extra)
	}
	if _, _, err := s.Seal(t.Context(), []job.File{{Path: "/etc/passwd"}}, nil); fault.ClassOf(err) != fault.Internal {
		t.Errorf("a file elsewhere gave %v", err)
	}
	if _, _, err := s.Seal(t.Context(), []job.File{{Path: filepath.Join(s.Dir(), "none")}}, nil); err == nil {
		t.Error("a missing file was sealed")
	}
	ok(t, s.Discard(t.Context()))
	ok(t, s.Discard(t.Context()))
	if files := left(t, r, "/"); len(files) != 0 {
		t.Fatalf("left %v", files)
	}
}

// What a killed run left is tidied; what it had committed stays (promises 3 and 4).
func TestDiscardRun(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r0", "SELECT 0 AS a")
	// Killed before the commit.
	dead := r.begin("raw.x", "dead", "SELECT 1 AS a")
	// Killed after the commit, before Done; beside its file lies one that was not committed.
	late := r.begin("raw.x", "late", "SELECT 2 AS a")
	late.in.Plan = late.plan
	spare := r.write(late.stage.Dir(), "SELECT 3 AS a", late.cols, late.t)
	_, err := r.l.Commit(t.Context(), late.in)
	ok(t, err)
	again := lakeAgain(t, r)
	for _, run := range []string{"dead", "late", "never"} {
		ok(t, again.DiscardRun(t.Context(), run))
	}
	for path, want := range map[string]bool{dead.files[0].Path: false, spare.Path: false, late.files[0].Path: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if got := r.values("raw.x"); got != "0 2" {
		t.Fatalf("got %s", got)
	}
	if infos, err := r.l.Stages(t.Context(), ""); err != nil || len(infos) != 0 {
		t.Fatalf("stages %v, %v", infos, err)
	}
	// The run goes on under its id.
	if done := r.append("raw.x", "late", "SELECT 2 AS a"); !done.Already {
		t.Fatalf("got %+v", done)
	}
	if done := r.append("raw.x", "dead", "SELECT 1 AS a"); done.Already {
		t.Fatalf("got %+v", done)
	}
}

// A run that committed and was rolled back still has its files in a snapshot.
func TestDiscardRolledBackRun(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	first := r.append("raw.x", "r1", "SELECT 1 AS a")
	b := r.begin("raw.x", "r2", "SELECT 2 AS a")
	second, err := r.l.Commit(t.Context(), b.in)
	ok(t, err)
	f.rollback("raw.x", first.Snapshot.ID)
	again := lakeAgain(t, r)
	ok(t, again.DiscardRun(t.Context(), "r2"))
	past, err := r.table("raw.x").At(t.Context(), second.Snapshot.ID)
	ok(t, err)
	rel, err := past.Scan(t.Context(), lake.ScanOptions{})
	ok(t, err)
	if got := r.rows(rel.SQL); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
}

func TestRejectsAndChanges(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a")
	rejects := r.write(b.stage.RejectsDir(), "SELECT "+rejectRow("x1"), record.RejectColumns(), nil)
	changes := r.write(b.stage.ChangesDir(), "SELECT 'insert' AS _change, 1 AS a", append([]job.Column{{Name: "_change", Type: "VARCHAR", ID: lake.ChangeColumnID}}, b.cols...), nil)
	_, extra, err := b.stage.Seal(t.Context(), nil, []string{rejects.Path, changes.Path})
	ok(t, err)
	b.in.Rejects = []lake.RejectFile{{Path: extra[0], Run: "r1", Rows: 1, Kind: record.KindReject}}
	change, counts, err := b.plan(t.Context(), nil)
	ok(t, err)
	change.ChangeSet = extra[1:]
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) { return change, counts, nil }
	done, err := b.commit()
	ok(t, err)
	r.append("raw.x", "r2", "SELECT 2 AS a")
	l := r.ledger("raw.x")
	if len(l.Rejects) != 1 || l.Rejects[0].Snapshot != done.Snapshot.ID || len(l.Changes) != 1 || l.Changes[0].Snapshot != done.Snapshot.ID {
		t.Fatalf("ledger %+v", l)
	}
	for _, loc := range []string{l.Rejects[0].Path, l.Changes[0].Files[0]} {
		local, err := r.l.Local(t.Context(), loc)
		ok(t, err)
		if got := r.rows("SELECT count(*) FROM read_parquet(" + job.Literal(local) + ")"); got[0] != "1" {
			t.Errorf("%s holds %v", loc, got)
		}
	}
}

func rejectRow(id string) string {
	return fmt.Sprintf(`'%s' AS id, 'reject' AS kind, 'f.csv' AS dataset, 1 AS line, 0 AS "offset", 'a' AS "column", 'bad' AS reason, '' AS rule, 'raw' AS raw, '' AS header`, id)
}

func TestRunRejects(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "000007-ab", "SELECT 1 AS a")
	f := r.write(b.stage.RejectsDir(), "SELECT "+rejectRow("x1"), record.RejectColumns(), nil)
	place, err := r.l.KeepRunRejects(t.Context(), "000007-ab", "raw.x", []string{f.Path})
	ok(t, err)
	ok(t, b.stage.Discard(t.Context()))
	files, err := r.l.RunRejectFiles(t.Context(), place)
	ok(t, err)
	if len(files) != 1 || !strings.Contains(place, "/_runs/000007-ab/raw.x") {
		t.Fatalf("%v at %s", files, place)
	}
	if got := r.rows("SELECT id FROM read_parquet(" + job.Literal(files[0]) + ")"); got[0] != "x1" {
		t.Fatalf("got %v", got)
	}
	if files, err := r.l.RunRejectFiles(t.Context(), strings.Replace(place, "000007", "000008", 1)); err != nil || len(files) != 0 {
		t.Fatalf("another run has %v, %v", files, err)
	}
	if _, err := r.l.RunRejectFiles(t.Context(), "file:///etc"); err == nil {
		t.Fatal("a place elsewhere was read")
	}
}

// TestWriterProcess is one of the processes of TestProcesses.
func TestWriterProcess(t *testing.T) {
	dir, split := os.Getenv("WEIR_TEST_LAKE"), os.Getenv("WEIR_TEST_SPLIT")
	if dir == "" {
		t.Skip("runs as a child of TestProcesses")
	}
	r := newRig(t, lake.Config{Location: dir})
	for i := 1; i <= 8; {
		b := r.begin("raw.x", fmt.Sprint(split, "-", i), fmt.Sprintf("SELECT '%s' AS split, %d AS n", split, i))
		b.in.Base, b.in.Next = job.Position{split: was(i - 1)}, job.Position{split: was(i)}
		_, err := b.commit()
		if err != nil && fault.ClassOf(err) != fault.Conflict {
			t.Fatal(err)
		}
		if err == nil {
			i++
		}
	}
}

// Two processes build one table at once, from nothing.
func TestProcesses(t *testing.T) {
	r := localRig(t)
	root := r.place()
	var cmds []*exec.Cmd
	for _, split := range []string{"a", "b"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
		cmd.Env = append(os.Environ(), "WEIR_TEST_LAKE="+root, "WEIR_TEST_SPLIT="+split)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		ok(t, cmd.Start())
		cmds = append(cmds, cmd)
	}
	var errs []error
	for _, c := range cmds {
		errs = append(errs, c.Wait())
	}
	ok(t, errors.Join(errs...))
	if got := r.rows("SELECT split, count(*), count(DISTINCT n), max(n) FROM " + r.scan("raw.x", lake.ScanOptions{}) + " GROUP BY 1 ORDER BY 1"); strings.Join(got, " ") != "a|8|8|8 b|8|8|8" {
		t.Fatalf("got %v", got)
	}
	if l := r.ledger("raw.x"); !l.Position.Equal(job.Position{"a": "8", "b": "8"}) || len(l.Runs) != 16 {
		t.Fatalf("ledger %+v", l)
	}
}
