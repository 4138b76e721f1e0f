package plan

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/engine"
	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/model/boundplan"
	"weir/internal/model/locality"
	"weir/internal/project"
)

// Local says of one stored input whether a table's SQL is row-local in it.
type Local struct {
	Input  string        `json:"input"`
	Reason string        `json:"reason,omitempty"` // why it is not, "" where it is
	Place  project.Place `json:"-"`                // of what is to blame; File is "" where it stands in a view or a macro
}

// Locality judges a SQL table's stored inputs. bound are the columns of what it reads; open opens a session of its own.
func Locality(ctx context.Context, g *Graph, name string, bound Bound, params job.Params, open func(ctx context.Context) (engine.Session, error)) (out []Local, err error) {
	t := g.Nodes[name].Table
	s, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := g.shadow(ctx, s, name, bound, params); err != nil {
		return nil, err
	}
	sql, err := bindParams(ctx, t, params, s.DescribeParams)
	if err != nil {
		return nil, err
	}
	p, err := boundplan.Read(ctx, s, model.Bind(sql, params))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.File, err)
	}
	for _, in := range g.Needs(name) {
		l := Local{Input: in}
		if reason := locality.RowLocal(p, in); reason != nil {
			l.Reason = reason.Text
			if l.Place, _, err = g.placeOfReason(ctx, s, t, reason); err != nil {
				return nil, err
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// placeOfReason finds what is to blame in a table's own SQL. ok is false where it stands in a view or a macro.
func (g *Graph) placeOfReason(ctx context.Context, s engine.Session, t *define.Table, reason *locality.Reason) (at project.Place, ok bool, err error) {
	parser, able := s.(model.Parser)
	if reason.Mark == "" || !able {
		return project.Place{}, false, nil
	}
	st, err := g.reading(ctx, parser).statement(t)
	if err != nil {
		return project.Place{}, false, fmt.Errorf("read %s: %w", t.File, err)
	}
	m, ok := st.Find(reason.Mark, reason.Name)
	if !ok {
		return project.Place{}, false, nil
	}
	return placeOf(t, m.Offset), true, nil
}

// Keys are the expressions by which a row of the driving input of a table with incremental by tells its groups.
func Keys(ctx context.Context, g *Graph, name string, bound Bound, params job.Params, open func(ctx context.Context) (engine.Session, error)) (keys []build.Key, err error) {
	s, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := g.shadow(ctx, s, name, bound, params); err != nil {
		return nil, err
	}
	return build.Follow(ctx, s, g.Nodes[name].Table, params)
}
