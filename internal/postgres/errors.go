package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"weir/internal/fault"
)

// Code is an error's SQLSTATE, "" where the server did not give one.
func Code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Message is what the server said, in one line.
func Message(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return plain(err)
	}
	if e.Detail != "" {
		return e.Message + " (" + e.Detail + ")"
	}
	return e.Message
}

func asError[T error](err error, to *T) bool { return errors.As(err, to) }

// plain is an error's text in one line.
func plain(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// Classify gives an error of the server or of the network its class (promise 10). SQLSTATE classes are those of PostgreSQL's
// appendix A.
func Classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	code := Code(err)
	if code == "" {
		var network net.Error
		if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
			strings.Contains(err.Error(), "conn closed") || pgconn.Timeout(err) {
			return fault.New(fault.Unavailable, "the connection to the server is gone: %s", plain(err))
		}
		return fault.New(fault.Unavailable, "%s", plain(err))
	}
	return fault.New(classOf(code), "%w", &ServerError{Code: code, Text: Message(err), cause: err}).WithHint("%s", hintOf(code))
}

// ServerError is what a server said.
type ServerError struct {
	Code  string // SQLSTATE
	Text  string
	cause error
}

func (e *ServerError) Error() string { return e.Text + " (SQLSTATE " + e.Code + ")" }

func (e *ServerError) Unwrap() error { return e.cause }

func classOf(code string) fault.Class {
	switch code {
	case "57014", "55P03", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04": // canceled by a timeout, lock not available, shutting down, idle too long
		return fault.Unavailable
	case "40001", "40P01": // serialization, deadlock
		return fault.Conflict
	}
	switch code[:2] {
	case "08", "53", "58": // connection, resources, system
		return fault.Unavailable
	case "22", "23": // data, constraints
		return fault.Data
	case "28", "3D", "3F", "42", "0A", "55": // rights, names, syntax, not supported, not in the right state
		return fault.Usage
	case "XX":
		return fault.Unavailable
	}
	return fault.Unavailable
}

func hintOf(code string) string {
	switch code {
	case "57014":
		return "statement_timeout of the connection says how long one statement may take"
	case "55P03":
		return "another session holds a lock; lock_timeout of the connection says how long to wait for it"
	case "42501":
		return "grant the role what it needs"
	case "53300":
		return "connections of the connection says how many are held at once"
	}
	return ""
}
