package publish

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/test/env"
	"weir/test/program"
)

// following is a table that grows and changes, in four destinations that follow it in four ways.
var following = map[string]string{
	"tables/raw/orders.yaml": "from: inbox\npath: \"orders*.csv\"\nkey: id\norder_by: v\ncolumns: { id: bigint, v: bigint, text: varchar }\npublish:\n  - bi.public.upserted\n  - { to: bi.public.replaced, mode: replace }\n",
	"tables/raw/events.yaml": "from: inbox\npath: \"orders*.csv\"\ncolumns: { id: bigint, v: bigint, text: varchar }\npublish: { to: bi.public.appended, mode: append }\n",
	"tables/marts/by_v.sql":  "/* weir\nkey: v\ndeletes: remove\npublish: { to: bi.public.by_v }\n*/\nselect v, count(*) as n from raw.orders group by 1\n",
}

// batch is one more file: new keys, and old ones with new values.
func batch(p *place, n, rows int) {
	p.Helper()
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	var b strings.Builder
	b.WriteString("id,v,text\n")
	seen := map[int]bool{}
	for range rows {
		id := rng.IntN(n*rows + rows)
		if !seen[id] {
			fmt.Fprintf(&b, "%d,%d,%s\n", id, n, strings.Repeat("x", 1+rng.IntN(60)))
		}
		seen[id] = true
	}
	p.write(map[string]string{fmt.Sprintf("inbox/orders%03d.csv", n): b.String()})
}

// followed compares all destinations with their tables.
func followed(p *place) {
	p.Helper()
	p.same("raw.orders", "upserted", "id, v, text")
	p.same("raw.orders", "replaced", "id, v, text")
	p.same("raw.events", "appended", "id, v, text")
	p.same("marts.by_v", "by_v", "v, n")
}

// TestKilled kills the program at random moments, PUBLISH_KILLS times (12): what is there afterwards is what the tables are, and
// nothing twice.
func TestKilled(t *testing.T) {
	kills := 12
	if s := os.Getenv("PUBLISH_KILLS"); s != "" {
		kills, _ = strconv.Atoi(s)
	}
	p := newPlace(t, env.Postgres(t), following)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	batch(p, 0, 4000)
	began := time.Now()
	p.weir(0, "run")
	span := 2 * time.Since(began)
	killed := 0
	for n := 1; killed < kills; n++ {
		batch(p, n, 4000)
		for i := 0; i < 6 && killed < kills; i++ {
			if kill(p, time.Duration(rng.Int64N(int64(span)))) {
				killed++
			}
		}
		if n%3 == 0 {
			p.weir(0, "run")
			followed(p)
		}
	}
	p.weir(0, "run")
	followed(p)
}

// kill starts a run and kills it after a while; false where it ended first.
func kill(p *place, after time.Duration) bool {
	p.Helper()
	var out bytes.Buffer
	c := program.Command(context.Background(), "-C", p.dir, "--env", "prod", "run")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		p.Fatal(err)
	}
	time.Sleep(after)
	_ = c.Process.Signal(syscall.SIGKILL)
	_ = c.Wait()
	if ws, ok := c.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return true
	}
	if code := c.ProcessState.ExitCode(); code != 0 {
		p.Fatalf("a run after killed ones: exit %d\n%s", code, out.String())
	}
	return false
}

// TestNetworkBreaks breaks the connection after every so many bytes, in both directions: at the commit, too, of which then nobody
// knows what became of it. A run tries again by itself.
func TestNetworkBreaks(t *testing.T) {
	server := env.Postgres(t)
	network := env.Proxy(t, server)
	p := newPlace(t, server, following)
	p.connection("{ type: postgres, url: " + fmt.Sprintf("%q", network.URL) + " }")
	batch(p, 0, 500)
	p.weir(0, "run")
	n := 0
	for _, way := range []env.Direction{env.ToServer, env.FromServer} {
		for _, after := range []int64{1_000, 4_000, 9_000, 20_000, 45_000} {
			n++
			batch(p, n, 300)
			network.BreakAfter(t, way, after)
			p.weir(0, "run", "--jobs", "1")
			network.Heal(t)
			followed(p)
		}
	}
}

// TestServerRestarts ends the server while rows are on their way.
func TestServerRestarts(t *testing.T) {
	server := env.OwnPostgres(t)
	network := env.Proxy(t, server.URL)
	p := newPlace(t, server.URL, following)
	p.connection("{ type: postgres, url: " + fmt.Sprintf("%q", network.URL) + " }")
	batch(p, 0, 200)
	p.weir(0, "run")
	batch(p, 1, 20_000)
	network.Slow(t, env.ToServer, 200)
	var out bytes.Buffer
	c := program.Command(t.Context(), "-C", p.dir, "--env", "prod", "run", "--jobs", "1")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	server.Restart(t)
	network.Heal(t)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	p.says(out.String(), "again in")
	q := newPlace(t, server.URL, nil)
	p.c = q.c
	followed(p)
}

