package journal

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/job"
)

func open(t testing.TB, path string) *Journal {
	t.Helper()
	j, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func fresh(t testing.TB) *Journal { return open(t, filepath.Join(t.TempDir(), "state", "journal.db")) }

func begin(t testing.TB, j *Journal, r Run) Run {
	t.Helper()
	r, err := j.Begin(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func put(t testing.TB, j *Journal, b Build) {
	t.Helper()
	if err := j.Build(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func TestBeginAndFinish(t *testing.T) {
	j := fresh(t)
	first := begin(t, j, Run{Project: "retail", Env: "prod", Selection: "marts.*"})
	if first.Number != 1 || !regexp.MustCompile(`^000001-[0-9a-f]{6}$`).MatchString(first.ID) || job.RunNumber(first.ID) != "1" {
		t.Errorf("the first run is %d, %s", first.Number, first.ID)
	}
	if first.Status != Running || first.PID == 0 || first.Time.Location() != time.UTC || first.Time.Nanosecond()%1000 != 0 || first.Time.IsZero() {
		t.Errorf("begun as %+v", first)
	}
	at := time.Date(2026, 3, 5, 4, 0, 0, 123456789, time.FixedZone("", 7200))
	second := begin(t, j, Run{Project: "retail", Retry: first.ID, Time: at})
	if want := time.Date(2026, 3, 5, 2, 0, 0, 123456000, time.UTC); second.Number != 2 || !second.Time.Equal(want) || second.Time.Location() != time.UTC {
		t.Errorf("the second run is %+v", second)
	}
	for _, r := range []Run{first, second} {
		if got, err := j.RunByID(t.Context(), r.ID); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("read by id %+v, %v, want %+v", got, err, r)
		}
		if got, err := j.RunByNumber(t.Context(), r.Number); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("read by number %+v, %v, want %+v", got, err, r)
		}
	}
	if err := j.Finish(t.Context(), first.ID, Partly); err != nil {
		t.Fatal(err)
	}
	if got, err := j.RunByID(t.Context(), first.ID); err != nil || got.Status != Partly || got.Ended.IsZero() || got.Ended.Before(got.Started) {
		t.Errorf("finished as %+v, %v", got, err)
	}
	runs, err := j.Runs(t.Context(), 1)
	if err != nil || len(runs) != 1 || runs[0].ID != second.ID {
		t.Errorf("the latest run is %+v, %v", runs, err)
	}
	if runs, err = j.Runs(t.Context(), 0); err != nil || len(runs) != 2 {
		t.Errorf("all runs are %+v, %v", runs, err)
	}
}

func TestNoSuchRun(t *testing.T) {
	j, ctx := fresh(t), t.Context()
	_, byID := j.RunByID(ctx, "000009-abcdef")
	_, byNumber := j.RunByNumber(ctx, 9)
	for what, err := range map[string]error{
		"by id": byID, "by number": byNumber,
		"finish":    j.Finish(ctx, "000009-abcdef", Done),
		"build":     j.Build(ctx, Build{RunID: "000009-abcdef", Table: "raw.a"}),
		"event":     j.Event(ctx, Event{RunID: "000009-abcdef"}),
		"rules":     j.Rules(ctx, []RuleResult{{RunID: "000009-abcdef"}}),
		"interrupt": j.Interrupt(ctx, "000009-abcdef"),
	} {
		if !errors.Is(err, ErrNoRun) || fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v is not ErrNoRun of class usage", what, err)
		}
	}
	if rs, err := j.Runs(ctx, 5); err != nil || len(rs) != 0 {
		t.Errorf("runs of an empty journal: %v, %v", rs, err)
	}
	if bs, err := j.History(ctx, "raw.a", 1); err != nil || len(bs) != 0 {
		t.Errorf("history in an empty journal: %v, %v", bs, err)
	}
}

// TestBuildsComeBack writes any build and reads the same again.
func TestBuildsComeBack(t *testing.T) {
	j := fresh(t)
	run := begin(t, j, Run{})
	times := rapid.Custom(func(rt *rapid.T) time.Time {
		if rapid.Bool().Draw(rt, "none") {
			return time.Time{}
		}
		return time.UnixMicro(rapid.Int64Range(-1e15, 1e15).Draw(rt, "us")).UTC()
	})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		texts := rapid.String()
		b := Build{RunID: run.ID, Table: texts.Draw(rt, "table"), Attempt: n, Status: BuildBuilt, Mode: texts.Draw(rt, "mode"),
			Started: times.Draw(rt, "started"), Ended: times.Draw(rt, "ended"),
			Counts:    job.Counts{Read: rapid.Int64().Draw(rt, "read"), After: rapid.Int64().Draw(rt, "after")},
			BytesRead: rapid.Int64().Draw(rt, "bytes"), BytesWritten: 2, PeakMemory: 3, SnapshotBefore: rapid.Int64().Draw(rt, "before"), Snapshot: rapid.Int64().Draw(rt, "snapshot"),
			Inputs: rapid.MapOf(texts, rapid.Int64()).Draw(rt, "inputs"), Files: 4,
			Class: "data", Error: texts.Draw(rt, "error"), Hint: texts.Draw(rt, "hint"), Why: texts.Draw(rt, "why"), Rejects: texts.Draw(rt, "rejects"), Definition: "d"}
		put(t, j, b)
		bs, err := j.Builds(t.Context(), run.ID)
		if err != nil || len(bs) != n || !reflect.DeepEqual(bs[n-1], b) {
			rt.Fatalf("read back %+v, %v, want %+v", bs[len(bs)-1], err, b)
		}
	})
}

