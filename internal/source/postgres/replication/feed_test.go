package replication_test

import (
	"strings"
	"testing"

	"weir/internal/source/postgres/replication"
)

// paths are the three ways to read the same changes.
func paths(t *testing.T, o replication.Options) map[string]replication.Options {
	stream, large, backlog := o, o, o
	large.Scratch = t.TempDir()
	backlog.CatchUp = 1
	return map[string]replication.Options{"stream": stream, "streamed transactions": large, "backlog": backlog}
}

// Every kind of change says what happened, under which key, and what it does not tell.
func TestKindsOfChange(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY, n int, big text)", "CREATE TABLE f (id int, n int, big text)", "ALTER TABLE f REPLICA IDENTITY FULL",
		"ALTER TABLE d ALTER big SET STORAGE EXTERNAL", "ALTER TABLE f ALTER big SET STORAGE EXTERNAL", "CREATE TABLE other (id int PRIMARY KEY)")
	r.exec("INSERT INTO d VALUES (1, 10, repeat('x', 5000)), (2, NULL, 'small')", "UPDATE d SET n = 11 WHERE id = 1", "UPDATE d SET id = 3 WHERE id = 1",
		"UPDATE d SET n = 21 WHERE id = 2", "DELETE FROM d WHERE id = 3", "INSERT INTO other VALUES (1)",
		"INSERT INTO f VALUES (1, 10, repeat('y', 5000))", "UPDATE f SET n = 11", "UPDATE f SET id = 2", "DELETE FROM f", "TRUNCATE d, f")
	const want = `insert d big=xxx… 5000 id=1 n=10
insert d big=small id=2
update d id=1 n=11 big?
before d id=1 n? big?
update d id=3 n=11 big?
update d big=small id=2 n=21
delete d id=3 n? big?
truncate d
insert f big=yyy… 5000 id=1 n=10
update f big=yyy… 5000 id=1 n=11
before f big=yyy… 5000 id=1 n=11
update f big=yyy… 5000 id=2 n=11
delete f big=yyy… 5000 id=2 n=11
truncate f
`
	o := r.options("d", "f")
	o.Tables[replication.Table{Schema: "public", Name: "f"}] = replication.Follow{After: r.start, Key: []string{"id"}}
	o.Goal = r.now()
	var first []change
	for name, o := range paths(t, o) {
		t.Run(name, func(t *testing.T) {
			f, err := replication.Open(t.Context(), r.server, o)
			if err != nil {
				t.Fatal(err)
			}
			all, at := drain(t, t.Context(), f, nil)
			if err := f.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if at < o.Goal {
				t.Errorf("ended at %s, goal %s", at, o.Goal)
			}
			var got strings.Builder
			for _, table := range []string{"d", "f"} {
				for _, c := range all {
					if c.table == table {
						got.WriteString(c.String() + "\n")
					}
				}
			}
			if got.String() != want {
				t.Errorf("got\n%swant\n%s", got.String(), want)
			}
			if first == nil {
				first = all
			}
			for i := range all {
				if all[i].lsn != first[i].lsn || all[i].seq != first[i].seq {
					t.Errorf("%v has place %X %d, and by another way %X %d", all[i], all[i].lsn, all[i].seq, first[i].lsn, first[i].seq)
				}
			}
		})
	}
}
