package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/record"
	"weir/internal/sink"
	"weir/test/env"
)

// once hands out one batch.
type once struct {
	schema *arrow.Schema
	batch  arrow.RecordBatch
}

func (o *once) Schema() *arrow.Schema { return o.schema }

func (o *once) Next(context.Context) (arrow.RecordBatch, error) {
	if o.batch == nil {
		return nil, io.EOF
	}
	b := o.batch
	o.batch = nil
	return b, nil
}

func (o *once) Close() error { return nil }

// brought is a delivery of ids with a name each.
func brought(mode sink.Mode, ids ...int64) sink.Delivery {
	d := sink.Delivery{Mode: mode, Columns: []sink.Column{{Column: job.Column{Name: "id", Type: "BIGINT", ID: 1}}, {Column: job.Column{Name: "name", Type: "VARCHAR", ID: 2}}}}
	if mode == sink.Upsert {
		d.Key = []string{"id"}
	}
	d.Rows = func(context.Context) (record.Reader, error) {
		schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		for _, id := range ids {
			b.Field(0).(*array.Int64Builder).Append(id)
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("n%d", id))
		}
		return &once{schema: schema, batch: b.NewRecordBatch()}, nil
	}
	return d
}

func begin(t testing.TB, s *Sink, table string) (*load, error) {
	t.Helper()
	l, err := s.Begin(t.Context(), sink.Target{Name: "bi." + table, Table: table})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l.(*load), nil
}

func apply(t testing.TB, s *Sink, table string, d sink.Delivery) (sink.Loaded, error) {
	t.Helper()
	l, err := begin(t, s, table)
	if err != nil {
		return sink.Loaded{}, err
	}
	defer l.Close(context.Background())
	out, err := l.Apply(t.Context(), d)
	if err != nil {
		return out, err
	}
	return out, l.Commit(t.Context(), position(1))
}

func position(snapshot int64) sink.Position {
	return sink.Position{Table: "t", UUID: "u", Snapshot: snapshot, At: time.Now()}
}