func TestBuildIsUpdatedInPlace(t *testing.T) {
	j := fresh(t)
	run := begin(t, j, Run{})
	b := Build{RunID: run.ID, Table: "raw.a", Attempt: 1, Status: BuildRunning, Started: now(), Inputs: map[string]int64{"raw.x": 1}}
	put(t, j, b)
	put(t, j, Build{RunID: run.ID, Table: "raw.b", Attempt: 1, Status: BuildRunning})
	b.Status, b.Ended, b.Counts, b.Inputs, b.Snapshot = BuildBuilt, now(), job.Counts{Read: 7}, map[string]int64{"raw.x": 2}, 9
	put(t, j, b)
	put(t, j, Build{RunID: run.ID, Table: "raw.a", Attempt: 2, Status: BuildSkipped})
	bs, err := j.Builds(t.Context(), run.ID)
	if err != nil || len(bs) != 3 || !reflect.DeepEqual(bs[0], b) || bs[1].Table != "raw.b" || bs[2].Attempt != 2 {
		t.Errorf("builds are %+v, %v", bs, err)
	}
}

func TestHistory(t *testing.T) {
	j := fresh(t)
	at := func(min int) time.Time { return time.Date(2026, 3, 1, 10, min, 0, 0, time.UTC) }
	one, two := begin(t, j, Run{}), begin(t, j, Run{})
	put(t, j, Build{RunID: one.ID, Table: "raw.a", Attempt: 1, Status: BuildFailed, Started: at(0), Ended: at(60), Rejects: "r"})
	put(t, j, Build{RunID: two.ID, Table: "raw.a", Attempt: 1, Status: BuildBuilt, Started: at(30), Ended: at(35)})
	put(t, j, Build{RunID: two.ID, Table: "raw.b", Attempt: 1, Status: BuildBuilt, Started: at(90), Ended: at(95)})
	three := begin(t, j, Run{})
	put(t, j, Build{RunID: three.ID, Table: "raw.a", Attempt: 1, Status: BuildRunning, Started: at(100)})
	put(t, j, Build{RunID: three.ID, Table: "raw.a", Attempt: 2, Status: BuildSkipped, Started: at(100), Ended: at(101)})
	h, err := j.History(t.Context(), "raw.a", 0)
	var got []BuildStatus
	for _, b := range h {
		got = append(got, b.Status)
	}
	if want := []BuildStatus{BuildRunning, BuildSkipped, BuildFailed, BuildBuilt}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("history is %v, %v, want %v", got, err, want)
	}
	if h, err = j.History(t.Context(), "raw.a", 2); err != nil || len(h) != 2 {
		t.Errorf("two of the history are %v, %v", h, err)
	}
}

