// Package lake keeps Iceberg tables: it scans them, gives builds a place to stage files, and makes what they staged part
// of a table in one commit of data and position (promises 1 to 4). Tables lie in a folder or in S3; which version is
// current is said by a SQLite catalog that other Iceberg tools can open.
package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"weir/internal/blob"
	"weir/internal/fault"
)

// ErrNoTable is wrapped by errors about a table that is not in the lake.
var ErrNoTable = errors.New("no such table in the lake")

// Config says where a lake lies.
type Config struct {
	Location string // absolute folder, or s3://bucket/prefix
	Catalog  string // path of the SQLite file; "" for catalog.db in the folder, or in State for S3
	State    string // local folder for scratch and copies of remote files
	S3       blob.S3
	ReadOnly bool // refuses stages, commits and drops
	// Fleeting is a lake that is gone with its process, as a test's: only its Parquet files are in the folder, the rest is in
	// memory, and nothing is made durable.
	Fleeting bool
}

// Lake is an open lake. It is safe for use by many goroutines.
type Lake struct {
	store   blob.Store
	root    string // location of the store, with a slash at its end
	catalog catalog
	state   string
	reads   bool   // nothing may be written
	branch  string // that is seen and written, "" for main

	mu      sync.Mutex
	stages  map[string]*Stage // open in this process, by table and run
	withIDs map[string]bool   // whether a data file of another tool has field ids, by location
}

// Open opens a lake. It makes nothing: folder and catalog appear with the first commit. A damaged catalog is an error of class data
// that names it; a folder that can only be read opens for reading.
func Open(ctx context.Context, c Config) (*Lake, error) {
	store, err := openStore(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	// Iceberg's tools take locations for URLs, some of them escaped and some not; these signs mean something else to each.
	if strings.ContainsAny(c.Location, "%#?") {
		return nil, fault.New(fault.Usage, "open lake %s: a lake's place can have none of %% # ? in it", c.Location).WithHint("choose another folder")
	}
	local, isLocal := store.LocalPath("catalog.db")
	if c.State == "" && isLocal {
		c.State = filepath.Join(filepath.Dir(local), "_state")
	}
	if c.State == "" {
		return nil, fault.New(fault.Usage, "open lake %s: a remote lake needs a local state folder", c.Location)
	}
	if c.Catalog == "" {
		c.Catalog = local
		if !isLocal {
			c.Catalog = filepath.Join(c.State, "catalog.db")
		}
	}
	cat, err := openCatalog(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Lake{store: store, root: strings.TrimSuffix(store.URL("x"), "x"), catalog: cat, state: c.State, reads: c.ReadOnly,
		stages: map[string]*Stage{}, withIDs: map[string]bool{}}, nil
}

// writable refuses what would change a lake that was opened to be read only.
func (l *Lake) writable() error {
	if l.reads {
		return fault.New(fault.Internal, "the lake %s was opened to be read only", l.root)
	}
	return nil
}

// Location is where the lake lies, with a slash at its end: file:///… or s3://…
func (l *Lake) Location() string { return l.root }

func openStore(ctx context.Context, c Config) (blob.Store, error) {
	if c.Fleeting {
		return blob.OpenFleeting(c.Location)
	}
	return blob.Open(ctx, c.Location, c.S3)
}

func openCatalog(ctx context.Context, c Config) (catalog, error) {
	if c.Fleeting {
		return &memoryCatalog{tables: map[string]string{}}, nil
	}
	return openSQLite(ctx, c.Catalog)
}

// Close lets go of the catalog.
func (l *Lake) Close() error { return l.catalog.close() }

// Tables gives the names of all tables, sorted.
func (l *Lake) Tables(ctx context.Context) ([]string, error) {
	ids, err := l.catalog.list(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = strings.Join(id, ".")
	}
	slices.Sort(names)
	return names, nil
}

// Table loads the current version of a table. The error wraps ErrNoTable where there is none; damaged metadata is class data
// and names the file.
func (l *Lake) Table(ctx context.Context, name string) (*Table, error) {
	id, err := identOf(name)
	if err != nil {
		return nil, err
	}
	location, err := l.catalog.metadata(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, noTable(err))
	}
	ice, err := table.NewFromLocation(ctx, id, location, l.fs, nil)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", name, damaged("metadata", location, err))
	}
	return l.tableOf(name, ice)
}

func noTable(err error) error {
	if errors.Is(err, ErrNoTable) {
		return fault.New(fault.Usage, "%w", err)
	}
	return err
}

// damaged classes an error of reading one of the lake's own files: one that is missing or does not say what it should is class
// data; a file that can not be reached now keeps its class.
func damaged(what, location string, err error) error {
	var classed *fault.Error
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, blob.ErrNotExist)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrPermission) && !errors.As(err, &classed):
		return fault.New(fault.Usage, "read %s: %w", what, err).WithHint("give the user that runs Weir the right to read the lake")
	case !missing && errors.As(err, &classed):
		return fmt.Errorf("read %s %s: %w", what, location, err)
	}
	state := "damaged"
	if missing {
		state = "missing"
	}
	return fault.New(fault.Data, "%s %s is %s: %w", what, location, state, err).
		WithHint("put the file back from a copy, or roll the table back to a snapshot that is whole")
}

// fs gives iceberg-go access to the lake's files.
func (l *Lake) fs(ctx context.Context) (iceio.IO, error) {
	return files{ctx: ctx, store: l.store, root: l.root}, nil
}
