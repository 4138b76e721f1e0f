package env

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// bulk asks a server for n kilobytes through a connection of its own.
func bulk(t *testing.T, url string, kilobytes int) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(ctx, "SELECT repeat('x', 1024) FROM generate_series(1, $1::int)", kilobytes)
	if err != nil {
		return err
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(got) != kilobytes {
		t.Errorf("%d of %d kilobytes came, and no error", len(got), kilobytes)
	}
	return err
}

func TestNetworkFaults(t *testing.T) {
	n := Proxy(t, Postgres(t))
	must := func() {
		t.Helper()
		if err := bulk(t, n.URL, 100); err != nil {
			t.Fatalf("the network is whole, but: %v", err)
		}
	}
	fails := func(kilobytes int) {
		t.Helper()
		if err := bulk(t, n.URL, kilobytes); err == nil {
			t.Error("no fault was met")
		}
	}
	must()

	n.Down()
	fails(1)
	n.Up(t)
	must()

	conn, err := pgx.Connect(t.Context(), n.URL)
	if err != nil {
		t.Fatal(err)
	}
	n.Cut(t)
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the connection was not cut")
	}
	must()

	n.BreakAfter(t, FromServer, 200_000)
	must()     // 100 kB
	fails(200) // past 200 kB
	must()     // once only
	n.BreakAfter(t, FromServer, 50_000)
	fails(100)
	must()
	n.Heal(t)

	n.Limit(t, FromServer, 150_000)
	must()
	fails(200)
	fails(200)
	n.Heal(t)
	must()

	start := time.Now()
	n.Delay(t, FromServer, 50*time.Millisecond)
	must()
	n.Heal(t)
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("a connection and a query took %v with a delay of 50 ms each", took)
	}

	start = time.Now()
	n.Slow(t, FromServer, 200)
	must()
	n.Heal(t)
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("100 kB at 200 kB/s took %v", took)
	}
}

func TestNetworkFallsSilentInTheMiddle(t *testing.T) {
	n := Proxy(t, Postgres(t))
	conn, err := pgx.Connect(t.Context(), n.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	n.Silence(t, FromServer)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(ctx, "SELECT 1"); err == nil || ctx.Err() == nil {
		t.Errorf("the silence ended before the context: %v", err)
	}
	n.Heal(t)
	if err := bulk(t, n.URL, 10); err != nil {
		t.Error(err)
	}
}

func TestNetworkBreaksOnTheWayToTheServer(t *testing.T) {
	n := Proxy(t, MariaDB(t))
	send := func() error {
		db, err := openMariaDB(n.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_, err = db.ExecContext(t.Context(), "INSERT INTO t "+values(10_000))
		return err
	}
	if err := onMariaDB(t.Context(), n.URL, "CREATE TABLE t (a INT)"); err != nil {
		t.Fatal(err)
	}
	n.BreakAfter(t, ToServer, 20_000)
	if err := send(); err == nil {
		t.Error("no fault was met")
	}
	if err := send(); err != nil {
		t.Errorf("the second time: %v", err)
	}
}
