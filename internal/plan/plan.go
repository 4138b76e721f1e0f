package plan

import (
	"context"
	"slices"

	"weir/internal/build"
	"weir/internal/define"
)

// Step is one table in a plan.
type Step struct {
	Table    string           `json:"table"`
	Action   string           `json:"action"` // build, skip, view, blocked or error
	Mode     string           `json:"mode"`
	Engine   string           `json:"engine"`
	Why      string           `json:"why"`
	Rows     int64            `json:"rows"`  // to read, -1 where unknown
	Bytes    int64            `json:"bytes"` // to read
	Needs    []string         `json:"needs,omitempty"`
	Splits   []string         `json:"splits,omitempty"`   // what a source would read
	Deferred []build.Deferred `json:"deferred,omitempty"` // inputs read in another environment
	Changed  *build.Change    `json:"changed,omitempty"`  // how the definition differs from the one last built
	Err      error            `json:"-"`
	Problem  string           `json:"problem,omitempty"`
}

// Actions of a step.
const (
	Build = "build"
	Skip  = "skip"
	View  = "view"
	Error = "error"
	// Blocked is a table that needs one with an error: a run that finds the same would not build it.
	Blocked = "blocked"
)

// Plan is what a run would do, in order.
type Plan struct {
	Steps []Step `json:"steps"`
}

// Peeker finds what one build would do.
type Peeker interface {
	Peek(ctx context.Context, t build.Task, changing []string) (build.Peek, error)
}

// How says what a run was asked for beside its tables: flags of weir run.
type How struct {
	Full    bool
	Forward bool
	Destroy bool
}

// Make plans the selected tables. What cannot be found out about one table is that step's error alone.
func Make(ctx context.Context, g *Graph, selected []string, how How, p Peeker) (Plan, error) {
	var out Plan
	before := map[string]string{} // actions of the steps so far
	for _, name := range g.Order {
		if !slices.Contains(selected, name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
		step := g.step(ctx, name, how, before, p)
		before[name] = step.Action
		out.Steps = append(out.Steps, step)
	}
	return out, nil
}

func (g *Graph) step(ctx context.Context, name string, how How, before map[string]string, p Peeker) Step {
	t := g.Nodes[name].Table
	s := Step{Table: name, Mode: string(t.Mode), Engine: "duckdb", Rows: -1, Needs: g.Needs(name)}
	if t.Mode == define.View {
		s.Action, s.Engine, s.Why = View, "", "stores nothing"
		return s
	}
	var changing []string
	for _, in := range s.Needs {
		switch before[in] {
		case Build:
			changing = append(changing, in)
		case Error, Blocked:
			s.Action, s.Why = Blocked, "needs "+in
			return s
		}
	}
	task := g.Task(name)
	task.Full, task.Forward, task.Destroy = how.Full, how.Forward, how.Destroy
	peek, err := p.Peek(ctx, task, changing)
	if peek.Change.Told() {
		s.Changed = &peek.Change
	}
	if err != nil {
		s.Action, s.Err, s.Problem = Error, err, err.Error()
		return s
	}
	s.Action, s.Why, s.Rows, s.Bytes, s.Deferred = Skip, peek.Why, peek.Rows, peek.Bytes, peek.Deferred
	if peek.Build {
		s.Action = Build
	}
	for _, split := range peek.Splits {
		s.Splits = append(s.Splits, split.Name)
	}
	return s
}
