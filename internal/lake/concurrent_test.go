package lake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
)

// Writers that read different splits all get through; each plans again on what the others left.
func TestConcurrentCommits(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r0", "SELECT 0 AS a")
	const writers = 6
	builds := make([]*build, writers)
	for i := range builds {
		builds[i] = r.begin("raw.x", fmt.Sprint("r", i+1), fmt.Sprintf("SELECT %d AS a", i+1))
		builds[i].in.Next = job.Position{fmt.Sprint("s", i): "1"}
	}
	var wg sync.WaitGroup
	var retried sync.Map
	errs := make([]error, writers)
	for i, b := range builds {
		wg.Go(func() {
			done, err := r.l.Commit(context.Background(), b.in)
			errs[i] = err
			if done.Attempts > 1 {
				retried.Store(i, true)
			}
		})
	}
	wg.Wait()
	ok(t, errors.Join(errs...))
	for _, b := range builds {
		ok(t, b.stage.Done(t.Context()))
	}
	if got := r.rows("SELECT count(*), sum(a) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "7|21" {
		t.Fatalf("got %v", got)
	}
	if l := r.ledger("raw.x"); len(l.Position) != writers || len(l.Runs) != writers+1 {
		t.Fatalf("ledger %+v", l)
	}
	snaps := r.table("raw.x").Snapshots()
	for _, s := range snaps[1:] {
		if s.Counts.After != s.Counts.Before+1 {
			t.Errorf("counts of %s: %+v", s.RunID, s.Counts)
		}
	}
	// Manifests of proposals that lost are gone.
	if n := len(left(t, r, "/metadata/snap-")); n != writers+1 {
		t.Errorf("%d manifest lists for %d snapshots", n, writers+1)
	}
}

// Of writers that read the same split one gets through.
func TestConcurrentSameSplit(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r0", "SELECT 0 AS a")
	const writers = 4
	builds := make([]*build, writers)
	for i := range builds {
		builds[i] = r.begin("raw.x", fmt.Sprint("r", i+1), "SELECT 1 AS a")
		builds[i].in.Base, builds[i].in.Next = job.Position{"s": ""}, job.Position{"s": "1"}
	}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i, b := range builds {
		wg.Go(func() { _, errs[i] = r.l.Commit(context.Background(), b.in) })
	}
	wg.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if fault.ClassOf(err) != fault.Conflict {
			t.Errorf("writer %d: %v", i, err)
		}
		ok(t, builds[i].stage.Discard(t.Context()))
	}
	if won != 1 || r.count("raw.x") != 2 {
		t.Fatalf("%d won, %d rows", won, r.count("raw.x"))
	}
	if got := r.rows("SELECT sum(a) FROM " + r.scan("raw.x", lake.ScanOptions{})); got[0] != "1" {
		t.Fatalf("got %v", got)
	}
}

// Two runs that both make the table: one does.
func TestConcurrentCreate(t *testing.T) {
	r := localRig(t)
	var wg sync.WaitGroup
	builds := []*build{r.begin("raw.x", "r1", "SELECT 1 AS a"), r.begin("raw.x", "r2", "SELECT 2 AS a"), r.begin("raw.x", "r3", "SELECT 3 AS a")}
	errs := make([]error, len(builds))
	for i, b := range builds {
		wg.Go(func() { _, errs[i] = r.l.Commit(context.Background(), b.in) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "schema moved") {
			t.Error(err)
		}
	}
	if won != 1 || r.count("raw.x") != 1 {
		t.Fatalf("%d won", won)
	}
}

// Builds of one new folder begin and fail at once; none takes another's ground away.
func TestStagesComeAndGo(t *testing.T) {
	r := localRig(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			for n := range 20 {
				s, err := r.l.NewStage(context.Background(), fmt.Sprint("raw.t", i%2), fmt.Sprint(i, "-", n))
				if err == nil {
					err = s.Discard(context.Background())
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	ok(t, errors.Join(errs...))
}
