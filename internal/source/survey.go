package source

import (
	"context"

	"weir/internal/job"
)

// Surveyor is an opened connection that can say which tables its data would make, and what speaks for each of them. A
// source that knows its tables by name asks its own catalog; one that has files looks into them.
type Surveyor interface {
	// Survey looks at what the connection holds. What cannot be read is in the answer, not an error.
	Survey(ctx context.Context, r SurveyRequest) (Survey, error)
}

// SurveyRequest says what to look at.
type SurveyRequest struct {
	Only    string   // pattern of datasets, "" for all
	Exclude []string // patterns of datasets to leave out
	Sample  int      // datasets of one folder whose rows are read; 0: as many as Bytes allow
	Bytes   int64    // of rows that are read for one table, unpacked
	Claims  []Claim  // tables that are defined already
	Engine  Engine   // reads what the source cannot read by itself
	Name    string   // of the connection
}

// Claim is a table that reads the connection already: what it reads is judged by its definition.
type Claim struct {
	Table  string
	Reader Reader
	// Columns are the table's columns: those the lake holds or, before the first build, those declared; nil: all are new.
	Columns []job.Column
	Read    job.Position // what has been read of it, nil before the first build
}

// Survey is what a connection holds.
type Survey struct {
	Tables []Surveyed
	Unread []Unread // what no table can be made of
	Left   []LeftOut
}

// Unread is a dataset, or a part of one, that cannot be read.
type Unread struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// LeftOut is what was not looked at, by reason.
type LeftOut struct {
	Reason  string `json:"reason"`
	Count   int    `json:"count"`
	Example string `json:"example"`
}

// Surveyed is one table as it would be, or one that is defined as its data are now.
type Surveyed struct {
	Claim   string           `json:"table,omitempty"`  // the defined table; "" for a new one
	Beside  string           `json:"beside,omitempty"` // a defined table that this looks like, though its definition does not read it
	Name    string           `json:"name"`             // proposed, without a schema
	Dataset string           `json:"dataset"`          // files: the path pattern
	Options []Option         `json:"options,omitempty"`
	Format  string           `json:"format"` // for a person
	Parts   int              `json:"files"`
	Bytes   int64            `json:"bytes"`
	Rows    int64            `json:"rows"`  // that were looked at
	Whole   bool             `json:"whole"` // those are all there are
	Columns []SurveyedColumn `json:"columns"`
	Folders []Folder         `json:"partitions,omitempty"`
	Keys    []KeyEvidence    `json:"keys,omitempty"`
	Advice  Advice           `json:"advice"`
	Doubts  []string         `json:"doubts,omitempty"`
	Reader  Reader           `json:"-"` // reads it with these options and columns
	// Bad are records whose form is wrong, whatever the types; BadAt is the first of them, with what is wrong.
	Bad    int64     `json:"malformed,omitempty"`
	BadAt  string    `json:"malformed_at,omitempty"`
	Breaks []string  `json:"breaks,omitempty"` // of a claim: why the definition cannot read what is there
	New    *NewParts `json:"new,omitempty"`    // of a claim that was built: what was not read yet
}

// Option is a key of a table's definition whose value is not the default.
type Option struct {
	Key   string   `json:"key"`
	Value []string `json:"value"` // one, or the items of a list
	List  bool     `json:"list,omitempty"`
	Why   string   `json:"why,omitempty"`
}

// SurveyedColumn is a column and what speaks for its type.
type SurveyedColumn struct {
	Name   string  `json:"name"`
	Type   string  `json:"type"` // canonical, of a lake table
	Why    string  `json:"evidence,omitempty"`
	Folder bool    `json:"folder,omitempty"` // comes from folders named key=value
	Late   string  `json:"late,omitempty"`   // the first part that has it, where earlier ones do not
	Gone   string  `json:"gone,omitempty"`   // the first part that lacks it, where no later one has it
	Misfit *Misfit `json:"misfit,omitempty"` // of a claim's column: values that its type does not take
}

// Misfit are values that a declared type does not take.
type Misfit struct {
	Count   int64  `json:"count"`
	Of      int64  `json:"of"`
	Example string `json:"example,omitempty"`
	Place   string `json:"place,omitempty"` // file:line
}

// Folder is a level of folders that parts a table's data.
type Folder struct {
	Name   string `json:"name"`             // of the column; for dates without one how they are written: yyyy, mm, dd
	Column bool   `json:"column,omitempty"` // the values are a column
	Type   string `json:"type,omitempty"`
	Values int    `json:"values"`
	First  string `json:"first"`
	Last   string `json:"last"`
}

// KeyEvidence is what speaks for and against columns as a key.
type KeyEvidence struct {
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
	Whole   bool     `json:"whole"`  // those are all rows
	Unique  bool     `json:"unique"` // no two different rows have one key
	Again   int64    `json:"again"`  // rows whose key came before in another part, with other values
	Twice   int64    `json:"twice"`  // the same within one part
	Same    int64    `json:"same"`   // rows that are there twice entirely
	Named   bool     `json:"named"`  // the name says that it is a key
	Why     string   `json:"evidence"`
}

// Advice is how the table should change, and why.
type Advice struct {
	Mode    string   `json:"mode"`
	Key     []string `json:"key,omitempty"`
	OrderBy string   `json:"order_by,omitempty"`
	Set     bool     `json:"set"` // sure enough to be written; else it is a remark
	Why     string   `json:"why"`
}

// NewParts are parts of a dataset that the table has not read yet.
type NewParts struct {
	Count   int      `json:"count"`
	Bytes   int64    `json:"bytes"`
	Folders []string `json:"folders,omitempty"` // in which nothing has been read
}

// Evolving readers say what a column does that the table does not have, by their policy for it.
type Evolving interface {
	// NewColumn gives the policy and its effect on the next run, as a sentence without a full stop.
	NewColumn(format string) (policy, effect string)
}
