package binlog

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"weir/internal/mysql/gtid"
	"weir/internal/record"
	"weir/internal/source/mysql/value"
)

// record writes testdata anew, from the server of WEIR_TEST_MYSQL; nothing else may write to it meanwhile.
var recordAnew = flag.Bool("record", false, "record testdata/mysql.events anew")

const (
	recordedEvents = "testdata/mysql.events"
	recordedTold   = "testdata/mysql.told"
)

// tape gives events that were recorded, each behind its length.
type tape struct{ rest []byte }

func (p *tape) Next() ([]byte, error) {
	if len(p.rest) < 4 {
		return nil, io.EOF
	}
	n := int(binary.LittleEndian.Uint32(p.rest))
	if n > len(p.rest)-4 {
		return nil, io.EOF
	}
	b := p.rest[4 : 4+n]
	p.rest = p.rest[4+n:]
	return append([]byte(nil), b...), nil
}

// recorder keeps what passes by.
type recorder struct {
	events
	kept []byte
}

func (r *recorder) Next() ([]byte, error) {
	b, err := r.events.Next()
	if err == nil {
		r.kept = append(binary.LittleEndian.AppendUint32(r.kept, uint32(len(b))), b...)
	}
	return b, err
}

// unicodeOnly knows the collations of what was recorded.
func unicodeOnly() *value.Charsets {
	return &value.Charsets{Names: map[int]string{45: "utf8mb4", 46: "utf8mb4", 255: "utf8mb4", 54: "utf16", 63: "binary"}}
}

// A log of MySQL 9.7 with all types of values and forms of events is told as it was when it was recorded, and compared with what
// queries gave. It stands for that server where there is none.
func TestRecordedLog(t *testing.T) {
	if *recordAnew {
		recordLog(t)
	}
	kept, err := os.ReadFile(recordedEvents)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(recordedTold)
	if err != nil {
		t.Fatal(err)
	}
	if got := tellRecorded(t, kept); got != string(want) {
		t.Errorf("told\n%s\nnot\n%s", got, want)
	}
}

func tellRecorded(t *testing.T, kept []byte) string {
	t.Helper()
	pool := record.NewPool()
	defer pool.Close()
	r := &rig{t: t, charsets: unicodeOnly(), pool: pool}
	set, err := gtid.Parse("00000000-0000-0000-0000-000000000001:1") // of a server before it: a position with ids gets those that follow
	if err != nil {
		t.Fatal(err)
	}
	l := newReader(&tape{kept}, Position{Set: set}, true, DefaultMost, map[TableName]bool{{"weir_recorded", "t"}: true})
	var b strings.Builder
	for {
		e, err := l.Next()
		if errors.Is(err, io.EOF) {
			at := l.Position()
			fmt.Fprintln(&b, at.String())
			return b.String()
		} else if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case Begin:
			fmt.Fprintln(&b, "begin", e.Transaction.Source, e.Transaction.Number)
		case Commit:
			fmt.Fprintln(&b, "commit", e.Transaction.Time.UTC().Format("2006-01-02T15:04:05.000000"))
		case Schema:
			fmt.Fprintf(&b, "schema %v %v\n", e.Tables, e.Truncate)
		case Change:
			for _, line := range r.changesOf(e.Rows, nil) {
				fmt.Fprintln(&b, line)
			}
		}
	}
}