func exec(t testing.TB, c *wire.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func rowsAre(t testing.TB, c *wire.Conn, sql string, want ...string) {
	t.Helper()
	got, err := rowTexts(t.Context(), c, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s gives\n%s\nwant\n%s", sql, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestKilledAroundTheCommit stops a load before and after each of the three steps of its commit, as a kill would. The next load knows
// what became of it, and nothing of it is left lying about.
func TestKilledAroundTheCommit(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		for _, replaces := range []bool{false, true} {
			for step := range 4 {
				t.Run(fmt.Sprintf("replaces %v, step %d", replaces, step), func(t *testing.T) {
					c, s := session(t, of), openURL(t, of)
					table := fmt.Sprintf("t_%v_%d", replaces, step)
					at, rows := int64(0), []string{}
					if replaces {
						if _, err := apply(t, s, table, brought(sink.Replace, 1)); err != nil {
							t.Fatal(err)
						}
						at, rows = 1, []string{"1"}
					}
					l, err := begin(t, s, table)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := l.Apply(t.Context(), brought(sink.Replace, 2, 3)); err != nil {
						t.Fatal(err)
					}
					if step > 0 {
						if err := l.writePosition(t.Context(), "pending", position(2)); err != nil {
							t.Fatal(err)
						}
					}
					if step > 1 {
						sql := "RENAME TABLE " + l.newName() + " TO " + l.name()
						if replaces {
							sql = "RENAME TABLE " + l.name() + " TO " + l.oldName() + ", " + l.newName() + " TO " + l.name()
						}
						exec(t, l.conn, sql)
						at, rows = 2, []string{"2", "3"}
					}
					if step > 2 {
						if err := l.settled(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					_ = l.conn.Close() // without a word to the server
					l.conn = nil

					look, err := s.Begin(t.Context(), sink.Target{Name: "bi", Table: table, Look: true})
					if err != nil {
						t.Fatal(err)
					}
					if p, _ := look.Stored(); p.Snapshot != at {
						t.Errorf("a look finds position %d, want %d", p.Snapshot, at)
					}
					_ = look.Close(t.Context())
					next, err := begin(t, s, table)
					if err != nil {
						t.Fatal(err)
					}
					if p, ok := next.Stored(); p.Snapshot != at || ok != (at > 0) {
						t.Errorf("the next load finds position %d, want %d", p.Snapshot, at)
					}
					if next.there != nil {
						rowsAre(t, c, "SELECT id FROM "+wire.Name(table)+" ORDER BY 1", rows...)
					} else if len(rows) > 0 {
						t.Error("the table is not there")
					}
					if err := next.Close(t.Context()); err != nil {
						t.Error(err)
					}
					rowsAre(t, c, "SELECT count(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE '\\_weir\\_%' AND TABLE_NAME <> '_weir_loads'", "0")
					if _, err := apply(t, s, table, brought(sink.Append, 9)); err != nil {
						t.Fatal(err)
					}
					rowsAre(t, c, "SELECT id FROM "+wire.Name(table)+" ORDER BY 1", append(rows, "9")...)
				})
			}
		}
	})
}

// TestReplaceKeepsLooks replaces a table that has what a table can have.
func TestReplaceKeepsLooks(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c, s := session(t, of), openURL(t, of)
		exec(t, c, "CREATE TABLE t (id bigint PRIMARY KEY COMMENT 'the key', name varchar(40) NOT NULL DEFAULT 'x', more datetime DEFAULT CURRENT_TIMESTAMP, twice bigint GENERATED ALWAYS AS (id * 2) STORED, CONSTRAINT positive CHECK (id > 0), UNIQUE KEY pair (id, name), KEY named (name(10))) COMMENT 'what it is for' DEFAULT CHARACTER SET latin1",
			"INSERT INTO t (id, name) VALUES (77, 'old')", "CREATE VIEW v AS SELECT id FROM t")
		want, err := rowTexts(t.Context(), c, "SHOW CREATE TABLE t")
		if err != nil {
			t.Fatal(err)
		}
		out, err := apply(t, s, "t", brought(sink.Replace, 1, 2, 3))
		if err != nil {
			t.Fatal(err)
		}
		how := "in place" // for the name of the check
		if c.Server.Maria {
			how = "swapped"
		}
		if out.How != how || out.Written != 3 {
			t.Errorf("says %+v", out)
		}
		rowsAre(t, c, "SHOW CREATE TABLE t", want...)
		rowsAre(t, c, "SELECT id, name, twice, more IS NOT NULL FROM t ORDER BY 1", "1|n1|2|1", "2|n2|4|1", "3|n3|6|1")
		rowsAre(t, c, "SELECT count(*) FROM v", "3")
		d := brought(sink.Replace, 4, -7, 6)
		if out, err = apply(t, s, "t", d); !errors.Is(err, sink.ErrTooMany) || out.Refused != 1 || out.Rejects[0].Constraint == "" && !strings.Contains(out.Rejects[0].Reason, "positive") {
			t.Errorf("refused %+v: %v", out.Rejects, err)
		}
		rowsAre(t, c, "SELECT id FROM t ORDER BY 1", "1", "2", "3")
	})
}

// TestReplaceInPlace replaces tables on which something hangs that only the table itself can keep.
func TestReplaceInPlace(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c, s := session(t, of), openURL(t, of)
		exec(t, c, "CREATE TABLE ref (id bigint PRIMARY KEY)", "INSERT INTO ref VALUES (1), (2), (3)")
		for name, is := range map[string]struct {
			hang, how, check string
			want             []string
		}{
			"triggered":  {"CREATE TRIGGER g_%[1]s BEFORE INSERT ON %[1]s FOR EACH ROW SET new.name = upper(new.name)", "in place", "SELECT name FROM %s ORDER BY 1", []string{"N2", "N3"}},
			"referenced": {"CREATE TABLE child (id bigint, FOREIGN KEY (id) REFERENCES %s (id)); INSERT INTO child VALUES (2)", "merged", "SELECT child.id FROM child JOIN %s USING (id)", []string{"2"}},
			"refers":     {"ALTER TABLE %s ADD FOREIGN KEY (id) REFERENCES ref (id)", "in place", "SELECT id FROM %s ORDER BY 1", []string{"2", "3"}},
			"nothing":    {"SELECT 1", "swapped", "SELECT id FROM %s ORDER BY 1", []string{"2", "3"}},
		} {
			t.Run(name, func(t *testing.T) {
				exec(t, c, "CREATE TABLE "+name+" (id bigint PRIMARY KEY, name varchar(20))", "INSERT INTO "+name+" VALUES (1, 'n1'), (2, 'old')")
				for _, sql := range strings.Split(is.hang, "; ") {
					if strings.Contains(sql, "%") {
						sql = fmt.Sprintf(sql, name)
					}
					exec(t, c, sql)
				}
				out, err := apply(t, s, name, brought(sink.Replace, 2, 3))
				if err != nil {
					t.Fatal(err)
				}
				if out.How != is.how || out.Brought != 2 {
					t.Errorf("says %+v", out)
				}
				rowsAre(t, c, fmt.Sprintf(is.check, name), is.want...)
				rowsAre(t, c, "SELECT id FROM "+name+" ORDER BY 1", "2", "3")
			})
		}
		// A row that others refer to cannot go.
		out, err := apply(t, s, "referenced", brought(sink.Replace, 3))
		if len(out.Rejects) != 1 || !out.Rejects[0].Delete || out.Rejects[0].Key != "(id) = (2)" {
			t.Errorf("refused %+v: %v", out.Rejects, err)
		}
	})
}

