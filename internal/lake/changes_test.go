package lake_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"

	"weir/internal/lake"
)

// changed gives the values of column a before and after, since a snapshot.
func (r *rig) changed(name string, since int64) string {
	r.t.Helper()
	c, err := r.table(name).Changes(r.t.Context(), since)
	if errors.Is(err, lake.ErrUntold) {
		return "untold: " + err.Error()
	}
	ok(r.t, err)
	values := func(i lake.Images) string {
		if i.SQL == "" {
			return ""
		}
		rows := r.rows("SELECT a FROM (" + i.SQL + ")")
		slices.Sort(rows)
		return strings.Join(rows, " ")
	}
	return fmt.Sprintf("%d: %s > %s", c.Commits, values(c.Before), values(c.After))
}

func (r *rig) wantChanged(name string, since int64, want string) {
	r.t.Helper()
	if got := r.changed(name, since); got != want && !(strings.HasPrefix(want, "untold") && strings.HasPrefix(got, "untold") && strings.Contains(got, strings.TrimPrefix(want, "untold "))) {
		r.t.Errorf("changes since %d are %q, want %q", since, got, want)
	}
}

// TestChanges tells what other tools and Weir itself did between two snapshots.
func TestChanges(t *testing.T) {
	r := localRig(t)
	f := openForeign(t, r)
	first := r.append("m.t", "run-1", "SELECT unnest([1, 2, 3])::BIGINT AS a").Snapshot.ID
	r.wantChanged("m.t", first, "0:  > ")
	r.append("m.t", "run-2", "SELECT unnest([4, 5])::BIGINT AS a")
	second := r.append("m.t", "run-3", "SELECT 6::BIGINT AS a").Snapshot.ID
	r.wantChanged("m.t", first, "2:  > 4 5 6")
	f.compact("m.t")
	r.wantChanged("m.t", second, "0:  > ")
	r.wantChanged("m.t", first, "2:  > 4 5 6")
	f.append("m.t", 7)
	r.wantChanged("m.t", second, "1:  > 7")
	compacted := r.snapshots("m.t")
	f.delete("m.t", iceberg.EqualTo(iceberg.Reference("a"), int64(2)), "merge-on-read")
	r.wantChanged("m.t", compacted[len(compacted)-1].ID, "1: 1 2 3 4 5 6 7 > 1 3 4 5 6 7") // such a delete may take rows out of every file
	f.rollback("m.t", first)
	r.wantChanged("m.t", second, "untold rolled back")
	r.wantChanged("m.t", 12345, "untold expired")
	f.append("m.t", 8)
	f.expire("m.t")
	r.wantChanged("m.t", first, "untold expired")
}

// TestChangesWithoutFiles has a file gone that a change is told by.
func TestChangesWithoutFiles(t *testing.T) {
	r := localRig(t)
	first := r.append("m.t", "run-1", "SELECT 1::BIGINT AS a").Snapshot.ID
	r.append("m.t", "run-2", "SELECT 2::BIGINT AS a")
	files, err := r.table("m.t").Files(t.Context())
	ok(t, err)
	for _, f := range files {
		ok(t, os.Remove(strings.TrimPrefix(f.Path, "file://")))
	}
	r.wantChanged("m.t", first, "untold lost")
}
