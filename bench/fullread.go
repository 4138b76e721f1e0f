package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/internal/job"
	"weir/internal/source"
	pgsource "weir/internal/source/postgres"
)

// varBench holds the URL of the database for children: as an argument others on the machine would see its password.
const varBench = "WEIR_BENCH_URL"

// pgRows is what the cases of whole tables read at SCALE=1: 970 MB in the server.
const pgRows = 6_000_000

// server is the database that a case reads, and what its server's processes have used.
type server struct {
	url, table string
	postmaster int // 0: on another machine, or not to be seen
}

func (s *settings) server(ctx context.Context, rows int64) (server, error) {
	url, table, err := s.postgresData(ctx, rows)
	if err != nil {
		return server{}, err
	}
	if err := os.Setenv(varBench, url); err != nil {
		return server{}, err
	}
	sv, err := found(ctx, url)
	if err != nil {
		return sv, err
	}
	sv.table = table
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return sv, fmt.Errorf("connect to the bench's database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Both sides find the table where it was before: in memory.
	_, err = conn.Exec(ctx, "SELECT count(*) FROM "+table)
	return sv, err
}

// found looks for the server's process.
func found(ctx context.Context, url string) (server, error) {
	sv := server{url: url}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return sv, fmt.Errorf("connect to the bench's database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var line string
	if conn.QueryRow(ctx, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)").Scan(&line) == nil {
		sv.postmaster, _ = strconv.Atoi(line) // only a figure beside others hangs on it
	}
	return sv, nil
}

// used is the CPU time of the server's sessions that have ended, so also of those that measure nothing of ours.
func (sv server) used() time.Duration {
	const cutime = 13 // counted from the state on
	return processTime(sv.postmaster, cutime)
}

func (sv server) with(of side) side { return beside(of, sv.used) }

// processTime is the CPU time of a process, user and system: two fields of what the kernel tells of it, the first at a place.
func processTime(pid, place int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const perSecond = 100 // the kernel tells hundredths
	user, _ := strconv.Atoi(fields[place])
	system, _ := strconv.Atoi(fields[place+1])
	return time.Duration(user+system) * time.Second / perSecond
}

// beside notes what the server used beside a side.
func beside(of side, used func() time.Duration) side {
	return side{of.name, func(ctx context.Context, rep int) (sample, error) {
		before := used()
		m, err := of.measure(ctx, rep)
		if before > 0 {
			time.Sleep(200 * time.Millisecond) // its sessions end a little after ours
			note("  %-6s %s  %6.2f cpu-s of the server", of.name, strings.Repeat(" ", 9), (used() - before).Seconds())
		}
		return m, err
	}}
}

// psql copies queries out to nothing, each over a connection of its own.
func (sv server) psql(queries ...string) side {
	script, wait := "", "true"
	for i, q := range queries {
		script += fmt.Sprintf("psql -qX -v ON_ERROR_STOP=1 \"$%s\" -c \"COPY (%s) TO STDOUT (FORMAT binary)\" >/dev/null & p%d=$!\n", varBench, q, i)
		wait += fmt.Sprintf(" && wait $p%d", i)
	}
	return sv.with(side{"psql", func(ctx context.Context, _ int) (sample, error) {
		return measure(ctx, "sh", "-c", script+wait)
	}})
}

// loadTable is the side of weir that reads the table into a fresh project.
func (s *settings) loadTable(sv server, table string, rows int64) side {
	return sv.with(s.loadFrom("postgres", "public."+table, rows))
}

// loadFrom is the side of weir that reads a table of the database of varBench into a fresh project.
func (s *settings) loadFrom(kind, dataset string, rows int64) side {
	return side{"weir", func(ctx context.Context, _ int) (sample, error) {
		p, err := s.newProject(kind, s.work, map[string]string{"tables/raw/t.yaml": "from: shop." + dataset + "\n"})
		if err != nil {
			return sample{}, err
		}
		defer p.remove()
		if err := p.write("weir.yaml", "name: bench\nlake: lake\nconnections:\n  shop: { type: "+kind+", url: \"${"+varBench+"}\" }\n"); err != nil {
			return sample{}, err
		}
		m, err := p.run(ctx)
		if err != nil {
			return sample{}, err
		}
		return m, p.holds(ctx, "raw.t", rows)
	}}
}

func pgFullIceberg(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(pgRows)
	sv, err := s.server(ctx, rows)
	if err != nil {
		return result{}, err
	}
	w, r, err := interleave(ctx, s.reps, s.loadTable(sv, sv.table, rows), sv.psql("SELECT * FROM "+sv.table))
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "psql, COPY BINARY over one connection to nothing"), nil
}