// A failing destination is that destination's affair: its table is built, other tables and destinations are there.
func TestFailureStaysAlone(t *testing.T) {
	p := newPlace(t, env.Postgres(t), following)
	p.exec("CREATE TABLE replaced (id date)")
	batch(p, 0, 100)
	out := p.weir(5, "run")
	p.says(out, "raw.orders                built", "FAILED   to bi.public.replaced: bi.public.replaced does not take the table's columns: column id is date there", "3 built, 3 published, 1 destination failed (bi.public.replaced). Retry: weir run --failed 1")
	p.same("raw.orders", "upserted", "id, v, text")
	p.exec("DROP TABLE replaced")
	p.says(p.weir(0, "run", "--failed"), "1 skipped, 1 published, 1 destination up to date")
	followed(p)
	var report struct {
		Publishes []struct {
			Destination, Status string
			Rows                int64
		}
	}
	program.JSON(t, &report, "-C", p.dir, "--env", "prod", "run", "--json")
	if len(report.Publishes) != 4 || report.Publishes[0].Status != "skipped" {
		t.Errorf("reported %+v", report)
	}
}

// TestTwoRunsAtOnce has two runs publish the same at the same time.
func TestTwoRunsAtOnce(t *testing.T) {
	p := newPlace(t, env.Postgres(t), following)
	batch(p, 0, 3000)
	p.bare(0, "run")
	for n := 1; n < 4; n++ {
		done := make(chan string, 3)
		for range cap(done) {
			go func() {
				out, errOut, code := program.Run(t, "-C", p.dir, "--env", "prod", "publish")
				if code != 0 {
					out = fmt.Sprintf("exit %d\n%s%s", code, out, errOut)
				}
				done <- out
			}()
		}
		published := 0
		for range cap(done) {
			out := <-done
			if strings.HasPrefix(out, "exit") {
				t.Error(out)
			}
			published += strings.Count(out, "published to bi.public.appended")
		}
		if published != 1 {
			t.Errorf("the same rows were appended %d times", published)
		}
		followed(p)
		batch(p, n, 3000)
		p.bare(0, "run")
	}
}

// TestFollow publishes what a session that follows has built, and asks no destination while nothing is built.
func TestFollow(t *testing.T) {
	p := newPlace(t, env.Postgres(t), following)
	batch(p, 0, 100)
	var out bytes.Buffer
	c := program.Command(t.Context(), "-C", p.dir, "--env", "prod", "run", "--follow", "--every", "200ms")
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	reached := func(rows string) {
		t.Helper()
		for range 300 {
			if there := p.there("SELECT coalesce((SELECT count(DISTINCT v) FROM appended), 0)"); len(there) == 1 && there[0] == rows {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("the rows did not come\n%s", out.String())
	}
	p.exec("CREATE TABLE IF NOT EXISTS appended (id bigint, v bigint, text text)")
	reached("1")
	batch(p, 1, 100)
	reached("2")
	time.Sleep(time.Second)
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	p.weir(0, "run")
	followed(p)
	if n := strings.Count(out.String(), "published to bi.public.appended"); n != 2 {
		t.Errorf("published %d times\n%s", n, out.String())
	}
}

func TestConnectionFails(t *testing.T) {
	server := env.Postgres(t)
	p := newPlace(t, server, map[string]string{"tables/raw/orders.yaml": orders + "publish: bi.public.orders\nretries: 0\n", "inbox/orders1.csv": "id,store,total\n1,a,1\n"})
	p.bare(0, "run")
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	good := *u
	u.User = url.UserPassword(u.User.Username(), "not-the-password")
	p.connection(fmt.Sprintf("{ type: postgres, url: %q }", u.String()))
	out := p.weir(2, "publish")
	p.says(out, "the server refused user", "password authentication failed")
	if strings.Contains(out, "not-the-password") {
		t.Errorf("a password is printed:\n%s", out)
	}
	p.connection(fmt.Sprintf("{ type: postgres, url: %q, tls: verify-full }", good.String()))
	p.says(p.weir(2, "publish"), "certificate")
	p.connection(fmt.Sprintf("{ type: postgres, url: %q, tls: verify-full, tls_ca: %q }", good.String(), env.PostgresCA(t)))
	p.weir(0, "publish")
	good.Host = "127.0.0.1:1"
	p.connection(fmt.Sprintf("{ type: postgres, url: %q }", good.String()))
	p.says(p.weir(4, "publish"), "connection refused")
}