func TestEventsAndRules(t *testing.T) {
	j, ctx := fresh(t), t.Context()
	run, other := begin(t, j, Run{}), begin(t, j, Run{})
	at := time.Date(2026, 3, 1, 10, 0, 0, 5000, time.UTC)
	events := []Event{{RunID: run.ID, Table: "raw.a", Kind: "retry", Message: "again in 1 s", At: at}, {RunID: run.ID, Kind: "note", Message: "x", At: at.Add(-time.Hour)}}
	for _, e := range append(events, Event{RunID: other.ID, Kind: "note"}) {
		if err := j.Event(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := j.Events(ctx, run.ID); err != nil || !reflect.DeepEqual(got, events) {
		t.Errorf("events are %+v, %v", got, err)
	}
	if got, err := j.Events(ctx, other.ID); err != nil || len(got) != 1 || got[0].At.IsZero() {
		t.Errorf("events of the other run are %+v, %v", got, err)
	}

	a := RuleResult{RunID: run.ID, Table: "raw.a", Rule: `IsComplete "id"`, OnFail: "stop", Passed: true, Total: 10, Metrics: map[string]float64{"share": 1}}
	b := RuleResult{RunID: run.ID, Table: "raw.b", Rule: `RowCount > 0`, OnFail: "warn", Failed: 1, Total: 1, Reason: "0 rows", Metrics: map[string]float64{}}
	odd := a
	odd.Metrics = map[string]float64{"share": 1, "mean": math.NaN(), "max": math.Inf(1)}
	for _, rs := range [][]RuleResult{{a, a, b}, {odd}, nil} { // a second attempt at raw.a takes the first's place
		if err := j.Rules(ctx, rs); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := j.RuleResults(ctx, run.ID, "raw.a"); err != nil || !reflect.DeepEqual(got, []RuleResult{a}) {
		t.Errorf("rules of raw.a are %+v, %v", got, err)
	}
	if got, err := j.RuleResults(ctx, run.ID, ""); err != nil || !reflect.DeepEqual(got, []RuleResult{b, a}) {
		t.Errorf("rules of the run are %+v, %v", got, err)
	}
	if got, err := j.RuleResults(ctx, other.ID, ""); err != nil || len(got) != 0 {
		t.Errorf("rules of the other run are %+v, %v", got, err)
	}
}

// TestNoSecretIsKept puts a secret into every text a caller can give and looks for it in the file (promise 9).
func TestNoSecretIsKept(t *testing.T) {
	const secret = "hunter2hunter2"
	path := filepath.Join(t.TempDir(), "journal.db")
	j, ctx := open(t, path), t.Context()
	j.Redact = func(s string) string { return strings.ReplaceAll(s, secret, "***") }
	// The secret stands across the cut of a long text too: half of it must not stay.
	long := strings.Repeat("x", maxText-len(secret)/2) + secret
	r := begin(t, j, Run{Selection: secret, Error: secret})
	put(t, j, Build{RunID: r.ID, Table: "raw.a", Error: long, Hint: secret, Why: secret})
	if err := errors.Join(j.Event(ctx, Event{RunID: r.ID, Message: "url " + secret}),
		j.Rules(ctx, []RuleResult{{RunID: r.ID, Rule: secret, Reason: secret}})); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"runs", "builds", "events", "rules"} {
		var all string
		rows, err := j.db.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			cells, ptrs := make([]*string, len(cols)), make([]any, len(cols))
			for i := range cells {
				ptrs[i] = &cells[i]
			}
			if err := rows.Scan(ptrs...); err != nil {
				t.Fatal(err)
			}
			for _, c := range cells {
				if c != nil {
					all += *c + "\n"
				}
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(all, "hunter") || !strings.Contains(all, "***") {
			t.Errorf("%s holds a secret, or lost its text", table)
		}
	}
}

func TestLongAndBrokenTexts(t *testing.T) {
	j := fresh(t)
	r := begin(t, j, Run{})
	put(t, j, Build{RunID: r.ID, Table: "raw.a", Error: strings.Repeat("ü", maxText), Why: "a\x00b\xff"})
	bs, err := j.Builds(t.Context(), r.ID)
	if err != nil || len(bs) != 1 {
		t.Fatalf("%v, %v", bs, err)
	}
	if e := bs[0].Error; len(e) > maxText+len("…") || !utf8.ValidString(e) || !strings.HasSuffix(e, "ü…") {
		t.Errorf("a long text is kept as %d bytes, ending in %q", len(e), e[len(e)-8:])
	}
	if bs[0].Why != "a\x00b\uFFFD" {
		t.Errorf("a broken text is kept as %q", bs[0].Why)
	}
}

func TestInterruptedWrite(t *testing.T) {
	j := fresh(t)
	r := begin(t, j, Run{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Build(ctx, Build{RunID: r.ID, Table: "raw.a"}); fault.ClassOf(err) != fault.Canceled {
		t.Errorf("a write with a cancelled context gives %v of class %s", err, fault.ClassOf(err))
	}
	if _, err := j.Begin(ctx, Run{}); fault.ClassOf(err) != fault.Canceled {
		t.Errorf("a begin with a cancelled context gives %v of class %s", err, fault.ClassOf(err))
	}
	put(t, j, Build{RunID: r.ID, Table: "raw.b"})
	if bs, err := j.Builds(t.Context(), r.ID); err != nil || len(bs) != 1 || bs[0].Table != "raw.b" {
		t.Errorf("builds are %+v, %v", bs, err)
	}
	if next := begin(t, j, Run{}); next.Number != 2 {
		t.Errorf("a begin that was cancelled took a number: the next is %d", next.Number)
	}
	if _, err := Open(ctx, j.path); fault.ClassOf(err) != fault.Canceled || errors.Is(err, ErrDamaged) {
		t.Errorf("an open with a cancelled context gives %v", err)
	}
}
