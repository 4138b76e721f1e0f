package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"weir/internal/fault"
)

// checkedBytes is the size up to which a file is checked page by page when it is opened, at about 2 ms a megabyte.
// Damage inside a larger one is found by the read that meets it.
const checkedBytes = 32 << 20

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version gives the file's schema version, 0 for one that was just made, and refuses a file that is something else.
func version(ctx context.Context, q queryer) (int, error) {
	var id, have, tables int
	err := q.QueryRowContext(ctx, `SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id AS a, pragma_user_version AS v`).Scan(&id, &have, &tables)
	switch newest := len(migrations()); {
	case err != nil:
		return 0, err
	case id == 0 && have == 0 && tables == 0:
		return 0, nil
	case id != applicationID || have < 1:
		return 0, fmt.Errorf("%w: the file is no journal", ErrDamaged)
	case have > newest:
		return 0, fault.New(fault.Usage, "%w: its version is %d, this weir knows %d", ErrNewer, have, newest).
			WithHint("use the newer weir; this one would lose what the other wrote down")
	}
	return have, nil
}

// check reads every page of a file of modest size.
func (j *Journal) check(ctx context.Context) error {
	var bytes int64
	err := j.db.QueryRowContext(ctx, `SELECT c.page_count * s.page_size FROM pragma_page_count AS c, pragma_page_size AS s`).Scan(&bytes)
	if err != nil || bytes > checkedBytes {
		return err
	}
	var found string
	if err := j.db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return nil
}

// checkShape asks for every column without rows, which fails where the stored schema itself is damaged.
func (j *Journal) checkShape(ctx context.Context) error {
	for _, columns := range []string{runColumns + ` FROM runs`, buildColumns + ` FROM builds`, eventColumns + ` FROM events`, ruleColumns + ` FROM rules`, publishColumns + ` FROM publishes`} {
		if _, err := j.db.ExecContext(ctx, `SELECT `+columns+` LIMIT 0`); err != nil {
			return err
		}
	}
	return nil
}

// unreadable takes what SQLite says of a query it cannot make sense of for damage: the queries here are right, so the
// schema or the header they are put to is not.
func unreadable(err error) error {
	var raised *sqlite.Error
	if errors.As(err, &raised) && raised.Code() == sqlite3.SQLITE_ERROR {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
