package lake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// rewrite makes a commit of a build that writes all files of its table again.
func (b *build) rewrite(run string) {
	b.in = lake.Intent{Table: b.t.Name(), RunID: run, SchemaID: b.t.SchemaID(), LastColumnID: b.t.LastColumnID()}
	b.in.Plan = func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
		ch := lake.Change{Rewrite: true}
		live, err := t.Files(ctx)
		if err != nil {
			return ch, job.Counts{}, err
		}
		for _, f := range live {
			ch.Remove = append(ch.Remove, f.Path)
		}
		n, err := t.RowCount(ctx)
		if err != nil {
			return ch, job.Counts{}, err
		}
		ch.Add, _, err = b.stage.Seal(ctx, b.files, nil)
		return ch, job.Counts{Before: n, After: n}, err
	}
}

func (r *rig) expire(table string) (lake.Expired, error) {
	r.t.Helper()
	places, err := r.l.Places(r.t.Context())
	ok(r.t, err)
	return r.l.Expire(r.t.Context(), table, lake.Keep{AtLeast: 1, Now: time.Now().Add(time.Hour)}, places)
}

// orphans are those of any age.
func (r *rig) orphans(table string) (lake.Orphans, lake.Places) {
	r.t.Helper()
	places, err := r.l.Places(r.t.Context())
	ok(r.t, err)
	o, err := r.l.Orphans(r.t.Context(), table, time.Now().Add(time.Hour), places)
	ok(r.t, err)
	return o, places
}

// readAll reads the files of every snapshot that is left.
func (r *rig) readAll(table string) {
	r.t.Helper()
	for _, s := range r.snapshots(table) {
		past, err := r.table(table).At(r.t.Context(), s.ID)
		ok(r.t, err)
		rel, err := past.Scan(r.t.Context(), lake.ScanOptions{})
		ok(r.t, err)
		r.rows("SELECT count(*), min(a) FROM (" + rel.SQL + ")")
		_, err = past.Ledger(r.t.Context())
		ok(r.t, err)
	}
}

var errKilled = errors.New("killed")

// TestUpkeepKilled ends the process at each change that a rewrite, an expiry and a removal of orphans make to the store. The table
// has its rows and position all the time, every snapshot left can be read, and what was left behind goes later.
func TestUpkeepKilled(t *testing.T) {
	for at := int64(1); ; at++ {
		r := localRig(t)
		for i := range 2 {
			r.step("raw.x", i+1)
		}
		dying, err := lake.Open(t.Context(), r.config)
		ok(t, err)
		var changes atomic.Int64
		dying.DisturbStore(func(string, string) error {
			if changes.Add(1) >= at {
				return fault.New(fault.Unavailable, "%w", errKilled)
			}
			return nil
		})
		doomed := &rig{t: r.t, l: dying, db: r.db, config: r.config}
		killed := doomed.upkeep("raw.x")
		ok(t, dying.Close())
		if got := r.values("raw.x"); got != "1 2" {
			t.Fatalf("killed at change %d: rows %s", at, got)
		}
		if l := r.ledger("raw.x"); l.Position["s"] != "2" {
			t.Fatalf("killed at change %d: position %v", at, l.Position)
		}
		r.readAll("raw.x")
		o, places := r.orphans("raw.x")
		_, err = r.l.RemoveOrphans(t.Context(), "raw.x", o, time.Now().Add(time.Hour), places)
		ok(t, err)
		if o, _ := r.orphans("raw.x"); len(o.Files)+len(o.Stages) != 0 {
			t.Fatalf("killed at change %d: %+v is left", at, o)
		}
		r.readAll("raw.x")
		if !killed {
			if at < 10 {
				t.Fatalf("only %d changes", at)
			}
			return
		}
	}
}

// upkeep is all of it; true where the process was killed. A killed process does nothing any more.
func (r *rig) upkeep(table string) bool {
	stage, err := r.l.NewStage(r.t.Context(), table, "compact")
	if err != nil {
		return true
	}
	b := &build{r: r, t: r.table(table), stage: stage}
	b.cols = b.t.Columns()
	b.files = []job.File{r.write(stage.Dir(), "SELECT * FROM "+r.scan(table, lake.ScanOptions{}), b.cols, b.t)}
	b.rewrite("compact")
	if _, err := r.l.Commit(r.t.Context(), b.in); err != nil {
		return true
	}
	if stage.Done(r.t.Context()) != nil {
		return true
	}
	if _, err := r.expire(table); err != nil {
		return true
	}
	o, places := r.orphans(table)
	_, err = r.l.RemoveOrphans(r.t.Context(), table, o, time.Now().Add(time.Hour), places)
	return err != nil
}

// The catalog's answer to an expiry gets lost, before or after it took place: the next look tells, and nothing a snapshot names is
// deleted.
func TestExpiryWithoutAnswer(t *testing.T) {
	lost := errors.New("the line broke")
	for name, c := range map[string]struct {
		swap func(n int, real func() error) error
		fail bool
	}{
		"after the swap": {func(_ int, real func() error) error { return errors.Join(real(), lost) }, false},
		"before the swap": {func(n int, real func() error) error {
			if n == 1 {
				return lost
			}
			return real()
		}, false},
		"never": {func(int, func() error) error { return lost }, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := localRig(t)
			for i := range 4 {
				r.step("raw.x", i+1)
			}
			calls := 0
			r.l.DisturbSwaps(func(real func() error) error { calls++; return c.swap(calls, real) })
			_, err := r.expire("raw.x")
			if c.fail != (err != nil) || c.fail && fault.ClassOf(err) != fault.Unavailable {
				t.Fatalf("got %v", err)
			}
			want := 1
			if c.fail {
				want = 4
			}
			if n := len(r.snapshots("raw.x")); n != want {
				t.Errorf("%d snapshots", n)
			}
			if got := r.values("raw.x"); got != "1 2 3 4" || r.ledger("raw.x").Position["s"] != "4" {
				t.Errorf("rows %s, ledger %+v", got, r.ledger("raw.x"))
			}
			r.readAll("raw.x")
		})
	}
}