// A key that the destination takes for another one would have the rows of both.
func TestCollations(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c, s := session(t, of), openURL(t, of)
		d := func(names ...string) sink.Delivery {
			d := sink.Delivery{Mode: sink.Upsert, Key: []string{"name"}, Columns: []sink.Column{{Column: job.Column{Name: "name", Type: "VARCHAR", ID: 1}}, {Column: job.Column{Name: "n", Type: "BIGINT", ID: 2}}}}
			d.Rows = func(context.Context) (record.Reader, error) {
				schema := arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
				b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
				defer b.Release()
				for i, name := range names {
					b.Field(0).(*array.StringBuilder).Append(name)
					b.Field(1).(*array.Int64Builder).Append(int64(i))
				}
				return &once{schema: schema, batch: b.NewRecordBatch()}, nil
			}
			return d
		}
		// A table that is made tells letters, accents and spaces apart.
		for range 2 {
			if _, err := apply(t, s, "exact", d("a", "A", "á", "a ", "ß", "ss", "🦆", "🦊")); err != nil {
				t.Fatal(err)
			}
			rowsAre(t, c, "SELECT count(*) FROM exact", "8")
		}
		exec(t, c, "CREATE TABLE folds (name varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci PRIMARY KEY, n bigint)")
		if _, err := apply(t, s, "folds", d("a", "b", "A")); fault.ClassOf(err) != fault.Data || !strings.Contains(err.Error(), "which takes their keys for the same") {
			t.Errorf("keys that fold: %v", err)
		}
		if _, err := apply(t, s, "folds", d("b", "A")); err != nil {
			t.Fatal(err)
		}
		if _, err := apply(t, s, "folds", d("a")); err != nil {
			t.Fatal(err)
		}
		rowsAre(t, c, "SELECT name, n FROM folds ORDER BY 1", "A|0", "b|0")
		exec(t, c, "CREATE TABLE latin (name varchar(20) CHARACTER SET latin1 PRIMARY KEY, n bigint)")
		out, err := apply(t, s, "latin", d("é", "🦆"))
		if len(out.Rejects) != 1 || out.Rejects[0].Key != "(name) = (🦆)" {
			t.Errorf("a letter that latin1 lacks: %+v, %v", out.Rejects, err)
		}
	})
}

func TestLocked(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := session(t, of)
		opened, err := Kind().Open(t.Context(), &mysql.Settings{URL: of, LockTimeout: time.Second}, sink.Env{})
		if err != nil {
			t.Fatal(err)
		}
		s := opened.(*Sink)
		if _, err := apply(t, s, "t", brought(sink.Upsert, 1)); err != nil {
			t.Fatal(err)
		}
		exec(t, c, "START TRANSACTION", "UPDATE t SET name = 'mine'")
		named := fmt.Sprintf("connection %d ", c.Server.Thread)
		if _, err := apply(t, s, "t", brought(sink.Upsert, 1)); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), named) {
			t.Errorf("a locked row: %v", err)
		}
		if _, err := apply(t, s, "t", brought(sink.Replace, 2)); fault.ClassOf(err) != fault.Conflict {
			t.Errorf("a swap under a transaction: %v", err)
		}
		exec(t, c, "ROLLBACK")
		if _, err := begin(t, s, "t"); err != nil {
			t.Fatal(err)
		}
		if _, err := begin(t, s, "t"); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "another load of bi.t is under way by connection") {
			t.Errorf("two loads at once: %v", err)
		}
		rowsAre(t, c, "SELECT id FROM t", "1")
	})
}

