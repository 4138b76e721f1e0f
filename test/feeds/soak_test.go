// Package feeds holds tables that follow a database against it: while several writers change it, while Weir is killed and the
// server restarts, nothing is lost and nothing comes twice (promises 1, 2 and 4).
package feeds

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// database is a server with the tables that the writers change.
type database interface {
	// connect opens a session; exec runs statements in one transaction and may fail while the server restarts.
	connect(ctx context.Context) (session, error)
	restart(t testing.TB)
	url() string
	kind() string
	schema() string // of the tables, in the project
}

type session interface {
	transaction(ctx context.Context, statements []string, commit bool) error
	close()
}

// span is how long the writers write: a minute, and ten for soaking.
func span() time.Duration {
	if os.Getenv("WEIR_SOAK") != "" {
		return 10 * time.Minute
	}
	if s, err := time.ParseDuration(os.Getenv("WEIR_FEEDS")); err == nil {
		return s
	}
	return time.Minute
}

var followed = []string{"raw.items", "raw.pairs", "raw.docs"}

func project(d database) map[string]string {
	dataset := func(name string) string { return "from: db." + d.schema() + "." + name + "\nmax_rejects: 10\n" }
	return map[string]string{
		"weir.yaml":               "name: feeds\nlake: lake\nconnections:\n  db: { type: " + d.kind() + ", url: \"${DB_URL}\" }\n",
		".env":                    "DB_URL=" + d.url() + "\n",
		"tables/raw/items.yaml":   dataset("items") + "mode: changes\nkey: id\n",
		"tables/raw/pairs.yaml":   dataset("pairs") + "mode: changes\nkey: [a, b]\n",
		"tables/raw/docs.yaml":    dataset("docs") + "mode: changes\nkey: id\n",
		"tables/raw/log.yaml":     dataset("items") + "mode: append\nread: feed\n",
		"tables/marts/groups.sql": "/* weir\nincremental: { input: raw.items, by: [grp] }\n*/\nselect grp, count(*) as n, sum(amount)::decimal(38,2) as amount from raw.items group by grp\n",
	}
}

// soak lets writers write while Weir follows and both are disturbed, then waits for quiet and compares.
func soak(t *testing.T, d database) {
	dir := t.TempDir()
	program.Write(t, dir, project(d))
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	program.Must(t, "-C", dir, "run", "raw.items", "raw.docs") // the others come while it goes on

	ctx, stop := context.WithTimeout(t.Context(), span())
	defer stop()
	var writers sync.WaitGroup
	var written atomic.Int64
	for i := range 4 {
		writers.Go(func() { write(ctx, d, rand.New(rand.NewPCG(seed, uint64(i+10))), i, &written) })
	}
	kills, restarts := disturb(ctx, t, dir, d, rng)
	writers.Wait()
	t.Logf("%d transactions, %d kills, %d restarts", written.Load(), kills, restarts)
	settle(t, dir)
	compare(t, dir)
}

// disturb kills Weir at random moments and now and then restarts the server.
func disturb(ctx context.Context, t *testing.T, dir string, d database, rng *rand.Rand) (kills, restarts int) {
	for ctx.Err() == nil {
		c := program.Command(context.WithoutCancel(ctx), "-C", dir, "run", "--follow", "--every", "200ms", "--memory", "500MB")
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		wait := time.Duration(500+rng.IntN(4000)) * time.Millisecond
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		if rng.IntN(4) == 0 && ctx.Err() == nil {
			d.restart(t)
			restarts++
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
		}
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()
		if code := c.ProcessState.ExitCode(); code >= 0 {
			t.Errorf("weir run --follow ended by itself with %d:\n%s", code, out.String())
			return kills, restarts
		}
		kills++
	}
	return kills, restarts
}

// settle runs until everything written is read. What holds a slot or a lock after a kill lets go of it in a while.
func settle(t *testing.T, dir string) {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		out, errOut, code := program.Run(t, "-C", dir, "run")
		if code == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("weir run: exit %d\n%s%s", code, out, errOut)
		}
		time.Sleep(time.Second)
	}
}

