package replication

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"weir/internal/fault"
	"weir/internal/postgres"
)

// received is what a server gave.
type received struct {
	kind receivedKind
	data []byte // message: valid until the next is asked for
	at   LSN    // progress, ended: every transaction that committed before has been given
}

type receivedKind byte

const (
	quiet    receivedKind = iota // nothing until the deadline
	message                      // of pgoutput
	progress                     // no message, but the server has come so far
	ended                        // nothing more comes from here
)

// stream is the streaming protocol on a connection with replication=database.
type stream struct {
	frames *frames
	conn   net.Conn

	seen      atomic.Uint64 // how far the server has told
	confirmed *position     // what the consumer has made safe
	ask       atomic.Bool   // the next status asks for an answer
	kick      chan struct{} // send a status now
	stopped   chan struct{}
	reporting sync.WaitGroup
}

// startStream begins to read a slot's changes of transactions that commit at or after from.
func startStream(ctx context.Context, server *postgres.Server, o *Options, from LSN, confirmed *position, version int) (*stream, error) {
	conn, err := dial(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("start replication: %w", err)
	}
	interval := statusInterval(ctx, conn)
	hijacked, err := postgres.Hijack(ctx, conn)
	if err != nil {
		_ = conn.Close(ctx) // the error at hand says why
		return nil, fmt.Errorf("start replication: %w", err)
	}
	s := &stream{conn: hijacked.Conn, confirmed: confirmed, kick: make(chan struct{}, 1), stopped: make(chan struct{})}
	s.seen.Store(uint64(from))
	query, err := (&pgproto3.Query{String: startCommand(o, from, version)}).Encode(nil)
	if err == nil {
		_, err = s.conn.Write(query)
	}
	if err != nil {
		_ = s.conn.Close() // the error at hand says why
		return nil, fmt.Errorf("start replication: %w", postgres.Classify(ctx, err))
	}
	s.frames = readFrames(s.conn, o.most())
	if o.Goal > 0 {
		s.frames.patience = patience
	}
	s.reporting.Add(1)
	go s.report(interval)
	if err := s.begun(ctx); err != nil {
		s.close(ctx)
		return nil, fmt.Errorf("start replication: %w", err)
	}
	return s, nil
}

func startCommand(o *Options, from LSN, version int) string {
	options := []string{"proto_version '1'"}
	if o.streamed(version) {
		options = []string{"proto_version '2'", "streaming 'true'"}
	}
	options = append(options, "publication_names "+literal(postgres.Quote(o.Publication)))
	return fmt.Sprintf("START_REPLICATION SLOT %s LOGICAL %s (%s)", postgres.Quote(o.Slot), from, strings.Join(options, ", "))
}

// literal writes a text as SQL; the servers read backslashes in it as they are.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// begun waits for the server to say that changes follow.
func (s *stream) begun(ctx context.Context) error {
	for {
		kind, body, _, err := s.frames.next(ctx, time.Time{})
		if err != nil {
			return err
		}
		switch kind {
		case 'W':
			return nil
		case 'E':
			return serverError(body)
		}
	}
}

// next gives what the server sends. A deadline that is not zero bounds the wait.
func (s *stream) next(ctx context.Context, deadline time.Time) (received, error) {
	for {
		kind, body, ok, err := s.frames.next(ctx, deadline)
		if err != nil || !ok {
			return received{}, err
		}
		switch kind {
		case 'd':
			if r, ok, err := s.data(body); ok || err != nil {
				return r, err
			}
		case 'E':
			return received{}, serverError(body)
		case 'c', 'C', 'Z':
			return received{}, fault.New(fault.Unavailable, "the server has ended the stream")
		}
	}
}

func (s *stream) data(body []byte) (received, bool, error) {
	switch {
	case len(body) > 25 && body[0] == 'w':
		if end := binary.BigEndian.Uint64(body[9:]); end > s.seen.Load() {
			s.seen.Store(end)
		}
		return received{kind: message, data: body[25:]}, true, nil
	case len(body) >= 18 && body[0] == 'k':
		end := binary.BigEndian.Uint64(body[1:])
		if end > s.seen.Load() {
			s.seen.Store(end)
		}
		if body[17] == 1 {
			s.wake()
		}
		return received{kind: progress, at: LSN(end)}, true, nil
	}
	return received{}, false, errBroken
}

// hurry asks the server how far it is.
func (s *stream) hurry() {
	s.ask.Store(true)
	s.wake()
}

func (s *stream) wake() {
	select {
	case s.kick <- struct{}{}:
	default: // one is on its way
	}
}

// report sends a status regularly, whether or not anyone reads what the server sends, so that it does not take a consumer that is
// busy for one that is gone.
func (s *stream) report(interval time.Duration) {
	defer s.reporting.Done()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-tick.C:
		case <-s.kick:
		case <-s.confirmed.moved:
		}
		if err := s.status(); err != nil {
			return // whoever reads will find the connection broken, too
		}
	}
}

func (s *stream) status() error {
	at := uint64(s.confirmed.get())
	m := make([]byte, 0, 39)
	m = append(m, 'd', 0, 0, 0, 38, 'r')
	for _, v := range []uint64{max(s.seen.Load(), at), at, at, uint64(time.Now().UnixMicro() - epoch)} {
		m = binary.BigEndian.AppendUint64(m, v)
	}
	m = append(m, 0)
	if s.ask.Swap(false) {
		m[len(m)-1] = 1
	}
	_, err := s.conn.Write(m)
	return err
}

// farewell is how long the server may take to read the last status.
const farewell = 5 * time.Second

// close says how far the consumer is and ends the stream. The server confirms the end when it has read the status; one that does
// not in time loses nothing but that, and tells the same changes again.
func (s *stream) close(ctx context.Context) {
	close(s.stopped)
	s.reporting.Wait()
	_ = s.conn.SetWriteDeadline(time.Now().Add(farewell)) // a connection that knows no deadlines is closed below
	if err := s.status(); err == nil {
		if _, err = s.conn.Write([]byte{'c', 0, 0, 0, 4}); err == nil {
			s.drain(context.WithoutCancel(ctx))
		}
	}
	s.frames.stop()
}

// drain reads on until the server has ended the stream, too.
func (s *stream) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	for {
		kind, _, _, err := s.frames.next(ctx, time.Time{})
		if err != nil || kind == 'Z' || kind == 'E' {
			return
		}
	}
}
