package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/model/boundplan"
	"weir/internal/model/lineage"
)

// Shadow is a session whose tables are empty and known by their names, so that a bound plan tells them apart.
type Shadow interface {
	boundplan.Binder
	Table(ctx context.Context, name string, cols []job.Column) error
	Exec(ctx context.Context, sql string) error
	DescribeParams(ctx context.Context, sql string, p job.Params) ([]job.Column, error)
	Close() error
}

// Lineage is the column lineage of all tables. Those whose definition and inputs are as the store knows them are not analysed
// again, and open is not called where there is no other. A table that cannot be analysed is a node that says why; the
// others are not kept from theirs.
func Lineage(ctx context.Context, g *Graph, open func(context.Context) (Shadow, error), params job.Params, columns Columns, store *lineage.Store) (_ *lineage.Graph, err error) {
	a := &analyst{g: g, open: open, params: params, store: store, known: map[string][]job.Column{}, made: map[string]bool{}, macros: g.Project.Macros}
	defer func() {
		if a.s != nil {
			err = errors.Join(err, a.s.Close())
		}
	}()
	out := lineage.NewGraph()
	names := map[string]bool{}
	for _, name := range g.Order {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		names[name] = true
		if err := a.add(ctx, out, name, columns); err != nil {
			return nil, err
		}
	}
	store.Keep(names)
	return out, store.Close()
}

// analyst goes through tables in order.
type analyst struct {
	g      *Graph
	open   func(context.Context) (Shadow, error)
	params job.Params
	store  *lineage.Store
	known  map[string][]job.Column

	s      Shadow // nil before the first table that has to be analysed
	made   map[string]bool
	macros []define.Macro // not made yet
}

func (a *analyst) add(ctx context.Context, out *lineage.Graph, name string, columns Columns) error {
	t := a.g.Nodes[name].Table
	node := lineage.Node{Name: name, Kind: lineage.StoredTable}
	if t.Mode == define.View {
		node.Kind = lineage.ViewTable
	}
	if t.Kind != define.FromSQL {
		cols, err := columns(ctx, t)
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			node.Unknown = err.Error()
		case len(cols) == 0:
			node.Unknown = "nothing to read yet and no columns declared"
		}
		a.known[name], node.Columns = cols, cols
		node.Inputs = []string{t.Connection + ":" + t.Dataset}
		out.Add(node, fromDataset(out, node.Inputs[0], cols))
		return nil
	}
	node.Inputs = a.g.Nodes[name].Inputs
	found, why, err := a.table(ctx, t)
	if err != nil {
		return err
	}
	node.Columns, node.Unknown = found.Columns, why
	if why == "" {
		a.known[name] = found.Columns
	}
	out.Add(node, found.Lineage)
	return nil
}

// fromDataset leads each column of a table that reads a connection back to the dataset. Columns that Weir adds begin with _.
func fromDataset(out *lineage.Graph, dataset string, cols []job.Column) *lineage.Lineage {
	root := lineage.Node{Name: dataset, Kind: lineage.Dataset}
	l := &lineage.Lineage{}
	for _, c := range cols {
		column := lineage.Column{Name: c.Name}
		if !strings.HasPrefix(c.Name, "_") {
			root.Columns = append(root.Columns, job.Column{Name: c.Name, Type: c.Type})
			column.Direct = []lineage.Source{{Table: dataset, Column: c.Name, Kind: lineage.Identity}}
		}
		l.Columns = append(l.Columns, column)
	}
	if out.Node(dataset) == nil {
		out.Add(root, nil)
	}
	return l
}

// table analyses one SQL table, or finds its analysis in the store. why says what keeps it from being analysed.
func (a *analyst) table(ctx context.Context, t *define.Table) (found lineage.Table, why string, err error) {
	inputs := a.g.Nodes[t.Name].Inputs
	h := sha256.New()
	fmt.Fprintln(h, a.g.meaning(t.Name).Hash())
	for _, in := range inputs {
		cols := a.known[in]
		if len(cols) == 0 {
			return found, "columns of " + in + " are not known", nil
		}
		for _, c := range cols {
			fmt.Fprintf(h, "%q %q %q\n", in, c.Name, c.Type)
		}
	}
	hash := hex.EncodeToString(h.Sum(nil))
	if found, ok := a.store.Get(t.Name, hash); ok {
		return found, "", nil
	}
	if err := a.prepare(ctx, inputs); err != nil {
		return found, "", err
	}
	found, err = a.analyse(ctx, t)
	if err != nil {
		if ctx.Err() != nil {
			return found, "", err
		}
		return lineage.Table{}, err.Error(), nil
	}
	found.Hash = hash
	a.store.Put(t.Name, found)
	return found, "", nil
}

// prepare makes the inputs of a table in the session, and the macros that can be made with them.
func (a *analyst) prepare(ctx context.Context, inputs []string) (err error) {
	if a.s == nil {
		if a.s, err = a.open(ctx); err != nil {
			return err
		}
	}
	for _, in := range inputs {
		if a.made[in] {
			continue
		}
		a.made[in] = true
		if err := a.s.Table(ctx, in, a.known[in]); err != nil {
			return err
		}
	}
	a.macros = build.CreateMacros(ctx, a.s, a.macros)
	return nil
}

func (a *analyst) analyse(ctx context.Context, t *define.Table) (lineage.Table, error) {
	sql, err := bindParams(ctx, t, a.params, a.s.DescribeParams)
	if err != nil {
		return lineage.Table{}, err
	}
	sql = model.Bind(sql, a.params)
	cols, err := a.s.DescribeParams(ctx, sql, nil)
	if err != nil {
		return lineage.Table{}, err
	}
	p, err := boundplan.Read(ctx, a.s, sql)
	if err != nil {
		return lineage.Table{}, err
	}
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	l, err := lineage.Of(p, names)
	if err != nil {
		return lineage.Table{}, err
	}
	if t.Mode != define.View {
		cols, err = build.Columns(t, cols)
	}
	return lineage.Table{Columns: cols, Lineage: l}, err
}
