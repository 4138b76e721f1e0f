// Package duckdb runs jobs in an embedded DuckDB: one instance a process under one memory budget (promise 5), and one
// session for each piece of work. A session has a connection and an in-memory database of its own, so that the views
// named raw.orders of two builds never meet.
package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	driver "github.com/duckdb/duckdb-go/v2"

	"weir/internal/fault"
	"weir/internal/job"
)

// Options of an engine. Zero values take the defaults.
type Options struct {
	Memory   int64    // bytes of DuckDB's buffers, shared by all sessions; 0: DuckDB's own default of 80 % of the machine
	Process  int64    // bytes the whole process should stay within, which freed memory is given back for; 0: it is kept
	Threads  int      // 0: one a core, fewer where Memory is little
	TempDir  string   // folder for what does not fit in memory, made if missing; "": DuckDB's default, none for memory databases
	MaxTemp  int64    // bytes the folder may take; 0: what the disk has
	Timezone string   // of every session; "": UTC
	Dirs     []string // folders SQL may touch, with all below; none: any. TempDir is always among them
}

// Engine is one DuckDB instance.
type Engine struct {
	opts      Options
	connector *driver.Connector
	db        *sql.DB
	sessions  atomic.Int64 // numbers given out

	closing, watched chan struct{} // the end of watch, asked for and come to; nil without one
}

// maxOpenFiles is how many partitions a COPY keeps open before it closes some and opens new files for them later.
// DuckDB's default of 100 cuts a table partitioned by day into several files a day.
const maxOpenFiles = 500

// Open starts an engine. A setting that DuckDB does not take, such as an unknown time zone, is a Usage error.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Timezone == "" {
		o.Timezone = "UTC"
	}
	if o.TempDir != "" {
		if err := os.MkdirAll(o.TempDir, 0o755); err != nil {
			return nil, fault.New(fault.Unavailable, "open engine: make temporary folder: %w", err)
		}
	}
	o.Threads = o.threads()
	connector, err := driver.NewConnector("", nil)
	if err != nil {
		return nil, fault.New(fault.Internal, "open engine: %w", err)
	}
	e := &Engine{opts: o, connector: connector, db: sql.OpenDB(connector)}
	if err := e.configure(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open engine: %w", err), e.Close())
	}
	if o.Process > 0 && o.Memory > 0 && residentMemory() > 0 {
		e.closing, e.watched = make(chan struct{}), make(chan struct{})
		go e.watch()
	}
	return e, nil
}

func (e *Engine) configure(ctx context.Context) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return classify(ctx, err, 0)
	}
	defer conn.Close()
	if err := registerBuckets(conn); err != nil {
		return fault.New(fault.Internal, "register bucket functions: %w", err)
	}
	for _, s := range e.settings() {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return fault.New(fault.Usage, "%s: %w", s, classify(ctx, err, 0))
		}
	}
	return nil
}

// settings are statements for the whole instance. The configuration is not locked afterwards: each session sets what
// DuckDB keeps per connection. User SQL cannot change a setting, because it is one SELECT (see package model).
func (e *Engine) settings() []string {
	o := e.opts
	set := []string{
		"SET GLOBAL autoinstall_known_extensions = false",
		"SET GLOBAL autoload_known_extensions = false",
		"SET GLOBAL allow_community_extensions = false",
		"SET GLOBAL preserve_insertion_order = false", // a COPY then streams instead of gathering rows (promise 5)
		// DuckDB would keep what it reads of files until the budget is full. The system's page cache does that better, and a
		// build reads a file once or twice.
		"SET GLOBAL enable_external_file_cache = false",
		fmt.Sprintf("SET GLOBAL partitioned_write_max_open_files = %d", maxOpenFiles),
		"SET GLOBAL TimeZone = " + job.Literal(o.Timezone),
	}
	if o.Memory > 0 {
		set = append(set, e.limit())
	}
	set = append(set, fmt.Sprintf("SET GLOBAL threads = %d", o.Threads))
	if o.TempDir != "" {
		set = append(set, "SET GLOBAL temp_directory = "+job.Literal(o.TempDir))
	}
	if o.MaxTemp > 0 {
		set = append(set, fmt.Sprintf("SET GLOBAL max_temp_directory_size = '%dB'", o.MaxTemp))
	}
	return append(set, e.fence()...)
}

// fence keeps SQL inside the named folders. DuckDB does not let it be taken down again.
func (e *Engine) fence() []string {
	if len(e.opts.Dirs) == 0 {
		return nil
	}
	var dirs []string
	for _, d := range append([]string{e.opts.TempDir}, e.opts.Dirs...) {
		if d == "" {
			continue
		}
		if abs, err := filepath.Abs(d); err == nil {
			d = abs
		}
		dirs = append(dirs, job.Literal(d+"/"))
	}
	return []string{"SET GLOBAL allowed_directories = [" + strings.Join(dirs, ", ") + "]", "SET GLOBAL enable_external_access = false"}
}

// Close ends the engine. Sessions must be closed before.
func (e *Engine) Close() error {
	if e.closing != nil {
		close(e.closing)
		<-e.watched
		e.closing = nil
	}
	if err := e.db.Close(); err != nil {
		return fault.New(fault.Internal, "close engine: %w", err)
	}
	return nil
}

// Usage gives the bytes of memory and of temporary files the engine holds now, over all sessions; zeros where that
// cannot be asked any more.
func (e *Engine) Usage() (memory, spilled int64) {
	row := e.db.QueryRow("SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT, coalesce(sum(temporary_storage_bytes), 0)::BIGINT FROM duckdb_memory()")
	if err := row.Scan(&memory, &spilled); err != nil {
		return 0, 0
	}
	return memory, spilled
}
