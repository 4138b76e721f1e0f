// Package sourcetest holds the conformance suite every source with bounded reads passes.
package sourcetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// Fixture is a source over something the suite may change. It starts with at least two splits, which together hold
// Records records, Bad of which cannot be taken.
type Fixture struct {
	Source       source.Source
	Records, Bad int64
	// Engine is a fresh session a scan is read in.
	Engine func(t *testing.T) source.Engine
	// Touch makes a split look changed without changing what it holds, where the vendor knows such a thing; nil otherwise.
	Touch func(t *testing.T, split string)
	// Change replaces what a split holds by records records, all of them good.
	Change func(t *testing.T, split string) (records int64)
	// Add makes a new split of good records.
	Add func(t *testing.T) (split string, records int64)
	// Remove takes a split away.
	Remove func(t *testing.T, split string)
	// Missing is a source of something that does not exist.
	Missing source.Source
}

// Run tries sources that open gives fresh for each part of the suite.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for name, part := range map[string]func(t *testing.T, f Fixture){
		"reads all, then nothing": readsAll,
		"fixes the read":          fixes,
		"finds what is new":       findsNew,
		"takes changes":           takesChanges,
		"forgets nothing":         forgetsNothing,
		"reads whole":             readsWhole,
		"reads full":              readsFull,
		"cancels":                 cancels,
		"closes twice":            closesTwice,
		"classes errors":          classesErrors,
		"names itself":            namesItself,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

