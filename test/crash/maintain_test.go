package crash

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/test/program"
)

// TestMaintainKilled kills weir maintain at random moments between builds that go on, KILLS times (12). The tables are those of a
// life without maintenance, and the last maintenance comes through.
func TestMaintainKilled(t *testing.T) {
	kills := 12
	if s := os.Getenv("KILLS"); s != "" {
		kills, _ = strconv.Atoi(s)
	}
	calm, rough := t.TempDir(), t.TempDir()
	for _, dir := range []string{calm, rough} {
		program.Write(t, dir, project)
		program.Write(t, dir, map[string]string{"weir.yaml": "keep: { snapshots: 0s, at_least: 1 }\n" + project["weir.yaml"]})
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	span, killed, n := time.Second, 0, 0
	for killed < kills {
		for range 3 {
			n++
			batch(t, calm, n)
			batch(t, rough, n)
			program.Must(t, run(calm, n)...)
			program.Must(t, run(rough, n)...)
		}
		for range 8 {
			after := time.Duration(rng.Int64N(int64(span)))
			dead, took := killMaintain(t, rough, after)
			if !dead {
				span = (span + took) / 2
				break
			}
			killed++
		}
	}
	program.Must(t, "-C", rough, "maintain", "--yes")
	want, got := contents(t, calm), contents(t, rough)
	for _, name := range tables {
		if got[name] != want[name] {
			t.Errorf("%s differs from a life without maintenance: %d and %d lines", name, strings.Count(got[name], "\n"), strings.Count(want[name], "\n"))
		}
	}
	t.Logf("%d killed over %d batches", killed, n)
}

func killMaintain(t *testing.T, dir string, after time.Duration) (dead bool, took time.Duration) {
	t.Helper()
	var out bytes.Buffer
	c := program.Command(context.Background(), "-C", dir, "maintain", "--yes")
	c.Stdout, c.Stderr = &out, &out
	began := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { _ = c.Process.Signal(syscall.SIGKILL) })
	defer kill.Stop()
	_ = c.Wait()
	took = time.Since(began)
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return true, took
	}
	if code := c.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("maintenance after killed ones: exit %d\n%s", code, out.String())
	}
	return false, took
}
