package sourcetest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// BatchedFixture is a source that hands out rows itself, over something the suite may change.
type BatchedFixture struct {
	Source    source.Source
	Rows, Bad int64 // those that can be taken and those that cannot; enough for several batches
	// Change adds, alters and removes rows at the source.
	Change func(t *testing.T)
	// Missing is a source of something that does not exist.
	Missing source.Source
}

// RunBatched tries sources that open gives fresh for each part of the suite.
func RunBatched(t *testing.T, open func(t *testing.T) BatchedFixture) {
	for name, part := range map[string]func(t *testing.T, f BatchedFixture){
		"reads all":               batchesAll,
		"gives the same again":    batchesAgain,
		"begins again midway":     batchesMidway,
		"cancels":                 batchesCancel,
		"closes twice":            batchesCloseTwice,
		"classes errors":          func(t *testing.T, f BatchedFixture) { missingIsUsage(t, f.Missing) },
		"names itself":            func(t *testing.T, f BatchedFixture) { namesItself(t, Fixture{Source: f.Source}) },
		"announces its columns":   batchesColumns,
		"says that it is all":     batchesComplete,
		"replays without reading": batchesReplay,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

func batched(t *testing.T, f BatchedFixture) (source.Scan, source.Batched) {
	t.Helper()
	s := begin(t, Fixture{Source: f.Source}, job.Read{})
	b, ok := s.(source.Batched)
	if !ok {
		t.Fatal("the scan hands out no rows")
	}
	return s, b
}

func rowsOf(t *testing.T, b source.Batched) source.Rows {
	t.Helper()
	r, err := b.Rows(t.Context())
	if err != nil {
		t.Fatalf("rows: %v", err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// texts reads rows to their end and writes each as a text, in order.
func texts(t *testing.T, r source.Rows) (out []string) {
	t.Helper()
	for {
		b, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			slices.Sort(out)
			return out
		}
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if !b.Schema().Equal(r.Schema()) {
			t.Fatalf("a batch of %s, announced %s", b.Schema(), r.Schema())
		}
		for i := range int(b.NumRows()) {
			var values []string
			for c := range int(b.NumCols()) {
				values = append(values, b.Column(c).ValueStr(i))
			}
			out = append(out, strings.Join(values, "\x00"))
		}
		b.Release()
	}
}

func batchesAll(t *testing.T, f BatchedFixture) {
	s, b := batched(t, f)
	if len(s.Splits()) == 0 {
		t.Fatal("nothing is to be read")
	}
	r := rowsOf(t, b)
	if n := int64(len(texts(t, r))); n != f.Rows || int64(len(r.Rejects())) != f.Bad {
		t.Errorf("%d rows and %d rejects, not %d and %d", n, len(r.Rejects()), f.Rows, f.Bad)
	}
	ids := map[string]bool{}
	for _, x := range r.Rejects() {
		if ids[x.ID] = true; x.ID == "" || x.Reason == "" || x.Raw == "" || x.Column == "" {
			t.Errorf("a reject lacks something: %+v", x)
		}
	}
	if len(ids) != len(r.Rejects()) {
		t.Error("rejects share an id")
	}
	end := s.End()
	for _, p := range s.Splits() {
		if end[p.Name] == "" {
			t.Errorf("the end has no position for %s", p.Name)
		}
	}
	if end["changed by the caller"] = "x"; s.End()["changed by the caller"] != "" {
		t.Error("End hands out its own map")
	}
}

// batchesAgain: what changes after the first Rows belongs to the next read.
func batchesAgain(t *testing.T, f BatchedFixture) {
	s, b := batched(t, f)
	r := rowsOf(t, b)
	first, rejects, end := texts(t, r), len(r.Rejects()), s.End()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	f.Change(t)
	r = rowsOf(t, b)
	if again := texts(t, r); !slices.Equal(first, again) || len(r.Rejects()) != rejects || !s.End().Equal(end) {
		t.Errorf("%d rows and %d rejects, then %d and %d", len(first), rejects, len(again), len(r.Rejects()))
	}
	_ = r.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, b = batched(t, f)
	if slices.Equal(first, texts(t, rowsOf(t, b))) {
		t.Error("a new read does not see what changed")
	}
}

func batchesMidway(t *testing.T, f BatchedFixture) {
	_, b := batched(t, f)
	r := rowsOf(t, b)
	batch, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch.Release()
	if err := r.Close(); err != nil {
		t.Errorf("close midway: %v", err)
	}
	if n := int64(len(texts(t, rowsOf(t, b)))); n != f.Rows {
		t.Errorf("%d rows of %d after a read that was left", n, f.Rows)
	}
}

func batchesCancel(t *testing.T, f BatchedFixture) {
	ctx, cancel := context.WithCancel(t.Context())
	_, b := batched(t, f)
	r, err := b.Rows(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	late := time.AfterFunc(30*time.Second, func() { panic("a canceled read goes on") })
	defer late.Stop()
	for err == nil {
		batch, nerr := r.Next(ctx)
		if err = nerr; batch != nil {
			batch.Release()
		}
	}
	if fault.ClassOf(err) != fault.Canceled {
		t.Errorf("next: %v (%s)", err, fault.ClassOf(err))
	}
	if _, err := f.Source.Begin(ctx, job.Read{Table: "raw.conformance"}); fault.ClassOf(err) != fault.Canceled {
		t.Errorf("begin: %v (%s)", err, fault.ClassOf(err))
	}
}

func batchesCloseTwice(t *testing.T, f BatchedFixture) {
	s, b := batched(t, f)
	r := rowsOf(t, b)
	texts(t, r)
	for range 2 {
		if err := errors.Join(r.Close(), s.Close(), f.Source.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func batchesColumns(t *testing.T, f BatchedFixture) {
	_, b := batched(t, f)
	cols, err := b.Columns(t.Context())
	if err != nil || len(cols) == 0 {
		t.Fatalf("columns %v, %v", cols, err)
	}
	r := rowsOf(t, b)
	if !slices.Equal(cols, r.Columns()) || r.Schema().NumFields() != len(cols) {
		t.Errorf("announced %v, then %v of %s", cols, r.Columns(), r.Schema())
	}
}

func batchesComplete(t *testing.T, f BatchedFixture) {
	s, _ := batched(t, f)
	if c, ok := s.(source.Complete); !ok || !c.Complete() {
		t.Error("a first read does not say that it is all there is")
	}
	if e, ok := s.(source.Explained); !ok || e.Explain() == "" {
		t.Error("it does not say what it reads")
	}
}

func batchesReplay(t *testing.T, f BatchedFixture) {
	s := begin(t, Fixture{Source: f.Source}, job.Read{Replay: true})
	if len(s.Splits()) != 0 {
		t.Errorf("a replay reads %v", names(s))
	}
}
