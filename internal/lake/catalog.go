package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/apache/iceberg-go/table"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

// CatalogName is the name Weir's tables stand under in the catalog, for other tools that open it (PyIceberg: load_catalog).
const CatalogName = "weir"

// catalog says which metadata file is a table's current one.
type catalog interface {
	// list gives every table's identifier.
	list(ctx context.Context) ([]table.Identifier, error)
	// metadata gives a table's current metadata location; ErrNoTable where there is none.
	metadata(ctx context.Context, id table.Identifier) (string, error)
	// swap puts next in the place of last, "" for a table that is not there yet. Errors as of commit.World.Swap.
	swap(ctx context.Context, id table.Identifier, last, next string) error
	// drop forgets a table whose metadata still is last.
	drop(ctx context.Context, id table.Identifier, last string) error
	// rename gives a table whose metadata still is last another name; commit.ErrLost where it is another, ErrTaken where the
	// name is.
	rename(ctx context.Context, id, to table.Identifier, last string) error
	close() error
}

// sqliteCatalog keeps Iceberg's JDBC catalog tables in one file, as Java, PyIceberg and iceberg-go do. It writes the rows
// itself rather than through iceberg-go's catalog, for two promises: the swap compares the exact metadata file a commit was
// planned on, and the metadata file it points to is on disk before it can be seen.
type sqliteCatalog struct {
	path string
	mu   sync.Mutex
	db   *sql.DB // nil: no file yet
}

// A swap is on disk when it is answered. The journal stays SQLite's default, a rollback journal, so that the file can be
// read where nothing can be written.
const sqlitePragmas = "_pragma=busy_timeout(15000)&_pragma=synchronous(FULL)&_txlock=immediate"

const sqliteTables = `
CREATE TABLE IF NOT EXISTS iceberg_tables (
	catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
	metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
	PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
	catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
	property_value VARCHAR(1000), PRIMARY KEY (catalog_name, namespace, property_key));`

// openSQLite opens the catalog where it exists; the first write makes it.
func openSQLite(ctx context.Context, path string) (*sqliteCatalog, error) {
	c := &sqliteCatalog{path: path}
	_, err := c.open(ctx, false)
	return c, err
}

// open gives the database, nil where there is no file and none is to be made.
func (c *sqliteCatalog) open(ctx context.Context, create bool) (*sql.DB, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.db != nil {
		return c.db, nil
	}
	st, err := os.Stat(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !create:
		return nil, nil
	case err == nil && st.IsDir():
		return nil, fault.New(fault.Usage, "open lake catalog %s: it is a folder", c.path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Usage, "open lake catalog %s: %w", c.path, err)
	}
	if c.db, err = c.connect(ctx, err != nil); err != nil {
		return nil, fmt.Errorf("open lake catalog: %w", c.classify(err))
	}
	return c.db, nil
}

// connect opens the file, for reading alone where it can not be written.
func (c *sqliteCatalog) connect(ctx context.Context, create bool) (*sql.DB, error) {
	dsn := "file:" + (&url.URL{Path: c.path}).EscapedPath()
	if create {
		return c.make(ctx, dsn)
	}
	db, err := c.ready(ctx, dsn+"?mode=rw&"+sqlitePragmas)
	if err == nil || !readOnly(err) {
		return db, err
	}
	if db, err = c.ready(ctx, dsn+"?mode=ro&_pragma=busy_timeout(15000)"); err == nil || !readOnly(err) {
		return db, err
	}
	for _, rest := range []string{"-journal", "-wal"} {
		if _, serr := os.Stat(c.path + rest); serr == nil {
			return nil, fault.New(fault.Unavailable, "%s was left in the middle of a write: %w", c.path, err).
				WithHint("open the lake once with the right to write its folder")
		}
	}
	// A file another tool put into WAL mode can not be read without writing beside it, unless nobody else writes.
	return c.ready(ctx, dsn+"?mode=ro&immutable=1")
}

func (c *sqliteCatalog) make(ctx context.Context, dsn string) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(c.path), 0o755); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn+"?mode=rwc&"+sqlitePragmas)
	if err != nil {
		return nil, err
	}
	if err := makeTables(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// makeTables makes the catalog's tables, all of them or none, whenever the process ends.
func makeTables(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, sqliteTables); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// ready opens and reads a little, because opening alone does not look at the file.
func (c *sqliteCatalog) ready(ctx context.Context, dsn string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	var n int
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name IN ('iceberg_tables', 'iceberg_namespace_properties')").Scan(&n)
	if err == nil && n < 2 {
		err = makeTables(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (c *sqliteCatalog) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.db == nil {
		return nil
	}
	return c.db.Close()
}

func (c *sqliteCatalog) list(ctx context.Context) ([]table.Identifier, error) {
	db, err := c.open(ctx, false)
	if db == nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, `SELECT table_namespace, table_name FROM iceberg_tables WHERE catalog_name = ? AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`, CatalogName)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", c.classify(err))
	}
	defer rows.Close()
	var ids []table.Identifier
	for rows.Next() {
		var namespace, name string
		if err := rows.Scan(&namespace, &name); err != nil {
			return nil, fmt.Errorf("list tables: %w", c.classify(err))
		}
		ids = append(ids, append(strings.Split(namespace, "."), name))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list tables: %w", c.classify(err))
	}
	return ids, nil
}

func (c *sqliteCatalog) metadata(ctx context.Context, id table.Identifier) (string, error) {
	db, err := c.open(ctx, false)
	if err != nil {
		return "", err
	}
	if db == nil {
		return "", ErrNoTable
	}
	var location sql.NullString
	namespace, name := key(id)
	err = db.QueryRowContext(ctx, `SELECT metadata_location FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?
		AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)`, CatalogName, namespace, name).Scan(&location)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", ErrNoTable
	case err != nil:
		return "", fmt.Errorf("read catalog: %w", c.classify(err))
	case location.String == "":
		return "", fault.New(fault.Data, "lake catalog %s is damaged: it names no metadata for %s", c.path, strings.Join(id, "."))
	}
	return location.String, nil
}

