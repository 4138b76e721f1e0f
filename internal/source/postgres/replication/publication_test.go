package replication_test

import (
	"testing"

	"weir/internal/fault"
	"weir/internal/source/postgres/replication"
)

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
