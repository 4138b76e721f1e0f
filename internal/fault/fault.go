// Package fault classes errors. Every error a person sees has a class, and the class
// alone decides whether a run tries again and with which code the process ends (promise 10).
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Class says what kind of trouble an error is.
type Class string

// The classes of promise 10, and Canceled for a run that a person interrupted.
const (
	Usage       Class = "usage"       // wrong words, configuration or definition: a person must change something
	Data        Class = "data"        // rows broke a rule, a limit, a reconciliation or belong to another server
	Unavailable Class = "unavailable" // an outside system, a disk or a network did not answer now
	Conflict    Class = "conflict"    // another writer was first; a fresh look may succeed
	Internal    Class = "internal"    // a fault of Weir itself
	Canceled    Class = "canceled"    // interrupted on request
)

// Error is an error with a class and, where a person can act, a hint.
type Error struct {
	Class Class
	Hint  string // what to do, one sentence, empty where nothing can be done
	Err   error  // operation first, cause wrapped
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a class; format and args are those of fmt.Errorf, %w included.
func New(c Class, format string, args ...any) *Error {
	return &Error{Class: c, Err: fmt.Errorf(format, args...)}
}

// WithHint adds what a person can do about it and gives the same error back.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// ClassOf finds the class of an error: the outermost one named in its chain. An interrupted
// context is Canceled, a passed deadline Unavailable; an error without a class is Internal.
func ClassOf(err error) Class {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Class
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	}
	return Internal
}

// HintOf finds the outermost hint in an error's chain, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