func begin(t *testing.T, f Fixture, r job.Read) source.Scan {
	t.Helper()
	r.Table, r.Time = "raw.conformance", time.Unix(0, 0).UTC()
	s, err := f.Source.Begin(t.Context(), r)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// count reads a scan as a build does and counts its rows and rejects.
func count(t *testing.T, f Fixture, s source.Scan) (rows, rejects int64) {
	t.Helper()
	able, ok := s.(source.Scannable)
	if !ok {
		t.Fatal("the scan gives no relation")
	}
	e := f.Engine(t)
	rel, err := able.Relation(t.Context(), e)
	if err == nil {
		err = e.Exec(t.Context(), "CREATE OR REPLACE TEMP TABLE taken AS "+rel.SQL)
	}
	if fault.ClassOf(err) == fault.Data {
		if rel, err = able.Careful(t.Context(), e, err); err == nil {
			err = e.Exec(t.Context(), "CREATE OR REPLACE TEMP TABLE taken AS "+rel.SQL)
		}
	}
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	provenance(t, e, s, rel)
	rows = number(t, e, "SELECT count(*) FROM taken")
	if rel.Settle != nil {
		if err := rel.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if rel.Rejects != "" {
		rejects = number(t, e, "SELECT count(DISTINCT id) FROM ("+rel.Rejects+")")
	}
	if rel.Close != nil {
		if err := rel.Close(t.Context()); err != nil {
			t.Errorf("close relation: %v", err)
		}
	}
	return rows, rejects
}

// provenance checks that the relation has the columns it announces, _file last, and that _file names splits of the scan.
func provenance(t *testing.T, e source.Engine, s source.Scan, rel source.Relation) {
	t.Helper()
	cols, err := e.Describe(t.Context(), "SELECT * FROM taken")
	if err != nil {
		t.Fatal(err)
	}
	if len(cols) != len(rel.Columns) || cols[len(cols)-1].Name != "_file" {
		t.Fatalf("the relation has columns %v, announced %v", cols, rel.Columns)
	}
	files, err := e.Strings(t.Context(), "SELECT DISTINCT _file FROM taken")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.ContainsFunc(s.Splits(), func(p source.Split) bool { return p.Name == f[0].Value }) {
			t.Errorf("_file %q is no split", f[0].Value)
		}
	}
}

func number(t *testing.T, e source.Engine, sql string) (n int64) {
	t.Helper()
	rows, err := e.Strings(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range rows[0][0].Value {
		n = 10*n + int64(c-'0')
	}
	return n
}

func names(s source.Scan) (out []string) {
	for _, p := range s.Splits() {
		out = append(out, p.Name)
	}
	return out
}

func readsAll(t *testing.T, f Fixture) {
	s := begin(t, f, job.Read{})
	if len(s.Splits()) < 2 {
		t.Fatalf("splits %v", names(s))
	}
	rows, rejects := count(t, f, s)
	if rows+rejects != f.Records || rejects != f.Bad {
		t.Errorf("%d rows and %d rejects of %d records, %d bad", rows, rejects, f.Records, f.Bad)
	}
	end := s.End()
	for _, n := range names(s) {
		if end[n] == "" {
			t.Errorf("the end has no position for %s", n)
		}
	}
	again := begin(t, f, job.Read{From: end})
	if len(again.Splits()) != 0 || !again.End().Equal(end) {
		t.Errorf("a second read finds %v", names(again))
	}
	if rows, rejects := count(t, f, again); rows+rejects != 0 {
		t.Errorf("nothing new gives %d rows and %d rejects", rows, rejects)
	}
}

// fixes: what comes after Begin belongs to the next read.
func fixes(t *testing.T, f Fixture) {
	s := begin(t, f, job.Read{})
	split, records := f.Add(t)
	if _, there := s.End()[split]; there || slices.Contains(names(s), split) {
		t.Fatalf("%s came after Begin and is read", split)
	}
	if rows, rejects := count(t, f, s); rows+rejects != f.Records {
		t.Errorf("%d rows and %d rejects of %d records", rows, rejects, f.Records)
	}
	next := begin(t, f, job.Read{From: s.End()})
	if rows, _ := count(t, f, next); rows != records || !slices.Equal(names(next), []string{split}) {
		t.Errorf("the next read has %v, %d rows", names(next), rows)
	}
	e := s.End()
	e["changed by the caller"] = "x"
	if _, there := s.End()["changed by the caller"]; there {
		t.Error("End hands out its own map")
	}
}

func findsNew(t *testing.T, f Fixture) {
	end := begin(t, f, job.Read{}).End()
	split, records := f.Add(t)
	s := begin(t, f, job.Read{From: end})
	if !slices.Equal(names(s), []string{split}) || s.Splits()[0].Replaces {
		t.Fatalf("splits %+v", s.Splits())
	}
	if rows, _ := count(t, f, s); rows != records {
		t.Errorf("%d rows of %d", rows, records)
	}
	for k, v := range end {
		if s.End()[k] != v {
			t.Errorf("the position of %s moved without a read", k)
		}
	}
}

func takesChanges(t *testing.T, f Fixture) {
	first := begin(t, f, job.Read{})
	split := names(first)[0]
	if f.Touch != nil {
		f.Touch(t, split)
		if s := begin(t, f, job.Read{From: first.End()}); len(s.Splits()) != 0 || !s.End().Equal(first.End()) {
			t.Fatalf("a touched split is read again: %v", names(s))
		}
	}
	records := f.Change(t, split)
	s := begin(t, f, job.Read{From: first.End()})
	if !slices.Equal(names(s), []string{split}) || !s.Splits()[0].Replaces {
		t.Fatalf("splits %+v", s.Splits())
	}
	if rows, _ := count(t, f, s); rows != records {
		t.Errorf("%d rows of %d", rows, records)
	}
	if s.End()[split] == first.End()[split] {
		t.Error("a changed split keeps its position")
	}
}

func forgetsNothing(t *testing.T, f Fixture) {
	first := begin(t, f, job.Read{})
	f.Remove(t, names(first)[0])
	s := begin(t, f, job.Read{From: first.End()})
	if len(s.Splits()) != 0 || !s.End().Equal(first.End()) {
		t.Errorf("a split that is gone changes the position: %v", s.End())
	}
}

func readsWhole(t *testing.T, f Fixture) {
	first := begin(t, f, job.Read{Whole: true})
	if s := begin(t, f, job.Read{Whole: true, From: first.End()}); len(s.Splits()) != 0 {
		t.Fatalf("nothing changed, yet %v is read", names(s))
	}
	split, records := f.Add(t)
	s := begin(t, f, job.Read{Whole: true, From: first.End()})
	if rows, rejects := count(t, f, s); rows+rejects != f.Records+records {
		t.Errorf("%d rows and %d rejects of %d", rows, rejects, f.Records+records)
	}
	f.Remove(t, split)
	s = begin(t, f, job.Read{Whole: true, From: s.End()})
	if _, there := s.End()[split]; there || len(s.Splits()) != len(first.Splits()) {
		t.Errorf("a split that is gone stays: %v", names(s))
	}
}

func readsFull(t *testing.T, f Fixture) {
	first := begin(t, f, job.Read{})
	s := begin(t, f, job.Read{Full: true, From: first.End()})
	if rows, rejects := count(t, f, s); rows+rejects != f.Records || !s.End().Equal(first.End()) {
		t.Errorf("%d rows and %d rejects of %d", rows, rejects, f.Records)
	}
}

func cancels(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Source.Begin(ctx, job.Read{Table: "raw.conformance"}); fault.ClassOf(err) != fault.Canceled {
		t.Errorf("begin: %v (%s)", err, fault.ClassOf(err))
	}
	s := begin(t, f, job.Read{})
	if able, ok := s.(source.Scannable); ok {
		if _, err := able.Relation(ctx, f.Engine(t)); err == nil || fault.ClassOf(err) != fault.Canceled {
			t.Errorf("relation: %v (%s)", err, fault.ClassOf(err))
		}
	}
}

func closesTwice(t *testing.T, f Fixture) {
	s := begin(t, f, job.Read{})
	count(t, f, s)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close scan: %v", err)
		}
	}
	for range 2 {
		if err := f.Source.Close(); err != nil {
			t.Errorf("close source: %v", err)
		}
	}
}

func classesErrors(t *testing.T, f Fixture) {
	missingIsUsage(t, f.Missing)
	if err := f.Missing.Check(t.Context()); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("check: %v (%s, hint %q)", err, fault.ClassOf(err), fault.HintOf(err))
	}
}

func missingIsUsage(t *testing.T, missing source.Source) {
	_, err := missing.Begin(t.Context(), job.Read{Table: "raw.conformance"})
	if fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("begin: %v (%s, hint %q)", err, fault.ClassOf(err), fault.HintOf(err))
	}
}

func namesItself(t *testing.T, f Fixture) {
	a, err := f.Source.Server(t.Context())
	if err != nil || a == "" {
		t.Errorf("server %q, %v", a, err)
	}
	if b, err := f.Source.Server(t.Context()); err != nil || a != b {
		t.Errorf("server %q, then %q, %v", a, b, err)
	}
	if err := f.Source.Check(t.Context()); err != nil {
		t.Errorf("check: %v", err)
	}
	sets, err := f.Source.Discover(t.Context())
	if err != nil || len(sets) == 0 {
		t.Errorf("discover: %v, %v", sets, err)
	}
}
