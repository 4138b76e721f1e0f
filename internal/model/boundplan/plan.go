// Package boundplan reads DuckDB's bound plan of a query, as json_serialize_plan writes it before optimising: names, stars,
// macros, views, subqueries and types are resolved by DuckDB's own binder, so that little more than twenty operators are
// left to know. The format is that of DuckDB 1.5; what is not known here is an error, never a guess.
package boundplan

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"weir/internal/fault"
)

// Plan is a bound query.
type Plan struct {
	Root *Op
}

// Binder binds a query without running it and gives its plan as JSON. The tables it names must be tables of the binder, not
// views over files: a plan tells tables by their names. Empty lists must be written, since a grouping set can be one.
type Binder interface {
	PlanJSON(ctx context.Context, sql string) (string, error)
}

// Read binds a query. Its parameters must be written into it (model.Bind): DuckDB plans none.
func Read(ctx context.Context, b Binder, sql string) (*Plan, error) {
	text, err := b.PlanJSON(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("bind SQL: %w", err)
	}
	return Parse([]byte(text))
}

// Parse reads a plan. A query that DuckDB could not bind is a Usage error.
func Parse(text []byte) (*Plan, error) {
	var doc struct {
		Error   bool     `json:"error"`
		Message string   `json:"error_message"`
		Plans   []*rawOp `json:"plans"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fault.New(fault.Internal, "read bound plan: %w", err)
	}
	if doc.Error {
		return nil, fault.New(fault.Usage, "bind SQL: %s", doc.Message)
	}
	if len(doc.Plans) != 1 {
		return nil, fault.New(fault.Internal, "read bound plan: %d plans where one is expected", len(doc.Plans))
	}
	d := &decoder{}
	p := &Plan{Root: d.op(doc.Plans[0])}
	if d.err != nil {
		return nil, fault.New(fault.Internal, "read bound plan: %w", d.err)
	}
	r := &resolver{ctes: map[uint64]*Op{}}
	if err := r.resolve(p.Root); err != nil {
		return nil, fault.New(fault.Internal, "read bound plan: %w", err)
	}
	return p, nil
}

// Tables are the tables a plan reads, each once, in the order of the plan.
func (p *Plan) Tables() []string {
	var out []string
	seen := map[string]bool{}
	p.Root.Walk(func(o *Op) {
		if name := o.Table(); name != "" && !seen[strings.ToLower(name)] {
			seen[strings.ToLower(name)] = true
			out = append(out, name)
		}
	})
	return out
}

// resolver points references at what they refer to. Indexes of tables are unique in a plan.
type resolver struct {
	ctes map[uint64]*Op // by table index: what a CTE's references read
	outs []*Op          // the DELIM_JOINs around, innermost last
}

func (r *resolver) resolve(o *Op) error {
	switch o.Type {
	case MaterializedCTE, RecursiveCTE:
		return r.cte(o)
	case CTERef:
		if o.CTE = r.ctes[o.CTEIndex]; o.CTE == nil {
			return fmt.Errorf("CTE %d is not there", o.CTEIndex)
		}
	case DelimGet:
		if err := r.delimGet(o); err != nil {
			return err
		}
	case DelimJoin:
		return r.delimJoin(o)
	}
	for _, c := range o.Children {
		if err := r.resolve(c); err != nil {
			return err
		}
	}
	return r.columns(o)
}

// cte is known to what comes after its definition, or after its start where it is recursive.
func (r *resolver) cte(o *Op) error {
	if len(o.Children) != 2 {
		return fmt.Errorf("a CTE of %d parts", len(o.Children))
	}
	if err := r.resolve(o.Children[0]); err != nil {
		return err
	}
	r.ctes[o.TableIndex] = o
	return r.resolve(o.Children[1])
}

func (r *resolver) delimGet(o *Op) error {
	for i := len(r.outs) - 1; i >= 0; i-- {
		if sameTypes(r.outs[i].DelimColumns, o.ChunkTypes) {
			o.Outer = r.outs[i]
			return nil
		}
	}
	return fmt.Errorf("a DELIM_GET belongs to no join")
}

func (r *resolver) delimJoin(o *Op) error {
	if len(o.Children) != 2 {
		return fmt.Errorf("a join of %d parts", len(o.Children))
	}
	outer, inner := o.Children[0], o.Children[1]
	if o.DelimFlipped {
		outer, inner = inner, outer
	}
	if err := r.resolve(outer); err != nil {
		return err
	}
	r.outs = append(r.outs, o)
	err := r.resolve(inner)
	r.outs = r.outs[:len(r.outs)-1]
	if err != nil {
		return err
	}
	return r.columns(o)
}

// columns makes references by table index, which DuckDB leaves where a lateral join was moved, references by place.
func (r *resolver) columns(o *Op) error {
	var failed error
	o.each(func(e *Expr) {
		e.Walk(func(x *Expr) {
			if x.Class != ColumnRef {
				return
			}
			at, ok := r.position(o, x.Binding.TableIndex, x.Binding.ColumnIndex)
			if !ok {
				failed = fmt.Errorf("column %d of %d is not in reach of %s", x.Binding.ColumnIndex, x.Binding.TableIndex, o.Type)
				return
			}
			x.Class, x.Index = Ref, at
		})
	})
	return failed
}

// position finds the columns of a DELIM_GET among those that an operator's children give.
func (r *resolver) position(o *Op, table, column uint64) (int, bool) {
	at := 0
	for _, c := range o.Children {
		if n, ok := offsetOf(c, table); ok {
			return at + n + int(column), true
		}
		w, err := c.Width()
		if err != nil {
			return 0, false
		}
		at += w
	}
	return 0, false
}

// offsetOf is where the columns of a DELIM_GET begin among those of an operator that hands them up unchanged.
func offsetOf(o *Op, table uint64) (int, bool) {
	switch o.Type {
	case DelimGet:
		return 0, o.TableIndex == table
	case Filter, CrossProduct, ComparisonJoin, AnyJoin, AsofJoin, Unnest, Window:
		at := 0
		for _, c := range o.Children {
			if n, ok := offsetOf(c, table); ok {
				return at + n, true
			}
			w, err := c.Width()
			if err != nil {
				return 0, false
			}
			at += w
		}
	}
	return 0, false
}

func sameTypes(columns []*Expr, types []Type) bool {
	if len(columns) != len(types) {
		return false
	}
	for i, c := range columns {
		if t := c.Type(); t.ID != "" && t.ID != types[i].ID {
			return false
		}
	}
	return true
}
