package badinput

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"weir/test/env"
	"weir/test/program"
)

// mount mounts a small file system of its own, or skips where the machine does not let us. CI does.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("this machine mounts no file systems: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	mount(t, filepath.Join(dir, "lake"), "size=3m")
	program.Write(t, dir, project)
	program.Must(t, "-C", dir, "run")
	var big strings.Builder
	big.WriteString("id,at,total,note\n")
	for i := range 120000 {
		fmt.Fprintf(&big, "%d,2026-03-02 10:00:00,%d.00,%x\n", i+10, i, sha256.Sum256(fmt.Append(nil, i))) // does not compress
	}
	program.Write(t, dir, map[string]string{"inbox/orders2.csv": big.String()})
	out, errOut, code := program.Run(t, "-C", dir, "run")
	if code != 4 || !regexp.MustCompile(`(?i)no space|disk`).MatchString(out+errOut) {
		t.Errorf("exit %d: %s", code, clip(out+errOut))
	}
	if got := rows(t, dir); got != before {
		t.Errorf("the table holds %q", clip(got))
	}
	if err := os.Remove(filepath.Join(dir, "inbox/orders2.csv")); err != nil {
		t.Fatal(err)
	}
	program.Write(t, dir, map[string]string{"inbox/orders3.csv": "id,at,total,note\n3,2026-03-02 10:00:00,1.00,c\n"})
	program.Must(t, "-C", dir, "run")
	if got := rows(t, dir); got != before+"3,2026-03-02 10:00:00,1.00,c\n" {
		t.Errorf("after the disk had room again the table holds %q", clip(got))
	}
}

func TestReadOnlyLake(t *testing.T) {
	dir := t.TempDir()
	lake := filepath.Join(dir, "lake")
	mount(t, lake, "size=16m")
	program.Write(t, dir, project)
	program.Must(t, "-C", dir, "run")
	if out, err := exec.Command("mount", "-o", "remount,ro", lake).CombinedOutput(); err != nil {
		t.Skipf("this machine does not remount: %v: %s", err, out)
	}
	program.Write(t, dir, map[string]string{"inbox/orders2.csv": "id,at,total,note\n3,2026-03-02 10:00:00,1.00,c\n"})
	out, errOut, code := program.Run(t, "-C", dir, "run")
	if (code != 2 && code != 4) || !regexp.MustCompile(`(?i)read-only`).MatchString(out+errOut) {
		t.Errorf("exit %d: %s", code, clip(out+errOut))
	}
	if got := rows(t, dir); got != before {
		t.Errorf("a read-only lake cannot be read: %q", clip(got))
	}
}

func TestTwoRunsAtOnce(t *testing.T) {
	dir := built(t, "")
	for i := range 6 {
		program.Write(t, dir, map[string]string{fmt.Sprintf("inbox/orders%d.csv", i+2): fmt.Sprintf("id,at,total,note\n%d,2026-03-02 10:00:00,1.00,c\n", i+3)})
	}
	var wait sync.WaitGroup
	codes := make([]int, 4)
	outs := make([]string, 4)
	for i := range codes {
		wait.Go(func() {
			out, errOut, code := program.Run(t, "-C", dir, "run")
			codes[i], outs[i] = code, out+errOut
		})
	}
	wait.Wait()
	for i, code := range codes {
		if code != 0 && code != 4 {
			t.Errorf("exit %d: %s", code, outs[i])
		}
	}
	if got := program.Query(t, dir, "select count(*), count(distinct id), sum(id) from raw.orders"); got != "8,8,36\n" {
		t.Errorf("four runs at once left %q, want each row once", got)
	}
}

func TestDamagedMetadata(t *testing.T) {
	for _, pattern := range []string{"*.metadata.json", "weir-ledger-*"} {
		t.Run(pattern, func(t *testing.T) {
			dir := built(t, "")
			files, _ := filepath.Glob(filepath.Join(dir, "lake", "*", "orders", "metadata", pattern))
			if len(files) == 0 {
				t.Fatalf("no %s in the lake", pattern)
			}
			for _, f := range files {
				if err := os.WriteFile(f, []byte("{damaged"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			program.Write(t, dir, map[string]string{
				"inbox/orders2.csv":    "id,at,total,note\n3,2026-03-02 10:00:00,1.00,c\n",
				"tables/marts/one.sql": "select 1 as one\n",
			})
			out, errOut, code := program.Run(t, "-C", dir, "run")
			if code != 5 || !strings.Contains(out+errOut, strings.TrimPrefix(strings.TrimSuffix(pattern, "*"), "*")) {
				t.Errorf("exit %d, want 5 with the damaged file named and marts.one built: %s", code, clip(out+errOut))
			}
		})
	}
}

// foreign lets PyIceberg change the table.
func foreign(t *testing.T, python, dir, what string) {
	t.Helper()
	script, err := filepath.Abs("foreign.py")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(context.Background(), python, script, filepath.Join(dir, "lake"), "raw.orders", what).CombinedOutput(); err != nil {
		t.Fatalf("PyIceberg %s: %v\n%s", what, err, out)
	}
}

func TestForeignCompaction(t *testing.T) {
	python := env.Python(t)
	dir := built(t, "")
	program.Write(t, dir, map[string]string{"inbox/orders2.csv": "id,at,total,note\n3,2026-03-02 10:00:00,1.00,c\n"})
	program.Must(t, "-C", dir, "run")
	foreign(t, python, dir, "compact")
	out := program.Must(t, "-C", dir, "run")
	if !strings.Contains(out, "skipped") {
		t.Errorf("after a foreign compaction files were read again:\n%s", out)
	}
	program.Write(t, dir, map[string]string{"inbox/orders3.csv": "id,at,total,note\n4,2026-03-02 10:00:00,1.00,d\n"})
	program.Must(t, "-C", dir, "run")
	if got := program.Query(t, dir, "select count(*), sum(id) from raw.orders"); got != "4,10\n" {
		t.Errorf("the table holds %q", got)
	}
}

func TestForeignRollback(t *testing.T) {
	python := env.Python(t)
	dir := built(t, "")
	program.Write(t, dir, map[string]string{"inbox/orders2.csv": "id,at,total,note\n3,2026-03-02 10:00:00,1.00,c\n"})
	program.Must(t, "-C", dir, "run")
	foreign(t, python, dir, "rollback")
	if got := rows(t, dir); got != before {
		t.Fatalf("after the rollback the table holds %q", got)
	}
	program.Must(t, "-C", dir, "run")
	if got := rows(t, dir); got != before+"3,2026-03-02 10:00:00,1.00,c\n" {
		t.Errorf("the rolled back file was not read again: %q", got)
	}
}
