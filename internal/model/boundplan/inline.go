package boundplan

// Inline puts the plans of views in the place of the tables of their names, so that what is left reads stored tables. views
// gives a view's plan, nil where a name is no view's. Plans are shared, not copied: they are not to be changed.
func (p *Plan) Inline(views func(table string) *Plan) *Plan {
	in := &inliner{views: views, done: map[*Op]*Op{}}
	return &Plan{Root: in.op(p.Root)}
}

type inliner struct {
	views func(string) *Plan
	done  map[*Op]*Op
}

func (in *inliner) op(o *Op) *Op {
	if o == nil {
		return nil
	}
	if c, ok := in.done[o]; ok {
		return c
	}
	c := *o
	in.done[o] = &c // before its parts: a recursive CTE refers to itself
	if o.Type == Get && o.Source != "" {
		if v := in.views(o.Table()); v != nil {
			c = Op{Type: Projection, Children: []*Op{in.op(v.Root)}}
			for _, at := range o.Columns {
				c.Expressions = append(c.Expressions, in.column(o, at, v))
			}
			return &c
		}
	}
	c.Children = make([]*Op, len(o.Children))
	for i, child := range o.Children {
		c.Children[i] = in.op(child)
	}
	c.CTE, c.Outer = in.op(o.CTE), in.op(o.Outer)
	return &c
}

// column refers to a view's column. Where no column is needed a constant stands for the row.
func (in *inliner) column(o *Op, at int, view *Plan) *Expr {
	n, err := view.Root.Width()
	if at < 0 || err != nil || at >= n {
		return &Expr{Class: Constant, Value: Value{Type: Type{ID: "NULL"}, Null: true}, Offset: -1}
	}
	return &Expr{Class: Ref, Index: at, Offset: -1}
}
