// Package sink is the seam to systems that tables are published to. Each vendor stands in its own folder and in the one map of
// the package kinds.
package sink

import (
	"context"
	"errors"

	"weir/internal/job"
	"weir/internal/record"
)

// Mode is how a load changes its destination.
type Mode string

// Modes of a load.
const (
	Append  Mode = "append"  // adds rows
	Upsert  Mode = "upsert"  // inserts and updates by key, and deletes keys that are gone
	Replace Mode = "replace" // the rows are all there are
)

// Kind is one vendor.
type Kind struct {
	// Open makes a sink of a connection's settings, as the kind of source of the same name decodes them. It reaches nothing
	// yet. Errors are of class usage.
	Open func(ctx context.Context, settings Settings, env Env) (Sink, error)
}

// Settings are a connection's, decoded. A vendor asks of them what it needs.
type Settings any

// Env is what a connection gets from its project when it is opened.
type Env struct {
	Root    string                                                 // the project's folder
	Resolve func(ctx context.Context, text string) (string, error) // ${secret:…} -> value
}

// Sink is one system that tables are published to.
type Sink interface {
	// Takes says how values of a lake's type are to come.
	Takes(lakeType string) Form
	// Begin begins the load of one destination, after those that others are at. Where one of them does not end, the error is
	// of class conflict and names it.
	Begin(ctx context.Context, t Target) (Load, error)
	Close() error
}

// Form is how the values of a column come.
type Form int

// Forms.
const (
	Natural Form = iota // as Arrow has the lake's type; a UUID as its text
	JSON                // as a JSON text
)

// Target names a destination.
type Target struct {
	Name   string // as a person wrote it: bi.public.daily_sales
	Schema string // "" for the connection's own
	Table  string
	Look   bool // only to look: nothing is locked and nothing may change
}

// Load is one load under way. Nothing of it can be seen before Commit, and nothing is left of it without.
type Load interface {
	// Stored is the position that the last load left, false where there was none.
	Stored() (Position, bool)
	// Check says, without rows, whether a delivery's columns can be taken. It changes nothing.
	Check(ctx context.Context, d Delivery) (Changes, error)
	// Apply brings a delivery. It is called once.
	Apply(ctx context.Context, d Delivery) (Loaded, error)
	// Commit makes the load seen, together with the position (promise 1). The error is Unavailable where the system did not
	// say what became of it: the position then tells.
	Commit(ctx context.Context, p Position) error
	// Close ends the load. Without a commit it is undone.
	Close(ctx context.Context) error
}

// Delivery is what is brought to a destination.
type Delivery struct {
	Mode Mode
	// Full says that Rows are all rows of the table. With Upsert, keys that are not among them go, where Sole.
	Full bool
	// Sole says that the destination holds nothing but what loads brought.
	Sole    bool
	Key     []string // of Upsert: columns, among Columns
	Columns []Column
	// Rows hands out the rows; it may be called again and then gives them again, perhaps in another order. nil for none.
	Rows func(ctx context.Context) (record.Reader, error)
	// Gone hands out the keys that are gone, with the columns of Key in their order. nil for none.
	Gone func(ctx context.Context) (record.Reader, error)
	// Limit says whether so many refused rows of so many brought are too many.
	Limit func(refused, brought int64) bool
}

// Column is one column of a delivery.
type Column struct {
	job.Column
	Form Form
	Was  string // the type it had at the stored position, "" for a column that was not published then
	Old  string // the name it had then, where it was another
}

// Changes are what a load does to the shape of a destination.
type Changes struct {
	Creates bool
	Empty   bool // it has no rows before the load
	Added   []string
	Widened []string // column, type before → type after
	Renamed []string // old → new
	Rows    int64    // about how many are there; -1 where unknown
}

// Loaded is what a load did.
type Loaded struct {
	Changes
	Brought int64 // rows that came
	Written int64 // rows inserted, or changed by an upsert
	Deleted int64
	Refused int64  // rows, and keys to delete, that the destination refused
	Bytes   int64  // sent
	How     string // of a replacement: "swapped" or "in place"
	Rejects []Refusal
}

// Refusal is one row that a destination refused.
type Refusal struct {
	Key        string // (day, store) = (2026-03-01, 7); the row's beginning where there is no key
	Constraint string // its name, "" where it is not one
	Column     string
	Reason     string
	Raw        string // the row as JSON
	Delete     bool   // it was to be deleted
}

// ErrTooMany is wrapped by the error of a delivery of which too many rows were refused: what the load did tells which.
var ErrTooMany = errors.New("too many rows were refused")

// MaxRefusals bounds how many refusals a load keeps with their rows; further ones are counted.
const MaxRefusals = 10_000
