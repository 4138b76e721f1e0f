package replication_test

import (
	"context"
	"testing"

	"weir/internal/fault"
	"weir/internal/source/postgres/replication"
)

// A publication that someone else made is looked at before the first read, not after it.
func TestPublishLooks(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)", "CREATE PUBLICATION inserts FOR TABLE d WITH (publish = 'insert')", "CREATE PUBLICATION all_of_it FOR TABLE d")
	d := []replication.Table{{Schema: "public", Name: "d"}}
	refused(t, replication.Publish(t.Context(), r.conn, "inserts", d), fault.Usage, "publication inserts leaves out kinds of change", "SET (publish")
	for _, name := range []string{"all_of_it", "fresh"} {
		if err := replication.Publish(t.Context(), r.conn, name, d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	role := "plain_" + r.slot
	r.exec("CREATE ROLE "+role, "SET ROLE "+role)
	t.Cleanup(func() {
		_, err := r.conn.Exec(context.Background(), "RESET ROLE; DROP ROLE "+role)
		if err != nil {
			t.Error(err)
		}
	})
	refused(t, replication.Publish(t.Context(), r.conn, "other", d), fault.Usage, "publish tables in other: permission denied", "CREATE PUBLICATION \"other\" FOR TABLE")
}

// What a publication cannot tell the changes of is refused before it is published: of a table without a replica identity the server
// would refuse everyone's updates and deletes from then on.
func TestFollowable(t *testing.T) {
	r := newRig(t, "CREATE TABLE d (id int PRIMARY KEY)", "CREATE TABLE bare (id int)", "CREATE TABLE whole (id int)", "ALTER TABLE whole REPLICA IDENTITY FULL",
		"CREATE VIEW v AS SELECT 1 AS id", "CREATE UNLOGGED TABLE u (id int PRIMARY KEY)", "CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id)")
	for name, says := range map[string]string{"d": "", "whole": "", "parts": "", "bare": "has no replica identity", "v": "is a view", "u": "is an unlogged table"} {
		err := replication.Followable(t.Context(), r.conn, replication.Table{Schema: "public", Name: name})
		if says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		refused(t, err, fault.Usage, "public."+name+" "+says, "")
	}
}
