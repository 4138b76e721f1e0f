package build

import (
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/lake"
)

// TestLimited: whatever the mode, a build of a part of the rows leaves a mark and no position, and the next complete build makes
// the table what it would have been without.
func TestLimited(t *testing.T) {
	for _, mode := range []define.Mode{define.Append, define.Replace, define.Upsert} {
		t.Run(string(mode), func(t *testing.T) {
			r := newRig(t, "id INTEGER", "v VARCHAR")
			if r.table.Mode = mode; mode == define.Upsert {
				r.table.Key, r.table.Deletes = []string{"id"}, define.Ignore
			}
			r.src.put("a", "(1, 'x')", "(2, 'x')", "(3, 'x')")
			out := r.limited(2)
			if out.Counts.Read != 2 || out.Counts.After != 2 || out.Limited != 2 {
				t.Fatalf("%+v", out)
			}
			if l := r.ledger(); l.Limited != 2 || len(l.Position) != 0 {
				t.Errorf("ledger limited %d at %v", l.Limited, l.Position)
			}
			r.src.put("b", "(4, 'y')")
			if out = r.limited(3); out.Counts.After != 3 {
				t.Errorf("a second limited build: %+v", out.Counts)
			}
			if out = r.run(); out.Counts.Read != 4 {
				t.Errorf("complete build: %+v", out.Counts)
			}
			r.want("id", "1", "2", "3", "4")
			if l := r.ledger(); l.Limited != 0 || len(l.Position) != 2 {
				t.Errorf("ledger limited %d at %v", l.Limited, l.Position)
			}
			if out = r.limited(1); !out.Skipped {
				t.Errorf("a complete table with nothing new was built: %+v", out)
			}
			r.tidy()
		})
	}
}

func (r *rig) limited(n int64) Outcome {
	r.t.Helper()
	task := r.task()
	task.Limit = n
	out, err := r.build.Build(r.t.Context(), task)
	ok(r.t, err)
	return out
}

func (r *rig) ledger() lake.Ledger {
	r.t.Helper()
	table, err := r.lake.Table(r.t.Context(), r.table.Name)
	ok(r.t, err)
	l, err := table.Ledger(r.t.Context())
	ok(r.t, err)
	return l
}

// TestLimitKeepsAPast: rows that may not be there to be read again are not given up for a part of them.
func TestLimitKeepsAPast(t *testing.T) {
	r := newRig(t, "id INTEGER")
	r.src.put("a", "(1)")
	r.run()
	r.src.put("b", "(2)")
	task := r.task()
	task.Limit = 1
	if _, err := r.build.Build(t.Context(), task); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "--limit is refused") {
		t.Fatal(err)
	}
	r.want("id", "1")
	task.Destroy = true
	_, err := r.build.Build(t.Context(), task)
	ok(t, err)
	if l := r.ledger(); l.Limited != 1 {
		t.Errorf("%+v", l)
	}
}

// TestBranchedBuild: a run on a branch moves the branch's position alone, and a run of main that meets it is not disturbed.
func TestBranchedBuild(t *testing.T) {
	r := newRig(t, "id INTEGER")
	r.src.put("a", "(1)")
	r.run()
	main := r.lake
	on, err := main.Branch("dev")
	ok(t, err)
	r.src.put("b", "(2)")
	r.lake, r.build.Lake = on, on
	r.run()
	r.want("id", "1", "2")
	r.lake, r.build.Lake = main, main
	r.want("id", "1")
	r.src.put("c", "(3)")
	r.run()
	r.want("id", "1", "2", "3")
	if err := main.Publish(t.Context(), "raw.t", "dev"); fault.ClassOf(err) != fault.Conflict {
		t.Error(err)
	}
	r.lake, r.build.Lake = on, on
	r.run()
	r.want("id", "1", "2", "3")
}

// TestRolledBackBuild: after a rollback the same run commits again, and reads what it read before.
func TestRolledBackBuild(t *testing.T) {
	r := newRig(t, "id INTEGER")
	r.src.put("a", "(1)")
	first := r.run()
	r.src.put("b", "(2)")
	task := r.task()
	second, err := r.build.Build(t.Context(), task)
	ok(t, err)
	ok(t, r.lake.Rollback(t.Context(), "raw.t", second.After, first.After))
	r.want("id", "1")
	again, err := r.build.Build(t.Context(), task)
	ok(t, err)
	if again.Already || again.Counts.Read != 1 {
		t.Errorf("%+v", again)
	}
	r.want("id", "1", "2")
	r.tidy()
}
