package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/test/program"
)

// queue is a project whose tables have rejects of both kinds: records that cannot be typed, and rows that a rule turns away. One
// table only adds rows, so that a record taken twice is there twice.
var queue = map[string]string{
	"weir.yaml":              "name: queue\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n",
	"tables/raw/added.yaml":  "from: inbox\npath: \"*.csv\"\nmax_rejects: unlimited\nmax_quarantined: unlimited\ncolumns: { id: bigint, total: \"decimal(12,2)\" }\nrules:\n  - rule: ColumnValues \"total\" >= 0\n    on_fail: quarantine\n",
	"tables/raw/orders.yaml": "from: inbox\npath: \"*.csv\"\nkey: id\norder_by: total\nmax_rejects: unlimited\nmax_quarantined: unlimited\ncolumns: { id: bigint, total: \"decimal(12,2)\" }\nrules:\n  - rule: ColumnValues \"total\" >= 0\n    on_fail: quarantine\n",
}

// broken writes records of which every third cannot be typed, and every third breaks the rule.
func broken(t *testing.T, dir string, n int) {
	var b strings.Builder
	b.WriteString("id,total\n")
	for i := range 60 {
		total := fmt.Sprintf("%d.50", i)
		switch i % 3 {
		case 1:
			total = fmt.Sprintf("\"%d,50\"", i)
		case 2:
			total = fmt.Sprintf("-%d.50", i)
		}
		fmt.Fprintf(&b, "%d,%s\n", n*100+i, total)
	}
	program.Write(t, dir, map[string]string{fmt.Sprintf("inbox/%03d.csv", n): b.String()})
}

// TestReplayKilled kills replays at random moments, KILLS times (40), each after the rejects of a new file were edited. When the queue is
// empty, every record is there once.
func TestReplayKilled(t *testing.T) {
	kills := 40
	if s := os.Getenv("KILLS"); s != "" {
		kills, _ = strconv.Atoi(s)
	}
	dir := t.TempDir()
	program.Write(t, dir, queue)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	span, killed, n := 400*time.Millisecond, 0, 0
	for killed < kills {
		n++
		broken(t, dir, n)
		program.Must(t, "-C", dir, "run")
		for _, table := range []string{"raw.added", "raw.orders"} {
			// Records become rows, and rows keep the rule.
			program.Must(t, "-C", dir, "rejects", "edit", table, "--set", "total="+strconv.Itoa(n)+".25")
			replay := []string{"-C", dir, "rejects", "replay", table, "--json"}
			for i := 0; i < 4 && killed < kills && kill(t, replay, time.Duration(rng.Int64N(int64(span)))); i++ {
				killed++
			}
			began := time.Now()
			program.Must(t, replay...)
			span = (span + time.Since(began)) / 2
		}
	}
	t.Logf("%d replays killed, over %d files", killed, n)
	for _, table := range []string{"raw.added", "raw.orders"} {
		got := program.Query(t, dir, "select count(*), count(distinct id) from "+table)
		if want := fmt.Sprintf("%d,%d", n*60, n*60); !strings.Contains(got, want) {
			t.Errorf("%s has %s rows and ids, want %s", table, got, want)
		}
	}
	if out := program.Must(t, "-C", dir, "rejects", "list"); !strings.Contains(out, "no open rejects") {
		t.Errorf("the queue is not empty:\n%s", out)
	}
}

// TestReplaysBesideEachOther starts several replays of the same rejects at once: one takes each, and the others say so.
func TestReplaysBesideEachOther(t *testing.T) {
	dir := t.TempDir()
	program.Write(t, dir, queue)
	for n := 1; n <= 3; n++ {
		broken(t, dir, n)
		program.Must(t, "-C", dir, "run", "raw.added")
		program.Must(t, "-C", dir, "rejects", "edit", "raw.added", "--set", "total=1.25")
		var wait sync.WaitGroup
		outs := make([]string, 3)
		for i := range outs {
			c := program.Command(t.Context(), "-C", dir, "rejects", "replay", "raw.added", "--json")
			wait.Go(func() {
				out, err := c.CombinedOutput()
				if outs[i] = string(out); err != nil && err.(*exec.ExitError).ExitCode() != 4 && !strings.Contains(outs[i], "not open") {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		wait.Wait()
		program.Must(t, "-C", dir, "rejects", "replay", "raw.added", "--json")
		if got, want := program.Query(t, dir, "select count(*), count(distinct id) from raw.added"), fmt.Sprintf("%d,%d", n*60, n*60); !strings.Contains(got, want) {
			t.Fatalf("rows and ids %s, want %s\n%s", got, want, strings.Join(outs, "\n"))
		}
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(program.Must(t, "-C", dir, "rejects", "list", "--json")), &list); err != nil || len(list) != 0 {
		t.Errorf("open rejects %s, %v", list, err)
	}
}
