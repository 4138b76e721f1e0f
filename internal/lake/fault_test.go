package lake_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/lake/commit"
)

// only finds the one file of the lake whose path contains a text.
func only(t *testing.T, r *rig, part string) string {
	t.Helper()
	found := left(t, r, part)
	if len(found) != 1 {
		t.Fatalf("%q is in %v", part, found)
	}
	return found[0]
}

func TestDamage(t *testing.T) {
	garbage := map[string][]byte{"gone": nil, "empty": {}, "text": []byte("no, not that"), "JSON": []byte(`{"version":1,`), "other version": []byte(`{"version":99}`),
		"bad gzip": {0x1f, 0x8b, 8, 0, 1, 2, 3}}
	for what, use := range map[string]func(l *lake.Lake) error{
		".metadata.json": func(l *lake.Lake) error { _, err := l.Table(context.Background(), "raw.x"); return err },
		"weir-ledger-": func(l *lake.Lake) error {
			tb, err := l.Table(context.Background(), "raw.x")
			if err == nil {
				_, err = tb.Ledger(context.Background())
			}
			return err
		},
		"metadata/snap-": func(l *lake.Lake) error {
			tb, err := l.Table(context.Background(), "raw.x")
			if err == nil {
				_, err = tb.Files(context.Background())
			}
			return err
		},
	} {
		for name, content := range garbage {
			t.Run(what+" "+name, func(t *testing.T) {
				r := localRig(t)
				r.append("raw.x", "r1", "SELECT 1 AS a")
				path := only(t, r, what)
				ok(t, os.Remove(path))
				if content != nil {
					ok(t, os.WriteFile(path, content, 0o600))
				}
				err := use(r.l)
				if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), filepath.Base(path)) || fault.HintOf(err) == "" {
					t.Fatalf("got %v (%s)", err, fault.ClassOf(err))
				}
				_, err = r.l.Commit(t.Context(), lake.Intent{Table: "raw.x", RunID: "r2", SchemaID: 0, LastColumnID: 1,
					Plan: func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
						_, err := tb.Files(ctx)
						return lake.Change{}, job.Counts{}, err
					}})
				if fault.ClassOf(err) != fault.Data {
					t.Fatalf("commit gave %v", err)
				}
			})
		}
	}
}

func TestDamagedCatalog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "catalog.db")
	for name, content := range map[string]string{"text": strings.Repeat("this is no database ", 200), "cut": "SQLite format 3\x00" + strings.Repeat("\xff", 3000)} {
		ok(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := lake.Open(t.Context(), lake.Config{Location: dir})
		if fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v (%s)", name, err, fault.ClassOf(err))
		}
	}
	ok(t, os.Remove(path))
	ok(t, os.Mkdir(path, 0o755))
	if _, err := lake.Open(t.Context(), lake.Config{Location: dir}); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a folder: %v", err)
	}
	// An empty file is an empty catalog.
	ok(t, os.Remove(path))
	ok(t, os.WriteFile(path, nil, 0o600))
	r := newRig(t, lake.Config{Location: dir})
	r.append("raw.x", "r1", "SELECT 1 AS a")
	if r.count("raw.x") != 1 {
		t.Error("no row")
	}
}

