package source

import (
	"context"

	"weir/internal/job"
)

// Follower connections have feeds: the changes of all tables that follow one are read once (package feed).
type Follower interface {
	// Follow names the tables that follow the connection, before any of them is read.
	Follow(members []Member)
	// Acknowledge lets the source forget what every table has, as far as the scans have been told (Acknowledged). It is to be
	// called when builds have ended. The error says that the source was made to give up the feed, to protect it.
	Acknowledge(ctx context.Context) error
	// Lag says how far the feed is behind, for a person and for the journal; nothing is read.
	Lag(ctx context.Context) ([]Measure, error)
}

// Member is one table that follows a connection.
type Member struct {
	Table  string // in the lake
	Reader Reader
	Key    []string // of the table in the lake, empty for none
	// Position asks the lake how far the table is; nil before its first build.
	Position func(ctx context.Context) (job.Position, error)
	// Main asks how far the table is on main, where Position is of a branch; else nil. The source may not let go of what main needs.
	Main func(ctx context.Context) (job.Position, error)
}

// Measure is one figure about a feed.
type Measure struct {
	Name  string  `json:"name"` // as in slot, lag_bytes, retained_bytes
	Text  string  `json:"text"` // for a person
	Value float64 `json:"value"`
}

// Following readers read the changes of their dataset.
type Following interface {
	Follows() bool
}

// Changing scans hand out changes, with the columns of package feed behind those of the table.
type Changing interface {
	Changes() bool
}

// Acknowledged scans are told when the lake holds all up to their end, so that the source may let go of it (promise 1).
type Acknowledged interface {
	Committed(ctx context.Context) error
}
