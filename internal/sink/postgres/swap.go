package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// likeness is what a table that takes another one's place has to be given.
type likeness struct {
	owner       string
	comment     string
	options     string // of storage: fillfactor=70
	grants      []grant
	constraints []named // but CHECK, which LIKE copies
	indexes     []named // without those of constraints
	referenced  bool    // by foreign keys of others
}

// named is something with a name and a definition.
type named struct{ name, definition string }

type grant struct {
	role     string // quoted, or PUBLIC
	right    string
	delegate bool
}

// bonds are queries after what would be lost with the old table, since a new one is not given it again. Each gives rows where
// there is some.
var bonds = []string{
	"SELECT FROM pg_class c WHERE c.oid = $1 AND (c.relkind <> 'r' OR c.relpersistence <> 'p' OR c.relrowsecurity OR c.relhassubclass OR c.relispartition OR c.reloftype <> 0 OR c.reltablespace <> 0 OR c.relreplident <> 'd' OR c.relhasrules)",
	"SELECT FROM pg_class c WHERE c.oid = $1 AND NOT (pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(c.relnamespace, 'CREATE'))",
	"SELECT FROM pg_inherits WHERE inhrelid = $1 OR inhparent = $1",
	"SELECT FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal",
	"SELECT FROM pg_policy WHERE polrelid = $1",
	"SELECT FROM pg_publication_rel WHERE prrelid = $1",
	"SELECT FROM pg_statistic_ext WHERE stxrelid = $1",
	"SELECT FROM pg_seclabel WHERE classoid = 'pg_class'::regclass AND objoid = $1",
	"SELECT FROM pg_index WHERE indrelid = $1 AND (indisclustered OR indisreplident OR NOT indisvalid)",
	"SELECT FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND (attacl IS NOT NULL OR attidentity <> '')",
	"SELECT FROM pg_description d JOIN pg_index i ON i.indexrelid = d.objoid WHERE d.classoid = 'pg_class'::regclass AND i.indrelid = $1",
	"SELECT FROM pg_description d JOIN pg_constraint c ON c.oid = d.objoid WHERE d.classoid = 'pg_constraint'::regclass AND c.conrelid = $1",
	"SELECT FROM pg_constraint WHERE conrelid = $1 AND (NOT convalidated OR conparentid <> 0)",
	"SELECT FROM pg_constraint WHERE confrelid = $1 AND contype = 'f'",
	// Grants by others than the owner, and indexes in a place of their own.
	"SELECT FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1 AND a.grantor <> c.relowner",
	"SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = $1 AND (x.reltablespace <> 0)",
	// Views, functions and sequences: whatever depends on the table, its row type or its columns and is not one of its own parts.
	`SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1
		AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = d.objid AND i.indrelid = $1))
		AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class t WHERE t.oid = $1 AND t.reltoastrelid = d.objid))
		AND NOT (d.classid = 'pg_class'::regclass AND d.objid = $1)
		AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint c WHERE c.oid = d.objid AND c.conrelid = $1))
		AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef x WHERE x.oid = d.objid AND x.adrelid = $1))
		AND NOT (d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type y WHERE y.oid = d.objid AND (y.typrelid = $1)))`,
	`SELECT FROM pg_type y JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = y.oid WHERE y.typrelid = $1
		AND NOT (d.classid = 'pg_type'::regclass AND d.objid = y.typarray)`,
}

// likeness looks at what hangs on the destination. bound says that something does which only the table itself can keep.
func (l *load) likeness(ctx context.Context) (k likeness, bound bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("look at what hangs on %s: %w", l.target.Name, postgres.Classify(ctx, err))
		}
	}()
	oid := int64(l.there.oid)
	if err := l.tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_constraint WHERE confrelid = $1::bigint::oid AND contype = 'f' AND conrelid <> confrelid)", oid).Scan(&k.referenced); err != nil {
		return k, false, err
	}
	for _, q := range bonds {
		var some bool
		if err := l.tx.QueryRow(ctx, "SELECT EXISTS ("+strings.ReplaceAll(q, "$1", "$1::bigint::oid")+")", oid).Scan(&some); err != nil || some {
			return k, some, err
		}
	}
	err = l.tx.QueryRow(ctx, `SELECT quote_ident(pg_get_userbyid(relowner)), coalesce(obj_description(oid, 'pg_class'), ''), coalesce(array_to_string(reloptions, ', '), '')
		FROM pg_class WHERE oid = $1::bigint::oid`, oid).Scan(&k.owner, &k.comment, &k.options)
	if err != nil {
		return k, false, err
	}
	k.constraints, err = l.definitions(ctx, `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::bigint::oid AND contype IN ('p', 'u', 'x', 'f')
		ORDER BY contype = 'f', contype <> 'p', oid`, oid)
	if err != nil {
		return k, false, err
	}
	// A definition names index and table, which are others at first: what follows them is kept.
	k.indexes, err = l.definitions(ctx, `SELECT x.relname, CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || substr(pg_get_indexdef(x.oid),
			length('CREATE ' || CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || quote_ident(x.relname) || ' ON ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname)) + 1)
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE i.indrelid = $1::bigint::oid AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = x.oid AND o.conrelid = c.oid) ORDER BY x.oid`, oid)
	if err != nil {
		return k, false, err
	}
	rows, err := l.tx.Query(ctx, `SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, a.privilege_type, a.is_grantable
		FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1::bigint::oid AND a.grantee <> c.relowner`, oid)
	if err != nil {
		return k, false, err
	}
	k.grants, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (g grant, err error) {
		err = row.Scan(&g.role, &g.right, &g.delegate)
		return g, err
	})
	return k, false, err
}

