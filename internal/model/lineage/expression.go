package lineage

import (
	"fmt"

	"weir/internal/fault"
	"weir/internal/model/boundplan"
)

func unknown(format string, args ...any) error {
	return fault.New(fault.Internal, "lineage: "+format, args...)
}

// expr gives what an expression over columns is made of.
func (a *analysis) expr(e *boundplan.Expr, in []*column) (*column, error) {
	switch e.Class {
	case boundplan.Ref:
		if e.Index < 0 || e.Index >= len(in) {
			return nil, unknown("column %d of %d", e.Index, len(in))
		}
		return in[e.Index], nil
	case boundplan.Constant:
		return newColumn(), nil
	case boundplan.Case:
		return a.cases(e, in)
	case boundplan.Aggregated:
		return a.call(e, in, Aggregation)
	case boundplan.Windowed:
		if e.Kind == "WINDOW_AGGREGATE" {
			return a.call(e, in, Aggregation)
		}
	case boundplan.Function:
		return a.function(e, in)
	}
	return a.call(e, in, Transformation)
}

func (a *analysis) exprs(es []*boundplan.Expr, in []*column) ([]*column, error) {
	out := make([]*column, len(es))
	for i, e := range es {
		c, err := a.expr(e, in)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

// call is made of its arguments; filter, partition, frame and order stand aside.
func (a *analysis) call(e *boundplan.Expr, in []*column, kind Kind) (*column, error) {
	out := newColumn()
	beside := Window
	if e.Class == boundplan.Aggregated {
		beside = Sort
	}
	add := func(x *boundplan.Expr, as Kind) error {
		if x == nil {
			return nil
		}
		c, err := a.expr(x, in)
		if err != nil {
			return err
		}
		if as.Direct() {
			out.take(c, as)
		} else {
			out.decide(c, as)
		}
		return nil
	}
	for _, x := range e.Children {
		if err := add(x, kind); err != nil {
			return nil, err
		}
	}
	for _, x := range append(append([]*boundplan.Expr(nil), e.Partitions...), e.Frame...) {
		if err := add(x, Window); err != nil {
			return nil, err
		}
	}
	for _, o := range e.Orders {
		if err := add(o.Expression, beside); err != nil {
			return nil, err
		}
	}
	return out, add(e.Filter, Conditional)
}

// cases are made of their results; what they ask stands aside.
func (a *analysis) cases(e *boundplan.Expr, in []*column) (*column, error) {
	if len(e.Then) == 1 && e.Then[0].Class == boundplan.Function && e.Then[0].Name == "error" {
		return a.expr(e.Else, in) // DuckDB's own check that a subquery gives one row
	}
	out := newColumn()
	for _, when := range e.When {
		c, err := a.expr(when, in)
		if err != nil {
			return nil, err
		}
		out.decide(c, Conditional)
	}
	results := e.Then
	if e.Else != nil {
		results = append(append([]*boundplan.Expr(nil), e.Then...), e.Else)
	}
	for _, then := range results {
		c, err := a.expr(then, in)
		if err != nil {
			return nil, err
		}
		out.take(c, Transformation)
	}
	return out, nil
}

// function knows how structs are put together and taken apart.
func (a *analysis) function(e *boundplan.Expr, in []*column) (*column, error) {
	if e.Name == "struct_extract" && len(e.Children) == 2 {
		if name, ok := e.Children[1].Text(); ok {
			c, err := a.expr(e.Children[0], in)
			if err != nil {
				return nil, err
			}
			return c.field(name), nil
		}
	}
	out, err := a.call(e, in, Transformation)
	if err != nil {
		return nil, err
	}
	names := e.Returns.Fields()
	if e.Name != "struct_pack" || len(names) != len(e.Children) {
		return out, nil
	}
	out.fields = map[string]*column{}
	for i, name := range names {
		if out.fields[name], err = a.expr(e.Children[i], in); err != nil {
			return nil, fmt.Errorf("field %s: %w", name, err)
		}
	}
	return out, nil
}
