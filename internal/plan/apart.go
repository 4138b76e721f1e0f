package plan

import (
	"context"
	"slices"

	"weir/internal/define"
	"weir/internal/model"
	"weir/internal/quality"
)

// reading reads the SQL of a project's tables, each once. It tells the model what identifies rows of the tables that SQL reads:
// a key, a rule, or what their own SQL shows.
type reading struct {
	graph *Graph
	parse func(sql string, opts ...model.Option) (*model.Statement, error)
	done  map[string]*read
}

// read is what came of one table's SQL. It is open while its own inputs are asked.
type read struct {
	statement *model.Statement
	err       error
	open      bool
}

func (g *Graph) reading(ctx context.Context, parser model.Parser) *reading {
	parse := func(sql string, opts ...model.Option) (*model.Statement, error) {
		return model.Read(ctx, parser, sql, g.Macros, opts...)
	}
	return &reading{graph: g, parse: parse, done: map[string]*read{}}
}

// statement reads a table's SQL.
func (r *reading) statement(t *define.Table) (*model.Statement, error) {
	if d := r.done[t.Name]; d != nil {
		return d.statement, d.err
	}
	d := &read{open: true}
	r.done[t.Name] = d
	d.statement, d.err = r.parse(t.SQL, model.Keys(t.Key, r))
	d.open = false
	return d.statement, d.err
}

var _ model.Tables = (*reading)(nil)

// Key proposes columns that tell rows of a table apart.
func (r *reading) Key(name string) []string {
	t := r.graph.Project.Tables[r.graph.resolve(name)]
	switch {
	case t == nil:
	case t.Mode == define.Upsert || t.Mode == define.Changes:
		return t.Key
	case t.Mode == define.History:
		return append(slices.Clone(t.Key), t.Versions.From)
	default:
		if keys := primaryKeys(t); len(keys) > 0 {
			return keys[0]
		}
	}
	return nil
}

// Apart says whether rows of a table differ in what is given of them. A key holds for what is stored; what the SQL of a table
// shows holds where its rows are those of one query.
func (r *reading) Apart(name string, by model.By) bool {
	t := r.graph.Project.Tables[r.graph.resolve(name)]
	if t == nil {
		return false
	}
	if slices.ContainsFunc(primaryKeys(t), func(key []string) bool { return given(key, by) }) {
		return true
	}
	switch {
	case t.Mode == define.Upsert || t.Mode == define.Changes:
		return given(t.Key, by)
	case t.Mode == define.History:
		v := t.Versions
		return given(t.Key, by) && (by.Has(v.From) || by.True(v.Current) || by.Within(v.From, v.To))
	case t.Kind == define.FromSQL && (t.Mode == define.Replace || t.Mode == define.View):
		if d := r.done[t.Name]; d != nil && d.open {
			return false // a circle, which is told elsewhere
		}
		st, err := r.statement(t)
		return err == nil && st.Apart(by.Has)
	}
	return false
}

func given(key []string, by model.By) bool {
	return len(key) > 0 && !slices.ContainsFunc(key, func(k string) bool { return !by.Has(k) })
}

// primaryKeys are the keys that rules hold a table to, without which it does not commit.
func primaryKeys(t *define.Table) (keys [][]string) {
	for _, r := range t.Rules {
		if r.Rule.Name != "IsPrimaryKey" || r.Rule.Where != "" || r.Rule.Threshold != nil || r.OnFail == quality.Warn {
			continue
		}
		var key []string
		for _, p := range r.Rule.Params {
			key = append(key, p.Value())
		}
		keys = append(keys, key)
	}
	return keys
}