// A writer commits between the plan of an expiry and its swap: its snapshot and its files stay.
func TestExpiryOvertaken(t *testing.T) {
	r := localRig(t)
	for i := range 3 {
		r.step("raw.x", i+1)
	}
	first := true
	other, err := lake.Open(t.Context(), r.config)
	ok(t, err)
	defer other.Close()
	r.l.DisturbSwaps(func(real func() error) error {
		if first {
			first = false
			(&rig{t: t, l: other, db: r.db, config: r.config}).step("raw.x", 4)
		}
		return real()
	})
	e, err := r.expire("raw.x")
	if err != nil || len(e.Snapshots) != 3 {
		t.Fatalf("expired %+v, %v", e, err)
	}
	if got := r.values("raw.x"); got != "1 2 3 4" {
		t.Fatalf("rows %s", got)
	}
}

// Change-sets go with the snapshot that wrote them; rejects stay while a ledger names them.
func TestWhatGoesWithASnapshot(t *testing.T) {
	r := localRig(t)
	r.step("raw.x", 1)
	b := r.begin("raw.x", "changed", "SELECT 2::BIGINT AS a")
	change := r.write(b.stage.ChangesDir(), "SELECT 2::BIGINT AS a", b.cols, b.t)
	reject := r.write(b.stage.RejectsDir(), "SELECT 3::BIGINT AS a", b.cols, b.t)
	plan := b.in.Plan
	b.in.Plan = func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
		ch, counts, err := plan(ctx, t)
		if err != nil {
			return ch, counts, err
		}
		_, extra, err := b.stage.Seal(ctx, nil, []string{change.Path, reject.Path})
		if err == nil {
			ch.ChangeSet = extra[:1]
			ch.Rejects = []lake.RejectFile{{Path: extra[1], Run: "changed", Rows: 1, Kind: "reject"}}
		}
		return ch, counts, err
	}
	_, err := b.commit()
	ok(t, err)
	if o, _ := r.orphans("raw.x"); len(o.Files) != 0 {
		t.Fatalf("orphans %+v", o.Files)
	}
	r.append("raw.x", "after", "SELECT 4::BIGINT AS a")
	_, err = r.expire("raw.x")
	ok(t, err)
	if n := len(left(t, r, "/changes/")); n != 0 {
		t.Errorf("%d change-set files are left", n)
	}
	if n := len(left(t, r, "/rejects/")); n != 1 {
		t.Errorf("%d reject files are left", n)
	}
	if l := r.ledger("raw.x"); len(l.Rejects) != 1 {
		t.Errorf("ledger %+v", l)
	}
}

// The order of a table is the one its files are written in.
func TestOrderOfTable(t *testing.T) {
	r := localRig(t)
	b := r.begin("raw.x", "r1", "SELECT 1 AS a, 'x' AS b, [1] AS c")
	b.in.New.Sort = []string{`"b" DESC NULLS FIRST`, `"a"`}
	_, err := b.commit()
	ok(t, err)
	next := func(run, sort string) {
		b := r.begin("raw.x", run, "SELECT 1 AS a, 'x' AS b, [1] AS c")
		b.in.New.Sort = nil
		if sort != "" {
			b.in.New.Sort = strings.Split(sort, ", ")
		}
		_, err := b.commit()
		ok(t, err)
	}
	f := openForeign(t, r)
	order := func() string {
		o := f.load("raw.x").SortOrder()
		var out []string
		for _, s := range o.Fields() {
			out = append(out, fmt.Sprint(s.SourceID(), s.Direction, s.NullOrder))
		}
		return fmt.Sprint(o.OrderID(), out)
	}
	for i, c := range []struct{ sort, want string }{
		{`"b" DESC NULLS FIRST, "a"`, "1 [2 desc nulls-first 1 asc nulls-last]"},
		{``, "1 [2 desc nulls-first 1 asc nulls-last]"},
		{`"a" ASC`, "2 [1 asc nulls-last]"},
		{`"b" DESC NULLS FIRST, "a"`, "1 [2 desc nulls-first 1 asc nulls-last]"},
		{`"c"`, "0 []"},
	} {
		next(fmt.Sprint("n", i), c.sort)
		if got := order(); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s: order %s, want %s", c.sort, got, c.want)
		}
	}
	// A column of the order goes in a swap of all rows: then the order goes with it.
	next("again", `"b"`)
	b = r.begin("raw.x", "swap", "SELECT 1 AS a")
	b.in.Replace, b.in.New.Sort = true, nil
	b.in.Plan = func(ctx context.Context, t *lake.Table) (lake.Change, job.Counts, error) {
		ch, counts, err := b.plan(ctx, t)
		files, ferr := t.Files(ctx)
		for _, f := range files {
			ch.Remove = append(ch.Remove, f.Path)
		}
		counts.Deleted, counts.After = counts.Before, counts.Inserted
		return ch, counts, errors.Join(err, ferr)
	}
	_, err = b.commit()
	ok(t, err)
	if got := order(); got != "0 []" {
		t.Errorf("order %s", got)
	}
}
