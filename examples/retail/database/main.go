// Keeps the shop in PostgreSQL, as its own programs would: the records that the generator's files hold are written into
// tables that change. The server is that of SHOP_URL.
//
//	go run ./examples/retail/database make                    # the tables
//	go run ./examples/retail/database days DIR 1-4            # what DIR/inbox tells of these days
//	go run ./examples/retail/database days --pace 100ms DIR 5 # the same, a transaction every 100 ms
//	go run ./examples/retail/database sql STATEMENT           # one transaction
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/examples/retail/generate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: database make | days [--pace 0s] DIR FROM[-TO] | sql STATEMENT")

func run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errUsage
	}
	url := os.Getenv("SHOP_URL")
	if url == "" {
		return errors.New("SHOP_URL is not set: where is the shop's PostgreSQL?")
	}
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the shop: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	switch verb, rest := args[0], args[1:]; {
	case verb == "make" && len(rest) == 0:
		return makeTables(ctx, c)
	case verb == "days":
		return days(ctx, c, rest)
	case verb == "sql" && len(rest) == 1:
		return statement(ctx, c, rest[0])
	}
	return errUsage
}

// days writes what the files of some days tell.
func days(ctx context.Context, c *pgx.Conn, args []string) error {
	flags := flag.NewFlagSet("days", flag.ContinueOnError)
	pace := flags.Duration("pace", 0, "time between the transactions of orders")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errUsage
	}
	first, last, ranged := strings.Cut(flags.Arg(1), "-")
	if !ranged {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err := errors.Join(err, err2); err != nil || from < 1 || to > generate.Last {
		return fmt.Errorf("days %q: write them like 1-4 or 5", flags.Arg(1))
	}
	for day := from; day <= to; day++ {
		d, err := readDay(flags.Arg(0), generate.Date(day).Format(time.DateOnly))
		if err != nil {
			return fmt.Errorf("read day %d: %w", day, err)
		}
		if err := d.write(ctx, c, *pace); err != nil {
			return fmt.Errorf("write day %d: %w", day, err)
		}
	}
	return nil
}

// statement runs SQL in one transaction and prints what it gives: rows as plain CSV, or how many it changed.
func statement(ctx context.Context, c *pgx.Conn, sql string) error {
	results, err := c.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return fmt.Errorf("change the shop: %w", err)
	}
	for _, r := range results {
		for _, row := range r.Rows {
			fmt.Println(string(bytes.Join(row, []byte(","))))
		}
		if len(r.Rows) == 0 {
			fmt.Println(r.CommandTag)
		}
	}
	return nil
}
