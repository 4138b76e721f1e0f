package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/model/locality"
	"weir/internal/project"
)

// windowParams are the parameters that a table with a window has beside the project's vars.
var windowParams = []string{"from", "to"}

// window checks that a table's SQL uses $from and $to just where it has a window.
func (g *Graph) window(n *Node, used []string) (problems []project.Problem) {
	inc := n.Table.Incremental
	if inc == nil || inc.Window == nil {
		return nil
	}
	for _, p := range windowParams {
		if !slices.ContainsFunc(used, func(u string) bool { return strings.EqualFold(u, p) }) {
			problems = append(problems, project.Problem{Place: n.Table.PlaceOf("incremental.window"), Message: fmt.Sprintf("incremental window: the SQL does not use $%s", p),
				Hint: "bound the rows by a column of the input, as in where order_ts >= $from and order_ts < $to"})
		}
	}
	return problems
}

// hasWindow says whether a name is one of the parameters that the table's window gives.
func hasWindow(t *define.Table, param string) bool {
	return t.Incremental != nil && t.Incremental.Window != nil && slices.ContainsFunc(windowParams, func(p string) bool { return strings.EqualFold(p, param) })
}

// bindParams are the parameters a table's SQL is bound with. $from and $to have the type of the window's column, which is known
// once the SQL was bound.
func bindParams(ctx context.Context, t *define.Table, params job.Params, describe func(ctx context.Context, sql string, p job.Params) ([]job.Column, error)) (string, error) {
	if t.Incremental == nil || t.Incremental.Window == nil {
		return t.SQL, nil
	}
	with := func(typ string) string { return model.Bind(t.SQL, build.WindowParams(nil, typ)) }
	cols, err := describe(ctx, with("TIMESTAMP"), params)
	if err != nil {
		return "", err
	}
	if cols, err = build.Columns(t, cols); err != nil {
		return "", err
	}
	typ, err := build.WindowType(t, cols)
	return with(typ), err
}

// CheckIncremental judges of every incremental table whether its SQL can be kept up as its definition says. bound are the
// columns of what it reads; open opens a session of its own. Problems of all tables come at once, as define.Problems.
func CheckIncremental(ctx context.Context, g *Graph, bound Bound, params job.Params, open func(ctx context.Context) (engine.Session, error)) error {
	var problems []project.Problem
	for _, name := range g.Order {
		t := g.Nodes[name].Table
		if t.Incremental == nil || t.Kind != define.FromSQL || bound.Columns[name] == nil {
			continue
		}
		found, err := g.checkIncremental(ctx, name, bound, params, open)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	if len(problems) > 0 {
		return define.NewProblems(problems)
	}
	return nil
}

func (g *Graph) checkIncremental(ctx context.Context, name string, bound Bound, params job.Params, open func(ctx context.Context) (engine.Session, error)) (problems []project.Problem, err error) {
	t := g.Nodes[name].Table
	inc := t.Incremental
	needs := g.Needs(name)
	if !slices.Contains(needs, inc.Input) {
		hint := "it reads " + strings.Join(needs, ", ")
		if near := project.Nearest(inc.Input, needs); near != "" {
			hint = "nearest: " + near
		}
		return []project.Problem{{Place: t.PlaceOf("incremental.input"), Message: fmt.Sprintf("incremental input: %s is not among the stored tables the SQL reads", inc.Input), Hint: hint}}, nil
	}
	if t.Mode == define.Append && inc.RowLocal() && len(needs) > 1 && inc.Others != define.Pass {
		problems = append(problems, project.Problem{Place: t.PlaceOf("incremental"),
			Message: "a table that appends cannot be built anew when " + firstOther(needs, inc.Input) + " changes",
			Hint:    "others: ignore joins new rows with what the other tables hold at that time; a key: lets the table follow them"})
	}
	s, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := g.shadow(ctx, s, name, bound, params); err != nil {
		return nil, err
	}
	_, err = build.Follow(ctx, s, t, params)
	if err == nil || fault.ClassOf(err) != fault.Usage {
		return problems, err
	}
	at, err2 := g.causeOf(ctx, s, t, err)
	if err2 != nil {
		return nil, err2
	}
	return append(problems, project.Problem{Place: at, Message: err.Error(), Hint: fault.HintOf(err)}), nil
}

func firstOther(needs []string, input string) string {
	for _, n := range needs {
		if n != input {
			return n
		}
	}
	return ""
}

// shadow makes what a table reads in a session: stored tables as empty ones, views as views.
func (g *Graph) shadow(ctx context.Context, s engine.Session, name string, bound Bound, params job.Params) error {
	macros := g.Project.Macros
	for _, in := range g.closure(name) {
		var err error
		if node := g.Nodes[in]; node.Table.Mode == define.View {
			macros = build.CreateMacros(ctx, s, macros)
			err = s.View(ctx, in, model.Bind(node.Table.SQL, params))
		} else {
			err = s.Table(ctx, in, bound.Columns[in])
		}
		if err != nil {
			return fmt.Errorf("bind %s: %w", name, err)
		}
	}
	build.CreateMacros(ctx, s, macros)
	return nil
}

// causeOf places a refusal: at what the SQL does, else at the key that asks for it.
func (g *Graph) causeOf(ctx context.Context, s engine.Session, t *define.Table, err error) (project.Place, error) {
	key := "incremental"
	if len(t.Incremental.By) > 0 {
		key = "incremental.by"
	}
	var reason *locality.Reason
	if !errors.As(err, &reason) {
		return t.PlaceOf(key), nil
	}
	at, ok, err := g.placeOfReason(ctx, s, t, reason)
	if err != nil || ok {
		return at, err
	}
	return t.PlaceOf(key), nil
}
