package lake_test

import (
	"errors"
	"strings"
	"testing"

	"weir/internal/fault"
	"weir/internal/lake"
)

// TestRename: a table keeps all but its name, and its folder is its own.
func TestRename(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	r.append("raw.other", "r1", "SELECT 7 AS a")
	was, err := r.l.Table(t.Context(), "raw.x")
	ok(t, err)
	if err := r.l.Rename(t.Context(), "raw.x", "raw.other"); fault.ClassOf(err) != fault.Usage || !errors.Is(err, lake.ErrTaken) {
		t.Errorf("onto another table: %v", err)
	}
	if err := r.l.Rename(t.Context(), "raw.gone", "raw.y"); !errors.Is(err, lake.ErrNoTable) {
		t.Errorf("of no table: %v", err)
	}
	if err := r.l.Rename(t.Context(), "raw.x", "y"); fault.ClassOf(err) != fault.Usage {
		t.Errorf("to no name: %v", err)
	}
	ok(t, r.l.Rename(t.Context(), "raw.x", "new.place.y"))
	is, err := r.l.Table(t.Context(), "new.place.y")
	ok(t, err)
	ledger, err := is.Ledger(t.Context())
	ok(t, err)
	if is.Location() != was.Location() || len(is.Snapshots()) != 1 || !ledger.HasRun("r1") {
		t.Errorf("lies at %s, was at %s; %+v", is.Location(), was.Location(), ledger)
	}
	if _, err := r.l.Table(t.Context(), "raw.x"); !errors.Is(err, lake.ErrNoTable) {
		t.Errorf("the old name gives %v", err)
	}
	r.append("new.place.y", "r2", "SELECT 2 AS a")
	r.append("raw.x", "r2", "SELECT 3 AS a")
	if got := r.values("new.place.y") + " and " + r.values("raw.x"); got != "1,2 and 3" && got != "1 2 and 3" {
		t.Errorf("rows %s", got)
	}
	again, err := r.l.Table(t.Context(), "raw.x")
	ok(t, err)
	if !strings.Contains(again.Location(), "/raw.db/x-") {
		t.Errorf("a table of the old name lies at %s", again.Location())
	}
	ok(t, r.l.Drop(t.Context(), "new.place.y", true))
	if got := r.values("raw.x"); got != "3" {
		t.Errorf("after the other was dropped: %s", got)
	}
}

// TestNoDropWhileBuilt: what a build under way stages is not taken from it.
func TestNoDropWhileBuilt(t *testing.T) {
	r := localRig(t)
	r.append("raw.x", "r1", "SELECT 1 AS a")
	b := r.begin("raw.x", "r2", "SELECT 2 AS a")
	for _, err := range []error{r.l.Drop(t.Context(), "raw.x", true), r.l.Rename(t.Context(), "raw.x", "raw.y")} {
		if fault.ClassOf(err) != fault.Unavailable || fault.HintOf(err) == "" {
			t.Errorf("got %v (%s)", err, fault.HintOf(err))
		}
	}
	_, err := b.commit()
	ok(t, err)
	if got := r.count("raw.x"); got != 2 {
		t.Errorf("%d rows", got)
	}
}
