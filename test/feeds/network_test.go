package feeds

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/test/env"
	"weir/test/program"
)

// TestPostgresNetwork breaks and slows the connection while changes are gathered: each run ends well or leaves all as it was.
func TestPostgresNetwork(t *testing.T) {
	r := onPostgres(t, env.OwnPostgres(t), []string{"a"}, aTable, "INSERT INTO a VALUES (0, 1, 'x')")
	network(t, r, func(from, to int) {
		r.sql(fmt.Sprintf("INSERT INTO a SELECT i, i, repeat('x', 100) FROM generate_series(%d, %d) i", from, to), fmt.Sprintf("DELETE FROM a WHERE id %% 3 = 0 AND id > %d", from))
	})
}

func TestMariaDBNetwork(t *testing.T) {
	r := onMariaDB(t, env.OwnMariaDB(t), []string{"a"}, aTable, "INSERT INTO a VALUES (0, 1, 'x')")
	network(t, r, func(from, to int) {
		r.sql(fmt.Sprintf("INSERT INTO a SELECT seq, seq, repeat('x', 100) FROM seq_%d_to_%d", from, to), fmt.Sprintf("DELETE FROM a WHERE id %% 3 = 0 AND id > %d", from))
	})
}

func network(t *testing.T, r *rig, change func(from, to int)) {
	n := env.Proxy(t, r.url)
	r.write(map[string]string{".env": "DB_URL=" + n.URL + "\n"})
	r.run()
	for i, after := range []int64{2_000, 20_000, 300_000, 1_500_000} {
		change(20_000*i+1, 20_000*(i+1))
		n.BreakAfter(t, env.FromServer, after)
		_, _, code := program.Run(t, "-C", r.dir, "run")
		t.Logf("broken after %d bytes: exit %d", after, code)
		n.Heal(t)
		r.run()
		r.equal("raw.a")
	}
	change(100_001, 110_000)
	n.Slow(t, env.FromServer, 400)
	r.run()
	n.Heal(t)
	r.equal("raw.a")
}

// TestPostgresHuge reads one transaction that is far larger than what memory may hold (promise 5).
func TestPostgresHuge(t *testing.T) {
	r := onPostgres(t, env.OwnPostgres(t), []string{"a"}, aTable, "INSERT INTO a VALUES (0, 1, 'x')")
	huge(t, r, func(n int) {
		r.sql(fmt.Sprintf("INSERT INTO a SELECT i, i, md5(i::text) || md5((i + 1)::text) FROM generate_series(1, %d) i", n))
	})
}

func TestMariaDBHuge(t *testing.T) {
	r := onMariaDB(t, env.OwnMariaDB(t), []string{"a"}, aTable, "INSERT INTO a VALUES (0, 1, 'x')")
	huge(t, r, func(n int) {
		r.sql(fmt.Sprintf("INSERT INTO a SELECT seq, seq, concat(md5(seq), md5(seq + 1)) FROM seq_1_to_%d", n))
	})
}

func huge(t *testing.T, r *rig, change func(rows int)) {
	rows := 500_000
	if os.Getenv("WEIR_SOAK") != "" {
		rows = 2_000_000
	}
	r.run()
	change(rows)
	c := program.Command(t.Context(), "-C", r.dir, "run", "--memory", "300MB")
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	began := time.Now()
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	used := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss / 1024 // KiB here
	t.Logf("%d rows of one transaction in %s, at most %d MiB", rows, time.Since(began).Round(time.Millisecond), used)
	if used > 400 {
		t.Errorf("reading a transaction of %d rows took %d MiB, more than 400", rows, used)
	}
	r.holds("select count(*) from raw.a", fmt.Sprint(rows+1))
}
