package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/jackc/pgx/v5"

	pgserver "weir/internal/postgres"
	"weir/internal/record"
	pgsource "weir/internal/source/postgres"
	"weir/internal/source/postgres/replication"
)

// changed is a database with changes that a slot keeps.
type changed struct {
	server
	conn *pgx.Conn
	rows int64
	goal replication.LSN
}

// Names in the bench's database. The slot goes at the end of a case: it keeps the server's log.
const (
	changesTable = "changes"
	changesSlot  = "weir_bench_changes"
)

// changes makes 1.4 M changes at SCALE=1: inserts, updates and deletes, a thousand a transaction.
func (s *settings) changes(ctx context.Context) (c changed, err error) {
	url, err := makeDatabase(ctx)
	if err != nil {
		return c, err
	}
	if err := os.Setenv(varBench, url); err != nil {
		return c, err
	}
	if c.server, err = found(ctx, url); err != nil {
		return c, err
	}
	if c.conn, err = pgx.Connect(ctx, url); err != nil {
		return c, fmt.Errorf("connect to the bench's database: %w", err)
	}
	note("making changes in PostgreSQL")
	thousands := max(s.rows(1_000_000)/1000, 10)
	c.rows = thousands * 1400
	c.drop(ctx, changesSlot) // of a bench that was killed
	for _, statement := range []string{
		"DROP TABLE IF EXISTS " + changesTable,
		"CREATE TABLE " + changesTable + " (id int PRIMARY KEY, a int, b bigint, txt text, n numeric(12,2))",
		"DROP PUBLICATION IF EXISTS " + changesSlot,
		"CREATE PUBLICATION " + changesSlot + " FOR TABLE " + changesTable,
		fmt.Sprintf("SELECT pg_create_logical_replication_slot('%s', 'pgoutput')", changesSlot),
		many(thousands, "INSERT INTO changes SELECT i * 1000 + g, g, i * g, 'row number ' || g || ' of ' || i, (g * 1.25)::numeric(12,2) FROM generate_series(1, 1000) g"),
		many(thousands*3/10, "UPDATE changes SET a = a + 1, n = n + 1 WHERE id BETWEEN i * 3000 + 1 AND i * 3000 + 1000"),
		many(thousands/10, "DELETE FROM changes WHERE id BETWEEN i * 10000 + 1 AND i * 10000 + 1000"),
	} {
		if _, err := c.conn.Exec(ctx, statement); err != nil {
			return c, errors.Join(fmt.Errorf("make changes: %w", err), c.close(ctx))
		}
	}
	c.goal, err = replication.Now(ctx, c.conn)
	return c, err
}

// many does a statement that names i so many times, each in a transaction of its own.
func many(times int64, statement string) string {
	return fmt.Sprintf("DO $$ BEGIN FOR i IN 0..%d LOOP %s; COMMIT; END LOOP; END $$", times-1, statement)
}

func (c changed) drop(ctx context.Context, slot string) {
	if err := replication.DropSlot(ctx, c.conn, slot); err != nil {
		note("%v", err)
	}
}

func (c changed) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	c.drop(ctx, changesSlot)
	return c.conn.Close(ctx)
}

// reading is a side that reads a copy of the slot: one that has been read has nothing left.
func (c changed) reading(name string, read func(ctx context.Context, slot string) (sample, error)) side {
	slot := changesSlot + "_" + name
	return side{name, func(ctx context.Context, rep int) (sample, error) {
		c.drop(ctx, slot) // of a bench that was killed
		if _, err := c.conn.Exec(ctx, "SELECT pg_copy_logical_replication_slot($1, $2)", changesSlot, slot); err != nil {
			return sample{}, fmt.Errorf("copy slot: %w", err)
		}
		defer c.drop(context.WithoutCancel(ctx), slot)
		return c.with(side{name, func(ctx context.Context, _ int) (sample, error) { return read(ctx, slot) }}).measure(ctx, rep)
	}}
}

// pgChanges compares reading changes into batches, by the stream or as a backlog, with writing the same messages to nothing.
func (s *settings) pgChanges(ctx context.Context, how string) (r result, err error) {
	c, err := s.changes(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.close(ctx)) }()
	ours := c.reading("weir", func(ctx context.Context, slot string) (sample, error) {
		return measure(ctx, s.self, "changes", how, slot, c.goal.String(), strconv.FormatInt(c.rows, 10))
	})
	theirs := c.reading("recv", func(ctx context.Context, slot string) (sample, error) {
		return measure(ctx, "sh", "-c", fmt.Sprintf("pg_recvlogical -d \"$%s\" -S %s --start -o proto_version=1 -o publication_names=%s --endpos=%s -f /dev/null",
			varBench, slot, changesSlot, c.goal))
	})
	w, b, err := interleave(ctx, s.reps, ours, theirs)
	if err != nil {
		return r, err
	}
	return throughput(c.rows, w, b, "pg_recvlogical to nothing"), nil
}

func pgChangesStream(ctx context.Context, s *settings) (result, error) {
	return s.pgChanges(ctx, "stream")
}

func pgChangesBacklog(ctx context.Context, s *settings) (result, error) {
	return s.pgChanges(ctx, "backlog")
}

// runChanges is the child that reads a slot into batches and drops them: bench changes stream|backlog SLOT GOAL CHANGES.
func runChanges(ctx context.Context, args []string) (err error) {
	if len(args) != 4 {
		return errors.New("usage: bench changes stream|backlog SLOT GOAL CHANGES")
	}
	server, err := (&pgserver.Settings{URL: os.Getenv(varBench)}).Prepare("", nil)
	if err != nil {
		return err
	}
	conn, err := server.Dial(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	slot, _, err := replication.FindSlot(ctx, conn, args[1])
	if err != nil {
		return err
	}
	o := replication.Options{Slot: args[1], Publication: changesSlot, Pool: record.NewPool(), Convert: pgsource.Conversions(conn),
		Tables: map[replication.Table]replication.Follow{{Schema: "public", Name: changesTable}: {After: slot.Confirmed}}}
	if o.Goal, err = replication.ParseLSN(args[2]); err != nil {
		return err
	}
	if args[0] == "backlog" {
		o.CatchUp = 1
	}
	feed, err := replication.Open(ctx, server, o)
	if err != nil {
		return err
	}
	var got int64
	for {
		e, err := feed.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, feed.Close(ctx))
		}
		if e.Batch != nil {
			got += e.Batch.NumRows()
			e.Batch.Release()
		}
	}
	if text := strconv.FormatInt(got, 10); text != args[3] {
		err = fmt.Errorf("%s changes, want %s", text, args[3])
	}
	return errors.Join(err, feed.Close(ctx))
}
