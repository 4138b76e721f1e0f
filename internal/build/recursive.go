package build

import (
	"context"
	"errors"
	"time"

	"weir/internal/fault"
)

// recursionTime is how long rows may take that a recursive CTE makes, where the definition has no timeout. One that goes round in
// its data needs little memory and would never end by itself.
const recursionTime = 10 * time.Minute

// Ending makes rows with the SQL of a task. A recursive CTE that does not end is ended, by the task's timeout or the one above, or
// where memory or disk is full, and named: another try would end the same way.
func (t Task) Ending(ctx context.Context, rows func(ctx context.Context) error) error {
	if t.Recursive == "" {
		return rows(ctx)
	}
	if t.Table.Timeout > 0 { // counts from the start of the build
		return t.ending(ctx, t.Table.Timeout, rows)
	}
	within, cancel := context.WithTimeout(ctx, recursionTime)
	defer cancel()
	return t.ending(within, recursionTime, rows)
}

func (t Task) ending(ctx context.Context, limit time.Duration, rows func(ctx context.Context) error) error {
	err := rows(ctx)
	const hint = "count its steps and end them, as in WHERE depth < 100; or write UNION in place of UNION ALL, which drops rows that are there already; "
	var full interface{ Full() bool }
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.New(fault.Data, "the recursive CTE at %s did not end within %s", t.Recursive, fault.Short(limit)).
			WithHint(hint+"timeout: %s gives it more time", fault.Short(2*limit))
	case errors.As(err, &full) && full.Full():
		return fault.New(fault.Data, "the recursive CTE at %s did not end before memory or disk was full: %w", t.Recursive, err).
			WithHint(hint + "more room helps one that has an end")
	}
	return err
}
