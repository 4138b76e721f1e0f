// Package postgres publishes tables to PostgreSQL, RDS and Aurora. Everything a load does, and the position it leaves, is one
// transaction.
package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"weir/internal/fault"
	"weir/internal/postgres"
	"weir/internal/sink"
)

// Kind is the sink of connections of type postgres.
func Kind() sink.Kind { return sink.Kind{Open: open} }

// settings are what a connection of type postgres says, whatever else belongs to it when it is read.
type settings interface {
	Prepare(root string, resolve func(string) (string, error)) (*postgres.Server, error)
}

func open(ctx context.Context, s sink.Settings, env sink.Env) (sink.Sink, error) {
	of, ok := s.(settings)
	if !ok {
		return nil, fault.New(fault.Internal, "settings of a postgres connection are a %T", s)
	}
	resolve := func(text string) (string, error) { return text, nil }
	if env.Resolve != nil {
		resolve = func(text string) (string, error) { return env.Resolve(ctx, text) }
	}
	server, err := of.Prepare(env.Root, resolve)
	if err != nil {
		return nil, err
	}
	return &Sink{dial: func(ctx context.Context) (*pgx.Conn, error) { return server.Dial(ctx) }}, nil
}

// Sink is one server.
type Sink struct {
	dial func(ctx context.Context) (*pgx.Conn, error)
}

var _ sink.Sink = (*Sink)(nil)

// Takes says how values of a type come: what PostgreSQL has no type for comes as JSON.
func (s *Sink) Takes(lakeType string) sink.Form {
	if _, ok := naturalOf(lakeType); ok {
		return sink.Natural
	}
	return sink.JSON
}

// Close has nothing to do: each load has a connection of its own.
func (s *Sink) Close() error { return nil }
