// Package crash kills the real program at random moments and then counts rows: the tables must be those of a life
// without interruption (promises 1 to 4).
package crash

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// project has a table of every mode that stores something, over files and over SQL, and of every way to keep SQL up.
var project = map[string]string{
	"weir.yaml":               "name: crash\nlake: lake\nconnections:\n  inbox: { type: files, path: inbox }\n",
	"tables/raw/events.yaml":  "from: inbox\npath: \"events/*.csv\"\nmax_rejects: unlimited\ncolumns: { id: bigint, day: date, store: varchar, total: \"decimal(12,2)\" }\npartition: [day]\n",
	"tables/raw/orders.yaml":  "from: inbox\npath: \"orders/*.ndjson\"\nkey: id\norder_by: version\ncolumns: { id: bigint, version: integer, store: varchar, total: \"decimal(12,2)\" }\n",
	"tables/raw/prices.yaml":  "from: inbox\npath: \"prices/*.csv\"\nmode: history\nkey: sku\ndeletes: close\ncolumns: { sku: varchar, price: \"decimal(12,2)\" }\n",
	"tables/raw/days.yaml":    "from: inbox\npath: \"events/*.csv\"\nmode: partitions\nmax_rejects: unlimited\ncolumns: { id: bigint, day: date, store: varchar, total: \"decimal(12,2)\" }\npartition: [day]\n",
	"tables/staging/all.sql":  "/* weir\nmode: view\n*/\nselect store, total from raw.events union all select store, total from raw.orders\n",
	"tables/marts/totals.sql": "/* weir\nrules:\n  - IsPrimaryKey \"store\"\n*/\nselect store, count(*) as n, sum(total)::decimal(18,2) as total from staging.all group by 1\n",
	"tables/marts/by_id.sql":  "/* weir\nkey: id\ndeletes: remove\n*/\nselect id, max(version) as version from raw.orders where version < 4 group by 1\n",
	// Kept up by groups, by new rows and by windows of time; every third batch takes rows back.
	"tables/marts/by_day.sql": "/* weir\nincremental: { input: raw.events, by: [day, store] }\n*/\nselect day, store, count(*) as n, sum(total)::decimal(18,2) as total from raw.events group by all\n",
	"tables/marts/large.sql":  "/* weir\nkey: id\ndeletes: remove\nincremental: { input: raw.events }\n*/\nselect id, store, total from raw.events where total > 80\n",
	"tables/marts/recent.sql": "/* weir\nincremental:\n  input: raw.events\n  window: { column: day, grain: day, lookback: 10d }\n*/\nselect day, count(*) as n from raw.events where day >= $from and day < $to group by 1\n",
}

// batch writes the files of one day: new events, orders that change, a price list that is written over. Every third
// batch also changes a file of the day before.
func batch(t *testing.T, dir string, n int) {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	var events, orders, prices strings.Builder
	events.WriteString("id,day,store,total\n")
	for i := range 200 {
		total := fmt.Sprintf("%d.%02d", rng.IntN(100), rng.IntN(100))
		if i%97 == 0 {
			total = "broken"
		}
		fmt.Fprintf(&events, "%d,2026-03-%02d,s%d,%s\n", n*1000+i, n%28+1, rng.IntN(5), total)
	}
	for i := range 150 {
		fmt.Fprintf(&orders, "{\"id\": %d, \"version\": %d, \"store\": \"s%d\", \"total\": %d.%02d}\n", rng.IntN(900)*1000+i, n, rng.IntN(5), rng.IntN(100), rng.IntN(100))
	}
	prices.WriteString("sku,price\n")
	for i := range 50 {
		if rng.IntN(10) == 0 {
			continue // not in this list, and back in another
		}
		fmt.Fprintf(&prices, "p%d,%d.%02d\n", i, rng.IntN(100), rng.IntN(100))
	}
	files := map[string]string{
		fmt.Sprintf("inbox/events/%03d.csv", n):    events.String(),
		fmt.Sprintf("inbox/orders/%03d.ndjson", n): orders.String(),
		"inbox/prices/list.csv":                    prices.String(),
	}
	if n%3 == 2 {
		files[fmt.Sprintf("inbox/events/%03d.csv", n-1)] = fmt.Sprintf("id,day,store,total\n%d,2026-03-%02d,s1,1.00\n", n*1000-1, (n-1)%28+1)
	}
	program.Write(t, dir, files)
}

var tables = []string{"raw.events", "raw.orders", "raw.prices", "raw.days", "marts.totals", "marts.by_id", "marts.by_day", "marts.large", "marts.recent"}

// run is a run of a batch. Its logical time is the batch's own in every life, since some rows take it over.
func run(dir string, n int) []string {
	return []string{"-C", dir, "run", "--time", time.Date(2026, 3, 29, 0, 0, n, 0, time.UTC).Format(time.RFC3339)}
}

func contents(t *testing.T, dir string) map[string]string {
	out := map[string]string{}
	for _, name := range tables {
		out[name] = program.Query(t, dir, "select * from "+name+" order by all")
	}
	return out
}

// TestKilled kills the program at random moments, KILLS times (200), and compares with an undisturbed life.
func TestKilled(t *testing.T) {
	kills := 200
	if s := os.Getenv("KILLS"); s != "" {
		kills, _ = strconv.Atoi(s)
	}
	const each = 10 // of one batch, at most
	calm, rough := t.TempDir(), t.TempDir()
	program.Write(t, calm, project)
	program.Write(t, rough, project)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	span, killed, n := 400*time.Millisecond, 0, 0
	for killed < kills {
		n++
		batch(t, calm, n)
		batch(t, rough, n)
		began := time.Now()
		program.Must(t, run(calm, n)...)
		span = (span + time.Since(began)) / 2
		// What a killed run committed is not built again, so later ones come to what is later in a run, and end before a whole one would.
		for i := 0; i < each && killed < kills && kill(t, run(rough, n), time.Duration(rng.Int64N(int64(span*3/4)))); i++ {
			killed++
		}
		program.Must(t, run(rough, n)...)
	}
	t.Logf("%d runs killed while they ran, over %d batches", killed, n)
	want, got := contents(t, calm), contents(t, rough)
	for _, name := range tables {
		if got[name] != want[name] {
			t.Errorf("%s differs from an undisturbed life: %d and %d lines", name, strings.Count(got[name], "\n"), strings.Count(want[name], "\n"))
		}
	}
	tidy(t, rough)
}

// kill starts a run and kills it after a while. It is false where the run ended first, as a run does: with 0.
func kill(t *testing.T, args []string, after time.Duration) bool {
	t.Helper()
	var out bytes.Buffer
	c := program.Command(context.Background(), args...)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	_ = c.Process.Signal(syscall.SIGKILL)
	_ = c.Wait()
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return true
	}
	if code := c.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("a run after killed ones: exit %d\n%s", code, out.String())
	}
	return false
}
