package feeds

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/test/env"
)

// A MariaDB server that is killed while it writes leaves a file of its log that ends amid an event, of a transaction that it
// undoes. What comes after is followed, without that transaction.
func TestMariaDBTorn(t *testing.T) {
	server := env.OwnMariaDB(t)
	r := onMariaDB(t, server, []string{"a"}, aTable, "INSERT INTO a SELECT seq, seq, 'x' FROM seq_1_to_20")
	r.run()
	for _, rowsToo := range []bool{false, true} {
		r.sql("UPDATE a SET n = n + 1 WHERE id < 5", "INSERT INTO a SELECT max(id) + 1, 1, 'before' FROM a")
		server.Stop(t)
		tear(t, server.Data(), rowsToo)
		server.Start(t)
		r.sql("DELETE FROM a WHERE id = 20", "INSERT INTO a SELECT max(id) + 1, 2, 'after' FROM a")
		r.run()
		r.equal("raw.a")
	}
	// The position is behind it: reading goes on, and a new process does so as well.
	r.sql("UPDATE a SET n = 0")
	r.run()
	r.equal("raw.a")
}

// tear writes the start of a transaction at the end of the log: a part of its first event, or all of that and of the one
// after, and a part of the rows.
func tear(t *testing.T, data string, rowsToo bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "binlog.[0-9]*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no log in %s: %v", data, err)
	}
	slices.Sort(files)
	last := files[len(files)-1]
	log, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	const header, typeRows, typeID = 19, 23, 162
	begin, rows := 0, 0 // of the last transaction, and of its rows
	for at := 4; at+header <= len(log); at += int(binary.LittleEndian.Uint32(log[at+9:])) {
		switch kind := log[at+4]; {
		case kind == typeID:
			begin = at
		case kind == typeRows || kind == 30:
			rows = at
		}
	}
	if begin == 0 || rows < begin {
		t.Fatalf("no transaction in %s", strings.TrimPrefix(last, data))
	}
	part := log[begin : begin+header+3]
	if rowsToo {
		part = log[begin : rows+header+5]
	}
	f, err := os.OpenFile(last, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(part); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