func (l *load) definitions(ctx context.Context, query string, oid int64) ([]named, error) {
	rows, err := l.tx.Query(ctx, query, oid)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (n named, err error) {
		err = row.Scan(&n.name, &n.definition)
		return n, err
	})
}

// cannotEmpty is the error of a table that others refer to, and that has no primary key among the columns that come.
func (l *load) cannotEmpty() error {
	return fault.New(fault.Usage, "%s cannot be replaced: foreign keys refer to it, and its rows cannot be told apart by the columns that come", l.target.Name).
		WithHint("publish with mode: upsert and a key")
}

// newName is what a table is called until it takes the old one's place. Only one load of a destination is under way.
func (l *load) newName() string {
	return fmt.Sprintf("_weir_new_%08x", uint32(lockKey(l.schema, l.target.Table)))
}

// swap fills a table like the old one and puts it in the old one's place. Those who read see the one or the other.
func (a *applying) swap(ctx context.Context, old likeness) error {
	l := a.load
	fresh := postgres.Quote(l.schema, l.newName())
	like := "CREATE TABLE " + fresh + " (LIKE " + l.name() + " INCLUDING ALL EXCLUDING INDEXES)"
	if old.options != "" {
		like += " WITH (" + old.options + ")"
	}
	if err := l.exec(ctx, "make a table like "+l.target.Name, like); err != nil {
		return err
	}
	for _, sql := range a.shape.alter {
		// The new table is brought into shape; the old one goes.
		if err := l.exec(ctx, "bring "+l.target.Name+" into shape", strings.Replace(sql, "ALTER TABLE "+l.name(), "ALTER TABLE "+fresh, 1)); err != nil {
			return err
		}
	}
	var constraints, rename []string
	for i, c := range old.constraints {
		temporary := postgres.Quote(fmt.Sprintf("%s_c%d", l.newName(), i))
		constraints = append(constraints, "ALTER TABLE "+fresh+" ADD CONSTRAINT "+temporary+" "+c.definition)
		rename = append(rename, "ALTER TABLE "+l.name()+" RENAME CONSTRAINT "+temporary+" TO "+postgres.Quote(c.name))
	}
	for i, x := range old.indexes {
		temporary := fmt.Sprintf("%s_i%d", l.newName(), i)
		unique, rest := "", x.definition
		if r, ok := strings.CutPrefix(rest, "UNIQUE "); ok {
			unique, rest = "UNIQUE ", r
		}
		constraints = append(constraints, "CREATE "+unique+"INDEX "+postgres.Quote(temporary)+" ON "+fresh+rest)
		rename = append(rename, "ALTER INDEX "+postgres.Quote(l.schema, temporary)+" RENAME TO "+postgres.Quote(x.name))
	}
	if err := a.fill(ctx, fresh, constraints); err != nil {
		return err
	}
	a.out.Deleted = max(l.there.rows, 0)
	steps := append([]string{"DROP TABLE " + l.name(), "ALTER TABLE " + fresh + " RENAME TO " + postgres.Quote(l.target.Table)}, rename...)
	if old.comment != "" {
		steps = append(steps, "COMMENT ON TABLE "+l.name()+" IS "+quoteLiteral(old.comment))
	}
	// What default privileges gave the new table, the old one need not have had.
	others, err := l.definitions(ctx, `SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, ''
		FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass('`+strings.ReplaceAll(fresh, "'", "''")+`') AND a.grantee <> c.relowner AND $1::bigint > 0`, int64(l.there.oid))
	if err != nil {
		return fmt.Errorf("look at the rights on the new table: %w", postgres.Classify(ctx, err))
	}
	for _, o := range others {
		steps = append(steps, "REVOKE ALL ON "+l.name()+" FROM "+o.name)
	}
	for _, g := range old.grants {
		grant := "GRANT " + g.right + " ON " + l.name() + " TO " + g.role
		if g.delegate {
			grant += " WITH GRANT OPTION"
		}
		steps = append(steps, grant)
	}
	steps = append(steps, "ALTER TABLE "+l.name()+" OWNER TO "+old.owner)
	for _, sql := range steps {
		if err := l.exec(ctx, "put the new rows in the place of "+l.target.Name, sql); err != nil {
			return err
		}
	}
	return nil
}
