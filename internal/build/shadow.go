package build

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/engine"
	"weir/internal/lake"
	"weir/internal/model"
)

// Shadow opens a session in which the task's inputs are empty tables of their names, and its views are views over them: what a
// bound plan is read from. It must be closed.
//
//	s, err := b.Shadow(ctx, t, tables)
//	p, err := boundplan.Read(ctx, s, model.Bind(t.Table.SQL, b.params(t)))
//	reason := locality.RowLocal(p, "raw.orders")
//	items, reason := locality.Groups(p, "raw.orders", []int{0, 1}) // places of the columns of by in the output
//	texts, err := locality.SQL(ctx, s, "raw.orders", items[0])     // over the rows of raw.orders
func (b *Builder) Shadow(ctx context.Context, t Task, tables map[string]*lake.Table) (engine.Session, error) {
	s, err := b.Engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.shadowInputs(ctx, s, t, tables); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (b *Builder) shadowInputs(ctx context.Context, s engine.Session, t Task, tables map[string]*lake.Table) error {
	for _, in := range t.Inputs {
		if in.View != "" {
			continue
		}
		if err := s.Table(ctx, in.Name, tables[in.Name].Columns()); err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
	}
	later := CreateMacros(ctx, s, b.Macros)
	for _, in := range t.Inputs {
		if in.View == "" {
			continue
		}
		if err := s.View(ctx, in.Name, model.Bind(in.View, b.params(t))); err != nil {
			return fmt.Errorf("input %s: %w", in.Name, err)
		}
		later = CreateMacros(ctx, s, later)
	}
	return nil
}
