package source

import "context"

// Kind is one vendor: how its connection and its datasets are written in a project.
type Kind struct {
	Config func() Config // fresh connection settings to decode into: a pointer to a struct with yaml and doc tags
	Reader func() Reader // fresh dataset options to decode into, likewise
}

// Finding is something wrong with settings, at a key ("path", "columns.ts"; "" for the whole).
type Finding struct {
	Key     string
	Message string
}

// Config is a connection's settings as written. Texts may hold ${secret:…} references, resolved when it is opened.
type Config interface {
	Findings() []Finding
	Open(ctx context.Context, env Env) (Opened, error)
}

// Reader is one dataset's options: everything a read needs beside the connection.
type Reader interface {
	Findings() []Finding
	// Summary is a short text for a person: pattern and format.
	Summary() string
}

// RowRejects readers leave rejects that are rows as JSON objects, to be replayed as rows.
type RowRejects interface {
	RowRejects()
}

// Opened is a connection that is ready.
type Opened interface {
	// Dataset gives a source for one table's dataset; reader is what the same kind decoded.
	Dataset(reader Reader) (Source, error)
	Check(ctx context.Context) error
	Close() error
}

// Env is what a connection gets from its project when it is opened.
type Env struct {
	Project string                                                 // its name
	Root    string                                                 // the project's folder
	Resolve func(ctx context.Context, text string) (string, error) // ${secret:…} -> value
	Scratch string                                                 // a local folder for copies of remote objects
}