// pgFullDecode reads without writing: what the source alone takes, with two connections against two of psql.
func pgFullDecode(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(pgRows)
	sv, err := s.server(ctx, rows)
	if err != nil {
		return result{}, err
	}
	conn, err := pgx.Connect(ctx, sv.url)
	if err != nil {
		return result{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var middle int64
	if err := conn.QueryRow(ctx, "SELECT pg_relation_size($1::text::regclass) / current_setting('block_size')::int8 / 2", sv.table).Scan(&middle); err != nil {
		return result{}, fmt.Errorf("look at table %s: %w", sv.table, err)
	}
	halves := make([]string, 2)
	for i, sign := range []string{"<", ">="} {
		halves[i] = fmt.Sprintf("SELECT * FROM %s WHERE ctid %s '(%d,0)'", sv.table, sign, middle)
	}
	decode := sv.with(side{"weir", func(ctx context.Context, _ int) (sample, error) {
		return measure(ctx, s.self, "decode", sv.table, strconv.FormatInt(rows, 10))
	}})
	w, r, err := interleave(ctx, s.reps, decode, sv.psql(halves...))
	if err != nil {
		return result{}, err
	}
	return throughput(rows, w, r, "psql, COPY BINARY of two halves over two connections to nothing"), nil
}

// runDecode is the child that reads a table and drops its batches: bench decode TABLE ROWS.
func runDecode(ctx context.Context, args []string) (err error) {
	if len(args) != 2 {
		return errors.New("usage: bench decode TABLE ROWS")
	}
	config := &pgsource.Config{}
	config.URL, config.Connections = os.Getenv(varBench), 3 // one of them holds the snapshot
	opened, err := config.Open(ctx, source.Env{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	reader := &pgsource.Reader{}
	reader.SetDataset("public."+args[0], "", "")
	src, err := opened.Dataset(reader)
	if err != nil {
		return err
	}
	scan, err := src.Begin(ctx, job.Read{Table: args[0]})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scan.Close()) }()
	rows, err := scan.(source.Batched).Rows(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var got int64
	for {
		batch, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		got += batch.NumRows()
		batch.Release()
	}
	if text := strconv.FormatInt(got, 10); text != args[1] {
		return fmt.Errorf("%s rows of %s", text, args[1])
	}
	return nil
}

// tight are settings with the memory that these cases are about.
func (s *settings) tight() *settings {
	t := *s
	t.memory = "300MB"
	return &t
}

// pgMemoryGrowth is what ten times the rows add to the peak. What the program needs whatever it reads is there at once; buffers
// find their sizes within the first million rows. So the table of the other cases is the once.
func pgMemoryGrowth(ctx context.Context, all *settings) (result, error) {
	s := all.tight()
	rows := s.rows(pgRows)
	sv, err := s.server(ctx, rows)
	if err != nil {
		return result{}, err
	}
	conn, err := pgx.Connect(ctx, sv.url)
	if err != nil {
		return result{}, fmt.Errorf("connect to the bench's database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tenfold := sv.table + "_tenfold" // 10 GB at SCALE=1, so it does not stay
	drop := "DROP TABLE IF EXISTS " + tenfold
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), drop) }()
	note("copying %s ten times", sv.table)
	for _, statement := range []string{drop, "CREATE UNLOGGED TABLE " + tenfold + " AS SELECT l.* FROM generate_series(1, 10), " + sv.table + " l"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return result{}, fmt.Errorf("copy table %s: %w", sv.table, err)
		}
	}
	one, more, err := interleave(ctx, s.reps, named("1x", s.loadTable(sv, sv.table, rows)), named("10x", s.loadTable(sv, tenfold, 10*rows)))
	if err != nil {
		return result{}, err
	}
	return result{ratio: float64(more.rss) / float64(one.rss), rows: 10 * rows, weir: more, baseline: describe("weir with a tenth of the rows", one)}, nil
}

// pgMemoryValues is the peak with values of 8 MB against 300 MB.
func pgMemoryValues(ctx context.Context, all *settings) (result, error) {
	s := all.tight()
	const bytes, most = 8 << 20, 300 << 20
	rows := max(int64(float64(100)*s.scale), 4)
	sv, err := s.server(ctx, s.rows(pgRows)/10)
	if err != nil {
		return result{}, err
	}
	table := fmt.Sprintf("values_%d", rows)
	conn, err := pgx.Connect(ctx, sv.url)
	if err != nil {
		return result{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	make := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %[1]s AS SELECT i AS id, repeat(md5(i::text), %[2]d / 32) AS v FROM generate_series(1, %[3]d) i", table, bytes, rows)
	if _, err := conn.Exec(ctx, make); err != nil {
		return result{}, fmt.Errorf("make table %s: %w", table, err)
	}
	var samples []sample
	for rep := range s.reps {
		m, err := s.loadTable(sv, table, rows).measure(ctx, rep)
		if err != nil {
			return result{}, err
		}
		samples = append(samples, m)
	}
	m := median(samples)
	return result{ratio: float64(m.rss) / most, rows: rows, weir: m, baseline: "300 MB, with values of 8 MB"}, nil
}