// recordLog has the server do what is to be read, and compares with queries before it writes.
func recordLog(t *testing.T) {
	server := os.Getenv("WEIR_TEST_MYSQL")
	if server == "" {
		t.Fatal("WEIR_TEST_MYSQL is not set")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/mysql"
	r := newRig(t, u.String())
	r.exec("DROP DATABASE IF EXISTS weir_recorded", "CREATE DATABASE weir_recorded", "USE weir_recorded")
	defer func() { _ = r.conn.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE weir_recorded") }()
	r.database = "weir_recorded"
	from := r.now()
	r.exec("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,ALLOW_INVALID_DATES'", "SET timestamp = 1700000000.123456")
	columns, rows := recordedColumns()
	r.exec("CREATE TABLE t (" + columns + ")")
	for _, row := range rows {
		r.exec("INSERT INTO t VALUES (" + row + ")")
	}
	want := r.query("t", "ORDER BY id")
	r.exec("SET SESSION binlog_transaction_compression = 1", "UPDATE t SET id = id + 10 WHERE id < 2", "SET SESSION binlog_transaction_compression = 0",
		"SET gtid_next = 'automatic:weir'", "DELETE FROM t WHERE id = 10", "SET gtid_next = 'automatic'", "FLUSH BINARY LOGS", "TRUNCATE t")
	l := r.log(t.Context(), from)
	tee := &recorder{events: l.from}
	l.from = tee
	for err == nil {
		_, err = l.Next()
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	told := tellRecorded(t, tee.kept)
	for _, row := range want {
		if !strings.Contains(told, "insert +"+row+"\n") {
			t.Fatalf("the query gave %s, and the log\n%s", row, told)
		}
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(recordedEvents, tee.kept, 0o644), os.WriteFile(recordedTold, []byte(told), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// recordedColumns are those of all types whose texts hold Unicode, with values in as many rows as the longest has.
func recordedColumns() (columns string, rows []string) {
	defs := []string{"id INT PRIMARY KEY"}
	var kept [][]string
	for i, a := range allTypes {
		legacy := strings.Contains(a.declared, "CHARACTER SET") && !strings.Contains(a.declared, "utf16")
		if legacy || a.only == "mariadb" || strings.Contains(a.declared, "TEXT") {
			continue
		}
		defs, kept = append(defs, fmt.Sprintf("c%d %s", i, a.declared)), append(kept, a.values)
	}
	defs, kept = append(defs, "doc JSON"), append(kept, []string{
		`'{"b":1,"aa":[1,-2.5,null,true,"ü\"\n"],"o":{"":[]},"n":[32767,32768,-2147483649,18446744073709551615,1e15,1e14]}'`,
		"JSON_OBJECT('d', CAST(1.50 AS DECIMAL(10,2)), 't', TIMESTAMP'2024-02-29 01:02:03.000004', 'c', TIME'-100:02:03.5', 'x', CAST(0xdead AS BINARY))",
		"NULL"})
	for n := range 6 {
		row := []string{fmt.Sprint(n)}
		for _, v := range kept {
			row = append(row, v[n%len(v)])
		}
		rows = append(rows, strings.Join(row, ", "))
	}
	return strings.Join(defs, ", "), rows
}

// Whatever bytes come, the reader ends with an error or goes on; it neither fails nor reads on forever.
func FuzzReader(f *testing.F) {
	if kept, err := os.ReadFile(recordedEvents); err == nil {
		f.Add(kept)
		for p := (&tape{kept}); ; {
			b, err := p.Next()
			if err != nil {
				break
			}
			if b[4] != typeFormat { // one event after the format, as if it began there
				f.Add(append(firstFormat(kept), append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)...))
			}
		}
	}
	pool := record.NewPool()
	f.Fuzz(func(t *testing.T, kept []byte) {
		r := &rig{t: t, charsets: unicodeOnly(), pool: pool}
		l := newReader(&unchecked{tape{kept}}, Position{}, false, 1<<20, map[TableName]bool{{"weir_recorded", "t"}: true, {"", ""}: true})
		defer l.Close()
		for range 1000 {
			e, err := l.Next()
			if err != nil {
				return
			}
			if e.Kind == Change {
				r.tryChanges(e.Rows)
			}
		}
	})
}

func firstFormat(kept []byte) []byte {
	for p := (&tape{kept}); ; {
		b, err := p.Next()
		if err != nil {
			return nil
		}
		if b[4] == typeFormat {
			return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
		}
	}
}

// unchecked mends lengths and checksums, so that what was made up gets past them.
type unchecked struct{ tape }

func (u *unchecked) Next() ([]byte, error) {
	b, err := u.tape.Next()
	if err == nil && len(b) >= headerSize+checksumSize {
		binary.LittleEndian.PutUint32(b[9:], uint32(len(b)))
		binary.LittleEndian.PutUint32(b[len(b)-4:], checksum(b[:len(b)-4]))
	}
	return b, err
}

// tryChanges reads rows as they may be made up.
func (r *rig) tryChanges(rows *Rows) {
	columns, err := rows.Table.Describe(r.t.Context(), nil, r.charsets, value.TextZero)
	if err != nil || len(columns) > 1000 {
		for n := 0; rows.More() && n < 1000; n++ {
			if rows.Next() != nil {
				return
			}
		}
		return
	}
	s := r.shape(columns)
	for n := 0; rows.More() && n < 1000; n++ {
		err := rows.Next()
		if err == nil {
			err = rows.After.Put(s.cells[:len(rows.After.values)])
		}
		s.builder.Undo()
		var m *Misfit
		if err != nil && !errors.As(err, &m) {
			return
		}
		if err := rows.Table.sane(); err != nil {
			r.t.Fatal(err)
		}
	}
	s.builder.Release()
}

// sane says whether a table can be one.
func (t *Table) sane() error {
	for _, c := range t.Columns {
		if c.Meta < 0 || c.Meta > 1<<16 {
			return fmt.Errorf("a column has the meta data %d", c.Meta)
		}
	}
	return nil
}
