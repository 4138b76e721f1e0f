package duckdb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"

	"weir/internal/engine"
	"weir/internal/fault"
	"weir/internal/job"
)

// Session is one connection with a database of its own. It runs one statement at a time; only Progress may be called
// from other goroutines meanwhile.
type Session struct {
	engine *Engine
	conn   *driver.Conn
	name   string // of its database
	deep   []deepName

	schemas  map[string]bool         // made for tables and views, lower case
	prepared map[string]*driver.Stmt // by text; see serialize
	incoming map[string]*incoming    // readers of batches, by the view's name

	busy sync.Mutex // held while a statement or a stream runs

	life   sync.RWMutex // guards what follows against Close
	raw    mapping.Connection
	closed bool
}

var (
	_ engine.Engine  = (*Engine)(nil)
	_ engine.Session = (*Session)(nil)
)

// Open is Session behind the seam of package engine.
func (e *Engine) Open(ctx context.Context) (engine.Session, error) {
	s, err := e.Session(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Session opens a session. It must be closed.
func (e *Engine) Session(ctx context.Context) (*Session, error) {
	opened, err := e.connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("open session: %w", classify(ctx, err, 0))
	}
	conn, ok := opened.(*driver.Conn)
	if !ok {
		return nil, fault.New(fault.Internal, "open session: the DuckDB driver has changed: %T", opened)
	}
	s := &Session{engine: e, conn: conn, name: fmt.Sprintf("weir_session_%d", e.sessions.Add(1)), schemas: map[string]bool{}, prepared: map[string]*driver.Stmt{}, incoming: map[string]*incoming{}}
	if s.raw, err = handle(conn); err != nil {
		return nil, errors.Join(fmt.Errorf("open session: %w", err), conn.Close())
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open session: %w", err), s.Close())
	}
	return s, nil
}

func (s *Session) prepare(ctx context.Context) error {
	for _, q := range []string{
		"SET errors_as_json = true",
		"SET enable_progress_bar = true",
		"SET enable_progress_bar_print = false",
		"SET progress_bar_time = 0",
		"SET TimeZone = " + job.Literal(s.engine.opts.Timezone),
		"ATTACH ':memory:' AS " + job.Quote(s.name),
		"USE " + job.Quote(s.name),
	} {
		if err := s.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// Close drops all the session made and ends its connection. Closing twice is no error.
func (s *Session) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, st := range s.prepared {
		errs = append(errs, st.Close())
	}
	for _, q := range []string{"USE memory", "DETACH DATABASE IF EXISTS " + job.Quote(s.name)} {
		if _, err := s.conn.ExecContext(context.Background(), q, nil); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.conn.Close())
	if err := errors.Join(errs...); err != nil {
		return fault.New(fault.Internal, "close session: %w", err)
	}
	return nil
}

// Progress says how far the running statement has come: percent 0 to 100 and rows done of rows in all, as far as DuckDB
// knows; zeros where nothing runs. It is safe from another goroutine.
func (s *Session) Progress() (percent float64, rows, total uint64) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return 0, 0, 0
	}
	p := mapping.QueryProgress(s.raw)
	percent, rows, total = mapping.QueryProgressTypeMembers(&p)
	if percent < 0 {
		return 0, 0, 0
	}
	return min(percent, 100), rows, total
}

// begin takes the session for one statement.
func (s *Session) begin() (end func(), err error) {
	if !s.busy.TryLock() {
		return nil, fault.New(fault.Internal, "session is in use by another statement or an open stream")
	}
	s.life.RLock()
	closed := s.closed
	s.life.RUnlock()
	if closed {
		s.busy.Unlock()
		return nil, fault.New(fault.Internal, "session is closed")
	}
	return s.busy.Unlock, nil
}