// TestReadOnlyProcess is what TestReadOnly runs as a user that may not write.
func TestReadOnlyProcess(t *testing.T) {
	dir := os.Getenv("WEIR_TEST_READONLY")
	if dir == "" {
		t.Skip("runs as a child of TestReadOnly")
	}
	l, err := lake.Open(t.Context(), lake.Config{Location: dir, State: t.TempDir()})
	ok(t, err)
	defer l.Close()
	tb, err := l.Table(t.Context(), "raw.x")
	ok(t, err)
	if _, err := tb.Scan(t.Context(), lake.ScanOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := tb.Ledger(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := l.NewStage(t.Context(), "raw.x", "r2"); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("stage: %v (%s)", err, fault.ClassOf(err))
	}
	_, err = l.Commit(t.Context(), lake.Intent{Table: "raw.x", RunID: "r2", SchemaID: tb.SchemaID(), LastColumnID: tb.LastColumnID(),
		Plan: func(context.Context, *lake.Table) (lake.Change, job.Counts, error) {
			return lake.Change{}, job.Counts{}, nil
		}})
	if fault.ClassOf(err) != fault.Usage {
		t.Errorf("commit: %v (%s)", err, fault.ClassOf(err))
	}
	if err := l.Drop(t.Context(), "raw.x", false); fault.ClassOf(err) != fault.Usage {
		t.Errorf("drop: %v (%s)", err, fault.ClassOf(err))
	}
}

func TestReadOnly(t *testing.T) {
	for _, journal := range []string{"DELETE", "WAL"} {
		t.Run(journal, func(t *testing.T) { readOnly(t, journal) })
	}
}

// readOnly reads a lake as a user that may not write, whatever journal another tool gave its catalog.
func readOnly(t *testing.T, journal string) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	root := r.place()
	ok(t, r.l.Close())
	db, err := sql.Open("sqlite", "file:"+filepath.Join(root, "catalog.db"))
	ok(t, err)
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode="+journal)
	ok(t, err)
	ok(t, db.Close())
	ok(t, filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			t.Cleanup(func() { os.Chmod(p, 0o755) })
			return os.Chmod(p, 0o555)
		}
		if err == nil {
			return os.Chmod(p, 0o444)
		}
		return err
	}))
	scratch := t.TempDir()
	for _, p := range []string{filepath.Dir(root), filepath.Dir(filepath.Dir(root)), filepath.Dir(scratch)} {
		ok(t, os.Chmod(p, 0o755))
	}
	ok(t, os.Chmod(scratch, 0o777))
	exe, err := os.ReadFile(os.Args[0])
	ok(t, err)
	self := filepath.Join(scratch, "self")
	ok(t, os.WriteFile(self, exe, 0o755))
	cmd := exec.Command(self, "-test.run=^TestReadOnlyProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "WEIR_TEST_READONLY="+root, "TMPDIR="+scratch)
	cmd.Dir = scratch
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS: TestReadOnlyProcess") {
		t.Fatalf("%v\n%s", err, out)
	}
	if files := left(t, r, "journal"); len(files) != 0 {
		t.Errorf("left %v", files)
	}
}

// The catalog's answer gets lost after the swap took place: the commit finds out and is done, once.
func TestLostAnswer(t *testing.T) {
	lost := errors.New("the line broke")
	for name, swap := range map[string]func(n int, real func() error) error{
		"after the swap": func(n int, real func() error) error { return errors.Join(real(), lost) },
		"before the swap": func(n int, real func() error) error {
			if n == 1 {
				return lost
			}
			return real()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := localRig(t)
			r.append("raw.x", "r1", "SELECT 1 AS a")
			calls, plans := 0, 0
			b := r.begin("raw.x", "r2", "SELECT 2 AS a")
			b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
				plans++
				return b.plan(ctx, tb)
			}
			r.l.DisturbSwaps(func(real func() error) error { calls++; return swap(calls, real) })
			done, err := b.commit()
			ok(t, err)
			if done.Already || plans != 1 || r.count("raw.x") != 2 || len(r.snapshots("raw.x")) != 2 {
				t.Fatalf("%+v after %d swaps and %d plans", done, calls, plans)
			}
			if got := r.values("raw.x"); got != "1 2" {
				t.Fatalf("got %s", got)
			}
		})
	}
}

// Nobody can tell how the swap ended: the stage keeps its files, and the run's next attempt settles it.
func TestNoAnswer(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	b := r.begin("raw.x", "r2", "SELECT 2 AS a")
	var held func() error
	r.l.DisturbSwaps(func(real func() error) error { held = real; return errors.New("no answer") })
	_, err := b.commit()
	if !errors.Is(err, commit.ErrUnknown) || fault.ClassOf(err) != fault.Unavailable {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(b.files[0].Path); err != nil {
		t.Fatal("the staged file is gone")
	}
	ok(t, held())
	r.l.DisturbSwaps(func(real func() error) error { return real() })
	if got := r.values("raw.x"); got != "1 2" {
		t.Fatalf("got %s", got)
	}
	ok(t, r.l.DiscardRun(t.Context(), "r2"))
	if got := r.values("raw.x"); got != "1 2" {
		t.Fatalf("after tidying: %s", got)
	}
	if files := left(t, r, "_stages"); len(files) != 0 {
		t.Fatalf("left %v", files)
	}
}