func key(id table.Identifier) (namespace, name string) {
	last := len(id) - 1
	return strings.Join(id[:last], "."), id[last]
}

func (c *sqliteCatalog) swap(ctx context.Context, id table.Identifier, last, next string) error {
	db, err := c.open(ctx, true)
	if err != nil {
		return fmt.Errorf("%w: %w", commit.ErrNotApplied, err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return c.refused(err)
	}
	changed, err := c.replace(ctx, tx, id, last, next)
	if err != nil {
		return errors.Join(c.refused(err), ignoreDone(tx.Rollback()))
	}
	if changed == 0 {
		return errors.Join(commit.ErrLost, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write catalog: %w", c.classify(err))
	}
	return nil
}

// replace writes the row. Only here, between begin and commit, the version is compared.
func (c *sqliteCatalog) replace(ctx context.Context, tx *sql.Tx, id table.Identifier, last, next string) (int64, error) {
	namespace, name := key(id)
	var res sql.Result
	var err error
	if last != "" {
		res, err = tx.ExecContext(ctx, `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?, iceberg_type = 'TABLE'
			WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`, next, last, CatalogName, namespace, name, last)
	} else {
		if err := addNamespaces(ctx, tx, id); err != nil {
			return 0, err
		}
		res, err = tx.ExecContext(ctx, `INSERT OR IGNORE INTO iceberg_tables (catalog_name, table_namespace, table_name, metadata_location, iceberg_type)
			VALUES (?, ?, ?, ?, 'TABLE')`, CatalogName, namespace, name, next)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (c *sqliteCatalog) drop(ctx context.Context, id table.Identifier, last string) error {
	db, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	if db == nil {
		return commit.ErrLost
	}
	namespace, name := key(id)
	res, err := db.ExecContext(ctx, `DELETE FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
		CatalogName, namespace, name, last)
	if err != nil {
		return fmt.Errorf("write catalog: %w", c.classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(commit.ErrLost, err)
	}
	return nil
}

func (c *sqliteCatalog) rename(ctx context.Context, id, to table.Identifier, last string) error {
	db, err := c.open(ctx, false)
	if err != nil {
		return err
	}
	if db == nil {
		return commit.ErrLost
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write catalog: %w", c.classify(err))
	}
	err = c.move(ctx, tx, id, to, last)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		err = errors.Join(err, ignoreDone(tx.Rollback()))
		if code(err) == sqlite3.SQLITE_CONSTRAINT {
			return ErrTaken
		}
		return fmt.Errorf("write catalog: %w", c.classify(err))
	}
	return nil
}

func (c *sqliteCatalog) move(ctx context.Context, tx *sql.Tx, id, to table.Identifier, last string) error {
	if err := addNamespaces(ctx, tx, to); err != nil {
		return err
	}
	namespace, name := key(id)
	newNamespace, newName := key(to)
	res, err := tx.ExecContext(ctx, `UPDATE iceberg_tables SET table_namespace = ?, table_name = ?
		WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`, newNamespace, newName, CatalogName, namespace, name, last)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(commit.ErrLost, err)
	}
	return nil
}

// addNamespaces makes the namespaces a table lies in.
func addNamespaces(ctx context.Context, tx *sql.Tx, id table.Identifier) error {
	for i := range id[:len(id)-1] {
		if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')`,
			CatalogName, strings.Join(id[:i+1], ".")); err != nil {
			return err
		}
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// refused words an error that came before the commit: nothing can have changed.
func (c *sqliteCatalog) refused(err error) error {
	return fmt.Errorf("%w: %w", commit.ErrNotApplied, c.classify(err))
}

// code is SQLite's primary result code, 0 for other errors.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func readOnly(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return true
	}
	return false
}

func (c *sqliteCatalog) classify(err error) error {
	var classed *fault.Error
	if errors.As(err, &classed) {
		return err
	}
	switch code(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fault.New(fault.Data, "lake catalog %s is damaged: %w", c.path, err).
			WithHint("put back a copy of the file; the tables' own files are not touched")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fault.New(fault.Usage, "lake catalog %s can not be written: %w", c.path, err).
			WithHint("give the user that runs Weir the right to write the lake's folder")
	case sqlite3.SQLITE_CANTOPEN:
		return fault.New(fault.Usage, "lake catalog %s can not be opened: %w", c.path, err).
			WithHint("give the user that runs Weir the right to read and write the lake's folder")
	case sqlite3.SQLITE_FULL:
		return fault.New(fault.Unavailable, "disk full: %w", err).WithHint("free some space and run again")
	case 0:
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if errors.Is(err, fs.ErrPermission) {
			return fault.New(fault.Usage, "%w", err).WithHint("give the user that runs Weir the right to write the lake's folder")
		}
	}
	return fault.New(fault.Unavailable, "%w", err)
}
