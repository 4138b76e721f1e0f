package histories

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/internal/build"
	"weir/internal/define"
)

// TestWindowsWhereClocksChange builds a table by windows while the local clock goes back or forward, in zones that do so in odd
// ways: at midnight, by half an hour. Rows come up to two hours late, which the look-back covers. No hour may be lost or count twice.
func TestWindowsWhereClocksChange(t *testing.T) {
	for i, c := range []struct{ zone, around string }{
		{"Europe/London", "2026-10-25T00:00:00Z"},
		{"Europe/London", "2026-03-29T00:00:00Z"},
		{"America/Havana", "2026-11-01T04:00:00Z"},      // back from 1:00 to midnight
		{"America/Sao_Paulo", "2018-11-04T03:00:00Z"},   // forward at midnight, which is not there
		{"America/Sao_Paulo", "2018-02-18T02:00:00Z"},   // back from midnight to 23:00
		{"Asia/Kathmandu", "2026-06-01T18:15:00Z"},      // never, but quarters of an hour from others
		{"Australia/Lord_Howe", "2026-04-04T15:00:00Z"}, // back by half an hour
		{"Pacific/Apia", "2011-12-30T10:00:00Z"},        // a whole day is not there
	} {
		for _, column := range []string{"seen::date", "date_trunc('hour', seen)", "date_trunc('hour', seen::timestamp)", "date_trunc('day', seen)"}[i%2*2:][:2] {
			t.Run(strings.NewReplacer("/", " ", "'", "").Replace(c.zone+" "+c.around[:10]+" "+column), func(t *testing.T) {
				around, err := time.Parse(time.RFC3339, c.around)
				must(t, err)
				clocks(t, c.zone, around, column)
			})
		}
	}
}

func clocks(t *testing.T, zone string, around time.Time, column string) {
	w := newWorld(t, zone)
	grain, back := "day", define.Span{N: 1, Unit: "day"}
	if strings.Contains(column, "'hour'") {
		grain, back = "hour", define.Span{N: 3, Unit: "hour"}
	}
	def := &define.Table{Name: "m.t", File: "t", Kind: define.FromSQL, Mode: define.Replace,
		SQL:         "SELECT " + column + " AS k, count(*) AS n, sum(v) AS s FROM m.i WHERE seen >= $from AND seen < $to GROUP BY 1",
		Incremental: &define.Incremental{Input: "m.i", Others: define.Rebuild, Window: &define.Window{Column: "k", Grain: grain, Lookback: back}}}
	at, n, parts, last := around.Add(-9*time.Hour), 0, 0, ""
	for step := 0; at.Before(around.Add(9 * time.Hour)); step++ {
		var rows []string
		for seen := at.Add(-2 * time.Hour); seen.Before(at); seen = seen.Add(17 * time.Minute) {
			n++
			rows = append(rows, fmt.Sprintf("(TIMESTAMPTZ '%s+00', %d)", seen.UTC().Format("2006-01-02 15:04:05"), n))
		}
		w.make("m.i", "SELECT * FROM (VALUES "+strings.Join(rows, ", ")+") AS x(seen, v)", define.Append)
		task := w.task(def, "m.i")
		task.Time = at
		out, err := w.build.Build(t.Context(), task)
		must(t, err)
		last = out.Why
		if strings.HasPrefix(out.Why, "recompute") {
			parts++
		}
		if diff := w.differ("m.t", "SELECT "+column+" AS k, count(*) AS n, sum(v) AS s FROM m.i GROUP BY 1", "m.i"); len(diff) > 0 {
			t.Fatalf("at %s, %s:\n%s", at, out.Why, strings.Join(diff, "\n"))
		}
		at = at.Add([]time.Duration{2 * time.Hour, 70 * time.Minute, 3*time.Hour + 20*time.Minute}[step%3])
	}
	if parts == 0 {
		t.Errorf("nothing was built by windows; last: %s", last)
	}
	chunks(t, w, def, around, column, grain)
}

// chunks computes all of it again, window by window.
func chunks(t *testing.T, w *world, def *define.Table, around time.Time, column, grain string) {
	task := w.task(def, "m.i")
	task.Time = around.Add(12 * time.Hour)
	plan, err := w.build.Windows(t.Context(), task, around.Add(-12*time.Hour).Format("2006-01-02"), "", define.Span{N: 1, Unit: grain})
	must(t, err)
	for i, s := range plan.Each {
		if i > 0 && s.From != plan.Each[i-1].To {
			t.Errorf("a gap between %v and %v", plan.Each[i-1], s)
		}
		if grain == "hour" && i%5 != 0 {
			continue // one in a while tells as much
		}
		task := w.task(def, "m.i")
		task.Time, task.Backfill = around, &build.Range{From: s.From, To: s.To}
		_, err := w.build.Build(t.Context(), task)
		must(t, err)
	}
	if diff := w.differ("m.t", "SELECT "+column+" AS k, count(*) AS n, sum(v) AS s FROM m.i GROUP BY 1", "m.i"); len(diff) > 0 {
		t.Fatalf("after a backfill:\n%s", strings.Join(diff, "\n"))
	}
}
