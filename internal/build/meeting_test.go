package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/fault"
)

// TestInterruptedAnywhere cancels a build before any of its statements: the table is as before or as after, and nothing
// else is left.
func TestInterruptedAnywhere(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)", "(3, '2026-01-02', 2)")
		r.run()
		r.table.Rules = append(r.table.Rules, rule(`RowCount > 0`, "stop"), rule(`IsComplete "id"`, "stop"))
		before := r.rows("*")
		for at := 1; ; at++ {
			r.src.put("a", fmt.Sprintf("(1, '2026-01-01', %d)", at), "(2, '2026-01-02', 2)")
			ctx, cancel := context.WithCancel(t.Context())
			n := 0
			r.eng.before = func(string) {
				if n++; n == at {
					cancel()
				}
			}
			_, err := r.build.Build(ctx, r.task())
			r.eng.before = nil
			cancel()
			r.tidy()
			if n < at {
				ok(t, err)
				if at == 1 {
					t.Error("no statement was seen")
				}
				return
			}
			if after := r.rows("*"); err != nil && !slices.Equal(before, after) {
				t.Errorf("interrupted before statement %d with %v, but rows %q became %q", at, err, before, after)
			}
			if err != nil && fault.ClassOf(err) != fault.Canceled {
				t.Errorf("interrupted before statement %d: %v of class %s", at, err, fault.ClassOf(err))
			}
			before = r.rows("*")
		}
	})
}

// TestAnotherWriterIsFirst has another run commit in the middle of a merge: what it wrote stays, and the merge is planned
// again on top of it.
func TestAnotherWriterIsFirst(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		r.table.Rules = append(r.table.Rules, rule(`RowCount > 0`, "stop"))
		r.src.put("a", "(1, '2026-01-01', 1)", "(2, '2026-01-02', 2)")
		r.src.splits["a"] = split{version: 1, rows: r.src.splits["a"].rows, bad: []string{"(7, '2026-01-01', 7)"}}
		r.table.MaxRejects = define.Limit{Any: true}
		r.run()
		r.src.put("b", "(2, '2026-01-02', 20)", "(3, '2026-01-03', 30)")
		open := r.rejects()
		met := 0
		r.eng.before = func(sql string) {
			// The rule about the table is judged in every plan, after everything is staged.
			if !strings.Contains(sql, "STAGE") || met > 0 {
				return
			}
			met++
			r.eng.before = nil
			if _, err := r.build.Replay(t.Context(), r.task(), Replay{Rejects: open}); err != nil {
				t.Errorf("the other writer: %v", err)
			}
		}
		out, err := r.build.Build(t.Context(), r.task())
		if met == 0 {
			t.Fatal("the other writer never came")
		}
		if r.table.Mode == define.Replace {
			// A whole read swaps what the replay brought, and rejects the record again.
			ok(t, err)
			r.want("id, v::INT", "1 1", "2 2", "2 20", "3 30")
			if len(r.rejects()) != 1 {
				t.Errorf("rejects %+v", r.rejects())
			}
			return
		}
		ok(t, err)
		want := []string{"1 1", "2 20", "3 30", "7 7"}
		if r.table.Mode == define.Append {
			want = []string{"1 1", "2 2", "2 20", "3 30", "7 7"}
		}
		r.want("id, v::INT", want...)
		if out.Counts.Before != 3 || out.Counts.After != int64(len(want)) {
			t.Errorf("counts %+v", out.Counts)
		}
	})
}

// TestManyRunsAtOnce has several runs read the same splits: each split is taken once, whoever wins.
func TestManyRunsAtOnce(t *testing.T) {
	inEveryMode(t, func(t *testing.T, r *rig) {
		for i := range 4 {
			r.src.put(fmt.Sprint(i), fmt.Sprintf("(%d, '2026-01-%02d', 1)", i, i+1))
		}
		tasks := []Task{r.task(), r.task(), r.task()}
		errs := make(chan error)
		for _, task := range tasks {
			go func() {
				var err error
				for range 20 {
					if _, err = r.build.Build(t.Context(), task); !fault.Retryable(err) {
						break
					}
				}
				errs <- err
			}()
		}
		for range tasks {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		r.want("id", "0", "1", "2", "3")
	})
}

// TestChangedWhileRead has a split change under the read: the position would name another content than the rows have.
func TestChangedWhileRead(t *testing.T) {
	r := newRig(t, "id INTEGER")
	r.src.put("a", "(1)")
	r.src.changed = fault.New(fault.Unavailable, "a changed while it was read")
	if _, err := r.build.Build(t.Context(), r.task()); !errors.Is(err, r.src.changed) {
		t.Errorf("a split that changed is read as if it had not: %v", err)
	}
	r.src.changed = nil
	r.run()
	r.want("id", "1")
	r.tidy()
}
