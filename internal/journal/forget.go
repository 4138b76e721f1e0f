package journal

import (
	"context"
	"database/sql"
)

// Forget removes a run in which nothing happened, and what was written about it. An unknown id is no error.
func (j *Journal) Forget(ctx context.Context, id string) error {
	return j.write(ctx, "forget run", func(tx *sql.Tx) error {
		for _, statement := range []string{`DELETE FROM rules WHERE run = ?`, `DELETE FROM events WHERE run = ?`, `DELETE FROM builds WHERE run = ?`, `DELETE FROM publishes WHERE run = ?`, `DELETE FROM runs WHERE id = ?`} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return nil
	})
}
