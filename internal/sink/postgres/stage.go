package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"weir/internal/postgres"
	"weir/internal/record"
	"weir/internal/sink"
)

// stage is a temporary table without constraints, in types that take every value. It goes with the transaction.
type stage struct {
	name   string // quoted
	cols   []placed
	blocks int64
}

// stageRows copies rows into a staging table.
func (a *applying) stageRows(ctx context.Context, cols []placed, open func(context.Context) (record.Reader, error)) (*stage, *sink.Pipe, error) {
	l := a.load
	l.made++
	s := &stage{name: postgres.Quote("pg_temp", fmt.Sprintf("weir_stage_%d", l.made))}
	items := make([]string, len(cols))
	for i, p := range cols {
		// Its columns bear numbers: nothing there can then have the name of a system column.
		p.to = fmt.Sprintf("c%d", i)
		s.cols = append(s.cols, p)
		items[i] = p.to + " " + p.natural.staged()
	}
	if err := l.exec(ctx, "make a staging table", "CREATE TEMP TABLE "+postgres.Quote(fmt.Sprintf("weir_stage_%d", l.made))+" ("+strings.Join(items, ", ")+") ON COMMIT DROP"); err != nil {
		return nil, nil, err
	}
	rows, err := open(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.copyRows(ctx, s.name, s.cols, rows, true)
	if err = errors.Join(err, rows.Close()); err != nil {
		return nil, nil, err
	}
	err = l.tx.QueryRow(ctx, "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint", s.name).Scan(&s.blocks)
	if err != nil {
		return nil, nil, fmt.Errorf("measure the staging table: %w", postgres.Classify(ctx, err))
	}
	return s, c, nil
}

// A staged row's place is a number: its block times perBlock, and its place in the block.
const perBlock = 2048 // a block of 32 kB, the largest there are, has room for 1,169 rows at most

// tid writes a place as the server does.
func tid(at int64) string { return fmt.Sprintf("'(%d,%d)'::tid", at/perBlock, at%perBlock) }

// between is a condition on a stretch of a staging table's rows.
func between(from, to int64) string {
	return "s.ctid >= " + tid(from) + " AND s.ctid < " + tid(to)
}

// refused says whether an error is about a row and not about the statement: a value (22), a constraint (23), a view's or a
// trigger's own condition.
func refused(err error) bool {
	code := postgres.Code(err)
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "22", "23", "44":
		return true
	}
	return code == "P0001" // RAISE in a trigger
}

// attempt runs a statement so that the transaction outlives its error, and gives the rows it changed.
func (a *applying) attempt(ctx context.Context, do func() (int64, error)) (int64, error) {
	l := a.load
	if _, err := l.tx.Exec(ctx, "SAVEPOINT weir"); err != nil {
		return 0, postgres.Classify(ctx, err)
	}
	n, err := do()
	if err == nil {
		_, err = l.tx.Exec(ctx, "RELEASE weir")
		return n, postgres.Classify(ctx, err)
	}
	if refused(err) || errors.Is(err, errAgain) {
		if _, berr := l.tx.Exec(ctx, "ROLLBACK TO weir; RELEASE weir"); berr != nil {
			return 0, postgres.Classify(ctx, berr)
		}
	}
	return 0, err
}

// each runs a statement over all staged rows. Those that the server refuses are left out as refusals. statement gives the SQL for the
// rows that a condition on s, the staging table, allows.
func (a *applying) each(ctx context.Context, s *stage, deletes bool, statement func(where string) string) (int64, error) {
	end := s.blocks * perBlock
	h := sink.Halving{
		Try: func(ctx context.Context, from, to int64) (int64, error) {
			where := "true"
			if from > 0 || to < end {
				where = between(from, to)
			}
			return a.attempt(ctx, func() (int64, error) {
				tag, err := a.load.tx.Exec(ctx, statement(where))
				return tag.RowsAffected(), postgres.Classify(ctx, err)
			})
		},
		Refused: refused,
		Refuse:  func(ctx context.Context, at int64, cause error) error { return a.refuse(ctx, s, at, deletes, cause) },
		Middle: func(from, to int64) int64 {
			mid := (from + to) / 2
			if mid/perBlock > from/perBlock {
				mid -= mid % perBlock
			}
			return mid
		},
	}
	return h.Run(ctx, end)
}

// refuse notes a row that the server does not take.
func (a *applying) refuse(ctx context.Context, s *stage, at int64, deletes bool, cause error) error {
	f := sink.Refusal{Reason: postgres.Message(cause), Delete: deletes}
	var told *pgconn.PgError
	if errors.As(cause, &told) {
		f.Constraint, f.Column, f.Reason = told.ConstraintName, told.ColumnName, told.Message
	}
	if err := s.tell(ctx, a.load.tx, "s.ctid = "+tid(at), a.d.Key, &f); err != nil {
		return err
	}
	return a.refusals.Add(f, a.brought)
}

// tell fills in which row of the stage a refusal is about.
func (s *stage) tell(ctx context.Context, tx pgx.Tx, where string, key []string, f *sink.Refusal) error {
	var members, values, keys []string
	for _, p := range s.cols {
		members = append(members, quoteLiteral(p.Name)+", s."+p.to)
		if holds(key, p.Name) {
			keys, values = append(keys, p.Name), append(values, "coalesce(s."+p.to+"::text, 'null')")
		}
	}
	if values == nil {
		values = []string{"''"}
	}
	// No function takes more than 100 arguments.
	var objects []string
	for len(members) > 0 {
		n := min(len(members), 50)
		objects = append(objects, "jsonb_build_object("+strings.Join(members[:n], ", ")+")")
		members = members[n:]
	}
	var of []string
	err := tx.QueryRow(ctx, "SELECT ("+strings.Join(objects, " || ")+")::text, ARRAY["+strings.Join(values, ", ")+"] FROM "+s.name+" AS s WHERE "+where+" LIMIT 1").Scan(&f.Raw, &of)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a refused row: %w", postgres.Classify(ctx, err))
	}
	f.Key = sink.KeyText(keys, of)
	return nil
}

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
