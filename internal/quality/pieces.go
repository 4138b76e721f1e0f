package quality

import (
	"context"
	"slices"
	"strings"

	"weir/internal/fault"
)

// PieceColumn names the column that says which piece a row is of.
const PieceColumn = "__weir_piece"

// Pieces are what a relation is made of: of each that is known the states need not be asked again.
type Pieces struct {
	Names []string
	// Read gives a query over the rows of some pieces, with PieceColumn.
	Read func(ctx context.Context, names []string) (string, error)
	// Known are states of pieces. Judging adds those that it asked for.
	Known States
	// Used are the aggregates whose states were looked at.
	Used map[string]bool
}

// JudgePieces is JudgeTable over a relation made of pieces: aggregates whose states merge are asked of pieces that have none
// yet, and the others of all rows.
func (c *Checks) JudgePieces(ctx context.Context, q Querier, relation string, pieces *Pieces, others map[string]string) ([]Outcome, error) {
	return judge(ctx, q, relation, others, c.table, pieces)
}

// merge answers aggregates from the states of pieces, and gives what is still wanted.
func (p *pass) merge(ctx context.Context, w wanted) (wanted, error) {
	if p.pieces == nil {
		return w, nil
	}
	forms, states := map[string]merging{}, map[string]bool{}
	for _, a := range w.asks {
		if m, ok := mergeable(a.aggregate); ok && a.of == "" {
			forms[a.aggregate] = m
			for _, s := range m.states {
				states[s], p.pieces.Used[s] = true, true
			}
		}
	}
	if len(forms) == 0 {
		return w, nil
	}
	switch err := p.pieces.measure(ctx, p.q, states); {
	case err != nil && ruleFault(ctx, err):
		return w, nil // asked of all rows, where it is told what is wrong
	case err != nil:
		return w, err
	}
	w.asks = slices.DeleteFunc(slices.Clone(w.asks), func(a ask) bool {
		m, ok := forms[a.aggregate]
		if !ok || a.of != "" {
			return false
		}
		v, ok := m.merged(p.pieces.of(m.states))
		if ok {
			p.answers[a.key()] = v
		}
		return ok
	})
	return w, nil
}

// of are some states of all pieces.
func (p *Pieces) of(states []string) [][]State {
	out := make([][]State, len(p.Names))
	for i, name := range p.Names {
		out[i] = make([]State, len(states))
		for k, s := range states {
			out[i][k] = p.Known[name][s]
		}
	}
	return out
}

// measure asks for states that pieces do not have.
func (p *Pieces) measure(ctx context.Context, q Querier, states map[string]bool) error {
	var missing []string
	lacking := map[string]bool{}
	for _, name := range p.Names {
		lacks := false
		for s := range states {
			if _, ok := p.Known[name][s]; !ok {
				lacks, lacking[s] = true, true
			}
		}
		if lacks {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sql, err := p.Read(ctx, missing)
	if err != nil {
		return err
	}
	var asked []string
	for s := range lacking {
		asked = append(asked, s)
	}
	slices.Sort(asked)
	found := States{}
	for _, name := range missing {
		found[name] = map[string]State{}
		for _, s := range asked {
			// A piece without rows has no answer.
			found[name][s] = State{Null: !strings.HasPrefix(s, "count(")}
		}
	}
	for some := range slices.Chunk(asked, maxValues) {
		query := "SELECT " + PieceColumn + ",\n  " + strings.Join(some, ",\n  ") + "\nFROM (" + sql + ") GROUP BY " + PieceColumn
		if err := q.Query(ctx, query, func(row []any) error { return take(found, some, row) }); err != nil {
			return err
		}
	}
	for name, s := range found {
		if p.Known[name] == nil {
			p.Known[name] = map[string]State{}
		}
		for aggregate, state := range s {
			p.Known[name][aggregate] = state
		}
	}
	return nil
}

// take keeps the answers of one piece.
func take(s States, asked []string, row []any) error {
	name, ok := row[0].(string)
	if !ok || s[name] == nil || len(row) != len(asked)+1 {
		return fault.New(fault.Internal, "states of a piece came as %v", row)
	}
	for i, a := range asked {
		v, ok := float(row[i+1])
		if !ok && row[i+1] != nil {
			return fault.New(fault.Internal, "states of a piece came as %v", row)
		}
		s[name][a] = State{Value: v, Null: !ok}
	}
	return nil
}