func TestRights(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c := session(t, of)
		u, err := url.Parse(of)
		if err != nil {
			t.Fatal(err)
		}
		user, database := fmt.Sprintf("weir_%d", time.Now().UnixNano()%1e12), strings.TrimPrefix(u.Path, "/")
		exec(t, c, "CREATE USER "+user+"@'%' IDENTIFIED BY 'Secret-word-1'", "GRANT SELECT ON "+wire.Name(database)+".* TO "+user+"@'%'")
		t.Cleanup(func() { _ = c.Exec(context.Background(), "DROP USER "+user+"@'%'") })
		u.User = url.UserPassword(user, "Secret-word-1")
		if _, err := apply(t, openURL(t, u.String()), "t", brought(sink.Upsert, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "needs CREATE") {
			t.Errorf("a user who may read: %v (%s)", err, fault.HintOf(err))
		}
		exec(t, c, "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, CREATE TEMPORARY TABLES ON "+wire.Name(database)+".* TO "+user+"@'%'")
		for _, mode := range []sink.Mode{sink.Upsert, sink.Append, sink.Replace, sink.Upsert} {
			if _, err := apply(t, openURL(t, u.String()), string(mode), brought(mode, 1)); err != nil {
				t.Errorf("%s with the rights that the hint names: %v", mode, err)
			}
		}
		u.User = url.UserPassword(user, "Wrong-word-1")
		_, err = apply(t, openURL(t, u.String()), "t", brought(sink.Upsert, 1))
		if text := fault.HintOf(err) + err.Error(); fault.ClassOf(err) != fault.Usage || strings.Contains(text, "Wrong-word") {
			t.Errorf("a wrong password: %s", text)
		}
	})
}

func TestEngines(t *testing.T) {
	env.EachMySQL(t, func(t *testing.T, of string) {
		c, s := session(t, of), openURL(t, of)
		exec(t, c, "CREATE TABLE t (id bigint PRIMARY KEY, name text) ENGINE = MyISAM", "CREATE VIEW v AS SELECT 1 AS id")
		if _, err := apply(t, s, "t", brought(sink.Upsert, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "no transactions") {
			t.Errorf("a table without transactions: %v", err)
		}
		if _, err := apply(t, s, "v", brought(sink.Append, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "is a view there") {
			t.Errorf("a view: %v", err)
		}
		if _, err := apply(t, s, strings.Repeat("long", 17), brought(sink.Append, 1)); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "68 letters") {
			t.Errorf("a long name: %v", err)
		}
	})
}

// A server that ends in the middle of a load leaves nothing of it, and the next try does it all.
func TestServerEnds(t *testing.T) {
	server := env.OwnMariaDB(t)
	c := session(t, server.URL)
	exec(t, c, "CREATE DATABASE bi")
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/bi"
	s := openURL(t, u.String())
	if _, err := apply(t, s, "t", brought(sink.Upsert, 1)); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []sink.Mode{sink.Upsert, sink.Replace} {
		l, err := begin(t, s, "t")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Apply(t.Context(), brought(mode, 2)); err != nil {
			t.Fatal(err)
		}
		server.Restart(t)
		if err := l.Commit(t.Context(), position(2)); fault.ClassOf(err) != fault.Unavailable {
			t.Errorf("a commit to a server that went: %v", err)
		}
		rowsAre(t, session(t, u.String()), "SELECT id FROM t", "1")
	}
	if _, err := apply(t, s, "t", brought(sink.Upsert, 2)); err != nil {
		t.Fatal(err)
	}
	rowsAre(t, session(t, u.String()), "SELECT id FROM t ORDER BY 1", "1", "2")
}
