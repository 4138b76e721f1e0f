package replication

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// Followable refuses a relation that a publication cannot tell the changes of, before anything is done at the server: once a table
// without a replica identity is published, the server refuses everyone's updates and deletes of it.
func Followable(ctx context.Context, c *pgx.Conn, t Table) error {
	p := publishedTable{Table: t}
	var kind, persistence, identity string
	err := c.QueryRow(ctx, `SELECT c.relkind::text, c.relpersistence::text, c.relreplident::text, `+hasIdentity+`
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`, t.Schema, t.Name).Scan(&kind, &persistence, &identity, &p.key)
	if err != nil {
		return fmt.Errorf("look at %s: %w", t, postgres.Classify(ctx, err))
	}
	what := ""
	switch {
	case kind != "r" && kind != "p":
		what = map[string]string{"v": "a view", "m": "a materialized view", "f": "a foreign table"}[kind]
	case persistence == "u":
		what = "an unlogged table"
	case persistence == "t":
		what = "a temporary table"
	}
	if what != "" {
		return fault.New(fault.Usage, "%s is %s: the server tells no changes of it", t, what).
			WithHint("follow the tables below it, or read it whole or by a cursor: mode: replace, append or upsert, without read: feed")
	}
	p.identity = Identity(identity[0])
	return p.check("")
}

// hasIdentity says of a pg_class c whether it has the index that its replica identity names.
const hasIdentity = "EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END)"

// Publish makes a publication of tables, or adds those it lacks to one that is there. The role has to own them. It refuses a
// publication that does not tell all changes of them, as one that someone else has made may not.
func Publish(ctx context.Context, c *pgx.Conn, name string, tables []Table) error {
	there, err := published(ctx, c, name)
	if err != nil {
		return err
	}
	var missing []string
	for _, t := range tables {
		if !slices.ContainsFunc(there.tables, func(p publishedTable) bool { return p.Table == t }) {
			missing = append(missing, postgres.Quote(t.Schema, t.Name))
		}
	}
	statement := ""
	switch {
	case !there.exists:
		statement = fmt.Sprintf("CREATE PUBLICATION %s FOR TABLE %s WITH (publish_via_partition_root = true)", postgres.Quote(name), strings.Join(missing, ", "))
	case len(missing) > 0:
		statement = fmt.Sprintf("ALTER PUBLICATION %s ADD TABLE %s", postgres.Quote(name), strings.Join(missing, ", "))
	default:
		return checkPublished(ctx, c, name, tables)
	}
	if _, err := c.Exec(ctx, statement); err != nil {
		if postgres.Code(err) == "42501" {
			return fault.New(fault.Usage, "publish tables in %s: %w", name, postgres.Classify(ctx, err)).
				WithHint("the role has to own the tables, and to have CREATE on the database for a new publication; or an owner runs: %s", statement)
		}
		return fmt.Errorf("publish tables in %s: %w", name, postgres.Classify(ctx, err))
	}
	return checkPublished(ctx, c, name, tables)
}

type publication struct {
	exists                            bool
	insert, update, delete, truncates bool
	tables                            []publishedTable
}

type publishedTable struct {
	Table
	identity Identity
	key      bool // it has what the identity names
	filtered bool // only some rows are published
}

func published(ctx context.Context, c *pgx.Conn, name string) (p publication, err error) {
	fail := func(err error) (publication, error) {
		return p, fmt.Errorf("look at publication %s: %w", name, postgres.Classify(ctx, err))
	}
	rows, err := c.Query(ctx, "SELECT pubinsert, pubupdate, pubdelete, pubtruncate FROM pg_publication WHERE pubname = $1", name)
	if err != nil {
		return fail(err)
	}
	_, err = pgx.ForEachRow(rows, []any{&p.insert, &p.update, &p.delete, &p.truncates}, func() error { p.exists = true; return nil })
	if err != nil {
		return fail(err)
	}
	filter := "false"
	if version(c) >= 150000 {
		filter = "p.rowfilter IS NOT NULL"
	}
	rows, err = c.Query(ctx, `SELECT p.schemaname, p.tablename, c.relreplident::text, `+hasIdentity+`, `+filter+`
		FROM pg_publication_tables p JOIN pg_namespace n ON n.nspname = p.schemaname JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
		WHERE p.pubname = $1`, name)
	if err != nil {
		return fail(err)
	}
	var t publishedTable
	var identity string
	_, err = pgx.ForEachRow(rows, []any{&t.Schema, &t.Name, &identity, &t.key, &t.filtered}, func() error {
		t.identity = Identity(identity[0])
		p.tables = append(p.tables, t)
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return p, nil
}

// checkPublished says what keeps a publication from telling all changes of tables.
func checkPublished(ctx context.Context, c *pgx.Conn, name string, tables []Table) error {
	p, err := published(ctx, c, name)
	if err != nil {
		return err
	}
	if !p.exists {
		return fault.New(fault.Usage, "there is no publication %s", name).WithHint("CREATE PUBLICATION %s FOR TABLE %s", postgres.Quote(name), tables[0])
	}
	if !p.insert || !p.update || !p.delete || !p.truncates {
		return fault.New(fault.Usage, "publication %s leaves out kinds of change", name).
			WithHint("ALTER PUBLICATION %s SET (publish = 'insert, update, delete, truncate')", postgres.Quote(name))
	}
	for _, t := range tables {
		i := slices.IndexFunc(p.tables, func(p publishedTable) bool { return p.Table == t })
		if i < 0 {
			return &TableError{t, fault.New(fault.Usage, "publication %s lacks the table %s: it was taken out, or dropped and perhaps made again", name, t).
				WithHint("read the table anew with --full, which adds it")}
		}
		if err := p.tables[i].check(name); err != nil {
			return &TableError{t, err}
		}
	}
	return nil
}

func (t *publishedTable) check(publication string) error {
	if t.filtered {
		return fault.New(fault.Usage, "publication %s tells only some rows of %s", publication, t.Table).WithHint("take the row filter off")
	}
	if t.identity == IdentityFull || t.identity != IdentityNothing && t.key {
		return nil
	}
	return fault.New(fault.Usage, "%s has no replica identity: the server cannot tell which rows its updates and deletes are of, and refuses them while the table is published", t.Table).
		WithHint("give it a primary key, or: ALTER TABLE %s REPLICA IDENTITY FULL", postgres.Quote(t.Schema, t.Name))
}
