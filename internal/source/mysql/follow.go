package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/mysql/wire"
	"weir/internal/source"
	"weir/internal/source/mysql/binlog"
	"weir/internal/source/mysql/value"
)

// following is the feed of a connection.
type following struct {
	opened   *opened
	hub      *feed.Hub[binlog.Position]
	members  map[string]source.Member // by lake table
	charsets *value.Charsets
	torn     map[string]bool // positions behind which a file of the log ends amid a change

	mu     sync.Mutex
	placed bool // the members stand in the hub where the lake has them
}

var _ source.Follower = (*opened)(nil)

// Follow names the tables of the feed.
func (o *opened) Follow(members []source.Member) {
	f := &following{opened: o, members: map[string]source.Member{}, torn: map[string]bool{}}
	f.hub = feed.New(func(a, b binlog.Position) bool { return a.Before(&b) }, func() (string, error) {
		if err := os.MkdirAll(o.scratch, 0o755); err != nil {
			return "", err
		}
		return os.MkdirTemp(o.scratch, "changes-")
	})
	for _, m := range members {
		f.members[m.Table] = m
	}
	o.following = f
}

// Acknowledge has nothing to tell: the server keeps its log as long as its own settings say.
func (o *opened) Acknowledge(context.Context) error { return nil }

// Lag says how far the log goes beyond the table that is furthest behind.
func (o *opened) Lag(ctx context.Context) (out []source.Measure, err error) {
	f := o.following
	if f == nil || len(f.members) == 0 {
		return nil, nil
	}
	c, err := o.primary.Dial(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := f.place(ctx, c.Server.Maria); err != nil {
		return nil, err
	}
	now, err := binlog.Now(ctx, c)
	if err != nil {
		return nil, err
	}
	out = append(out, source.Measure{Name: "log", Text: now.String()})
	at, ok := f.hub.Forgettable()
	if !ok {
		return out, nil
	}
	logs, err := c.Strings(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return nil, fmt.Errorf("ask for the server's logs: %w", err)
	}
	behind := behind(logs, at, now)
	return append(out, source.Measure{Name: "confirmed", Text: at.String()}, source.Measure{Name: "lag_bytes", Text: fmt.Sprint(behind), Value: float64(behind)}), nil
}

// behind counts the bytes of the log between two positions.
func behind(logs [][]wire.Text, from, to binlog.Position) (n int64) {
	counting := false
	for _, l := range logs {
		size := number(l[1])
		switch {
		case l[0].Value == from.File && l[0].Value == to.File:
			return int64(to.Pos) - int64(from.Pos)
		case l[0].Value == from.File:
			counting, n = true, size-int64(from.Pos)
		case l[0].Value == to.File:
			return n + int64(to.Pos)
		case counting:
			n += size
		}
	}
	return n
}

// dataset is what a member reads.
func (f *following) dataset(m source.Member) (binlog.TableName, *Reader, error) {
	r, ok := m.Reader.(*Reader)
	if !ok {
		return binlog.TableName{}, nil, fault.New(fault.Internal, "a feed got options of another kind: %T", m.Reader)
	}
	database, name, err := splitName(r.dataset, f.opened.primary.Database())
	return binlog.TableName{Schema: database, Name: name}, r, err
}

// place puts the members into the hub where the lake has them; those that were never read are left out.
func (f *following) place(ctx context.Context, maria bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.placed {
		return nil
	}
	for name, m := range f.members {
		at, err := m.Position(ctx)
		if err != nil {
			return err
		}
		t, _, err := f.dataset(m)
		if err != nil {
			return err
		}
		if p, err := binlog.ParsePosition(at[shown(t)], maria); err == nil {
			f.hub.Place(name, p)
		}
	}
	f.placed = true
	return nil
}

// take gives a table's changes after its position.
func (f *following) take(ctx context.Context, table string, from binlog.Position, maria bool) (*feed.Backlog, binlog.Position, error) {
	if err := f.place(ctx, maria); err != nil {
		return nil, from, err
	}
	return f.hub.Take(ctx, table, from, f.gather)
}

// gather reads the log to its end. The server keeps it by its own settings, whatever is safe.
func (f *following) gather(ctx context.Context, from map[string]binlog.Position, _ binlog.Position, keep func(feed.Changes) error) (to binlog.Position, err error) {
	c, err := f.opened.primary.Dial(ctx)
	if err != nil {
		return to, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := binlog.Check(ctx, c); err != nil {
		return to, err
	}
	if f.charsets == nil {
		if f.charsets, err = value.ReadCharsets(ctx, f.opened.primary.Dial); err != nil {
			return to, err
		}
	}
	g := &gathering{f: f, ctx: ctx, control: c, keep: keep, of: map[binlog.TableName][]*writer{}}
	defer g.release()
	o := binlog.Options{Tables: map[binlog.TableName]bool{}, Ends: true}
	for name, at := range from {
		t, r, err := f.dataset(f.members[name])
		if err != nil {
			return to, err
		}
		o.Tables[t] = true
		o.Most = max(o.Most, 2*r.maxValue()+1<<20)
		g.of[t] = append(g.of[t], &writer{table: name, reader: r, key: f.members[name].Key, after: at})
		if len(g.of) == 1 && len(g.of[t]) == 1 || at.Before(&o.From) {
			o.From = at
		}
	}
	return f.read(ctx, o, g)
}

// read takes off what a log has, to its end.
func (f *following) read(ctx context.Context, o binlog.Options, g *gathering) (to binlog.Position, err error) {
	log, err := f.openLog(ctx, o)
	if err != nil {
		return to, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	for past := ""; ; {
		e, err := log.Next()
		at := log.Position()
		var torn *binlog.Torn
		switch {
		case errors.Is(err, io.EOF):
			return at, g.flush()
		case errors.As(err, &torn):
			if !at.Maria || !at.ByID() || f.torn[at.String()] {
				return to, err
			}
			f.torn[at.String()] = true
			if log.Within() {
				return to, &feed.Again{Err: err}
			}
		case err != nil:
			return to, err
		}
		// Behind the last whole transaction of a torn file the server goes on in the next one, where that follows it.
		if torn != nil || len(f.torn) > 0 && e.Kind == binlog.Begin && at.String() != past && f.torn[at.String()] {
			past, o.From = at.String(), at
			next, err := f.openLog(ctx, o)
			if err != nil {
				return to, err
			}
			if err := log.Close(); err != nil {
				return to, errors.Join(err, next.Close())
			}
			log = next
			continue
		}
		if err := g.take(e, at); err != nil {
			return to, err
		}
	}
}

func (f *following) openLog(ctx context.Context, o binlog.Options) (*binlog.Log, error) {
	conn, err := f.opened.primary.DialLimit(ctx, o.Most+1<<20)
	if err != nil {
		return nil, err
	}
	return binlog.Open(ctx, conn, o)
}

func shown(t binlog.TableName) string { return (&relation{database: t.Schema, name: t.Name}).shown() }