func compare(t *testing.T, dir string) {
	for _, name := range followed {
		out, errOut, code := program.Run(t, "-C", dir, "verify", name)
		t.Log(strings.TrimSpace(out))
		if code != 0 || !strings.Contains(out, "are equal") {
			t.Errorf("verify %s: exit %d\n%s%s", name, code, out, errOut)
		}
	}
	if twice := program.Query(t, dir, "select _position, count(*) from raw.log where _op <> 'read' group by 1 having count(*) > 1 limit 5"); twice != "" {
		t.Errorf("changes stand in the log twice:\n%s", twice)
	}
	// The log replayed is the table.
	const last = "select id, arg_max(_op, _position) as op, arg_max(grp, _position) as grp, arg_max(amount, _position) as amount from (select * from raw.log where _op <> 'truncate') group by id"
	replayed := program.Query(t, dir, "select count(*), sum(id), sum(grp), sum(amount) from ("+last+") where op not in ('delete', 'before')")
	if kept := program.Query(t, dir, "select count(*), sum(id), sum(grp), sum(amount) from raw.items"); kept != replayed {
		t.Errorf("the log replayed has (rows, ids, groups, amounts) %s, the table %s", replayed, kept)
	}
	if differing := program.Query(t, dir, "select count(*) from (from marts.groups except all select grp, count(*), sum(amount)::decimal(38,2) from raw.items group by grp)"); strings.TrimSpace(differing) != "0" {
		t.Errorf("%s groups differ from those of the table they are made of", strings.TrimSpace(differing))
	}
}

// write makes random transactions, each writer over keys of its own and over some that all share.
func write(ctx context.Context, d database, rng *rand.Rand, writer int, written *atomic.Int64) {
	var s session
	for ctx.Err() == nil {
		if s == nil {
			var err error
			if s, err = d.connect(ctx); err != nil {
				time.Sleep(100 * time.Millisecond)
				continue
			}
		}
		var statements []string
		for range 1 + rng.IntN(6) {
			statements = append(statements, statement(rng, writer))
		}
		if rng.IntN(200) == 0 {
			for i := range 3000 {
				statements = append(statements, fmt.Sprintf("INSERT INTO items (id, grp, amount, note) VALUES (%d, %d, %d.25, 'bulk')", 1_000_000+rng.IntN(100_000_000), i%50, i))
			}
		}
		// A key that is taken, a deadlock and a restart undo the transaction; the next one is another.
		if err := s.transaction(ctx, statements, rng.IntN(10) > 0); err != nil {
			s.close()
			s = nil
			continue
		}
		written.Add(1)
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
	}
	if s != nil {
		s.close()
	}
}

func statement(rng *rand.Rand, writer int) string {
	id := func() int {
		if rng.IntN(5) == 0 {
			return rng.IntN(300) // shared
		}
		return 1000*(writer+1) + rng.IntN(900)
	}
	amount := fmt.Sprintf("%d.%02d", rng.IntN(10_000)-5000, rng.IntN(100))
	note := strings.Repeat("é'' ", rng.IntN(4))
	big := fmt.Sprintf("repeat('%c%d', %d)", 'a'+rng.IntN(26), rng.IntN(1000), 2000+rng.IntN(3000))
	switch rng.IntN(12) {
	case 0, 1, 2:
		n := id()
		return fmt.Sprintf("DELETE FROM items WHERE id = %d", n)
	case 3, 4:
		return fmt.Sprintf("INSERT INTO items (id, grp, amount, note) VALUES (%d, %d, %s, '%s')", 10_000+rng.IntN(1_000_000_000), rng.IntN(50), amount, note)
	case 5, 6:
		return fmt.Sprintf("UPDATE items SET amount = amount + 1, grp = %d WHERE id BETWEEN %d AND %d", rng.IntN(50), id(), id())
	case 7:
		return fmt.Sprintf("UPDATE items SET id = id + 500000 WHERE id = %d AND id < 400000", id())
	case 8:
		return fmt.Sprintf("INSERT INTO pairs (a, b, v) VALUES (%d, 'k%d', %s)", writer, rng.IntN(1_000_000_000), amount)
	case 9:
		return fmt.Sprintf("DELETE FROM pairs WHERE a = %d AND v < %s", rng.IntN(4), amount)
	case 10:
		return fmt.Sprintf("INSERT INTO docs (id, title, body) VALUES (%d, '%s', %s)", rng.IntN(1_000_000_000), note, big)
	}
	// Bodies stay as they are. MariaDB writes them into its log all the same, twice, so that it takes a tenth of them.
	return fmt.Sprintf("UPDATE docs SET title = '%s' WHERE id %% 70 = %d", note, rng.IntN(70))
}
