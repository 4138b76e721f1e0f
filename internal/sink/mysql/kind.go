// Package mysql publishes tables to MySQL and MariaDB. Rows that change a table that is there, and the position, are one
// transaction; a table that is new, or replaced by a new one, gets its name in one atomic step.
package mysql

import (
	"context"
	"time"

	"weir/internal/fault"
	"weir/internal/mysql"
	"weir/internal/mysql/wire"
	"weir/internal/sink"
)

// Kind is the sink of connections of type mysql.
func Kind() sink.Kind { return sink.Kind{Open: open} }

// settings are what a connection of type mysql says, whatever else belongs to it when it is read.
type settings interface {
	Prepare(root string, resolve func(string) (string, error)) (*mysql.Server, error)
}

func open(ctx context.Context, s sink.Settings, env sink.Env) (sink.Sink, error) {
	of, ok := s.(settings)
	if !ok {
		return nil, fault.New(fault.Internal, "settings of a mysql connection are a %T", s)
	}
	resolve := func(text string) (string, error) { return text, nil }
	if env.Resolve != nil {
		resolve = func(text string) (string, error) { return env.Resolve(ctx, text) }
	}
	server, err := of.Prepare(env.Root, resolve)
	if err != nil {
		return nil, err
	}
	return &Sink{dial: server.DialLoad, database: server.Database(), patience: server.LockTimeout()}, nil
}

// Sink is one server.
type Sink struct {
	dial     func(ctx context.Context) (*wire.Conn, error)
	database string        // of destinations without one
	patience time.Duration // for locks that another session holds
}

var _ sink.Sink = (*Sink)(nil)

// Takes says how values of a type come: lists, structs and maps come as JSON.
func (s *Sink) Takes(lakeType string) sink.Form {
	if _, ok := naturalOf(lakeType); ok {
		return sink.Natural
	}
	return sink.JSON
}

// Close has nothing to do: each load has a connection of its own.
func (s *Sink) Close() error { return nil }
