// Package job holds plain data that steps pass to each other. All of it is versioned JSON, because a step may
// run in this process, in a child, on another machine, and may be continued by another.
package job

import "time"

// Version of the JSON shapes in this package.
const Version = 1

// Column is one column of a table or of a relation.
type Column struct {
	Name string `json:"name"`
	// Type is the canonical type text, in DuckDB's spelling and upper case: BIGINT, DECIMAL(12,2), VARCHAR[],
	// STRUCT("a" INTEGER, "b" VARCHAR), MAP(VARCHAR, BIGINT), TIMESTAMP, TIMESTAMP WITH TIME ZONE.
	Type     string `json:"type"`
	ID       int    `json:"id,omitempty"` // Iceberg field id; 0 where the column is not in a lake table
	Required bool   `json:"required,omitempty"`
	Doc      string `json:"doc,omitempty"`
}

// Position says how far a read has come, per split: the split's name and an opaque value. For files a split is a file's
// path; for a lake table it is the table's name and the value its snapshot id.
type Position map[string]string

// Equal says whether two positions are the same, split by split.
func (p Position) Equal(o Position) bool {
	if len(p) != len(o) {
		return false
	}
	for k, v := range p {
		if w, ok := o[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// Clone copies a position.
func (p Position) Clone() Position {
	c := make(Position, len(p))
	for k, v := range p {
		c[k] = v
	}
	return c
}

// Counts are the rows of one build, and reconcile before commit (promise 2).
type Counts struct {
	Read        int64 `json:"read"`        // records the source gave, bad ones included
	Accepted    int64 `json:"accepted"`    // records that went into the delta and on into the table
	Rejected    int64 `json:"rejected"`    // could not be taken
	Quarantined int64 `json:"quarantined"` // typed rows that a rule turned away
	Filtered    int64 `json:"filtered"`    // left out on purpose
	Superseded  int64 `json:"superseded"`  // lost to another row of the same key in this build
	Stale       int64 `json:"stale"`       // older than the stored row of the same key
	Before      int64 `json:"before"`      // rows of the table before
	Inserted    int64 `json:"inserted"`
	Updated     int64 `json:"updated"`
	Deleted     int64 `json:"deleted"`
	After       int64 `json:"after"` // rows of the table after: before + inserted - deleted
}

// File is one data file in a stage or a table.
type File struct {
	Path  string `json:"path"` // full location: file:///… or s3://…; while being staged, a local path
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
	// Partition holds the value of each partition field by the field's name, nil for null: days, months, years, hours since
	// the epoch and bucket numbers as decimal digits, identity and truncate values in DuckDB's text form.
	Partition map[string]*string `json:"partition,omitempty"`
}

// Write asks an engine to run a query and leave its rows as Parquet files in a folder.
type Write struct {
	SQL       string           `json:"sql"`     // yields exactly Columns, by name
	Columns   []Column         `json:"columns"` // names, types and field ids as they will stand in the files
	Dir       string           `json:"dir"`     // a local folder; made if missing
	Prefix    string           `json:"prefix"`  // file names start with it and end in a fresh id
	Partition []PartitionField `json:"partition,omitempty"`
	Sort      []string         `json:"sort,omitempty"`       // SQL order terms inside each file
	FileBytes int64            `json:"file_bytes,omitempty"` // target size of a file, 0: one file a thread or partition
	AtRest    bool             `json:"at_rest,omitempty"`    // SQL reads files that stay: it gives the same rows each time
}

// Query is a question to an engine whose answer is one row of numbers, conditions and NULLs.
type Query struct {
	SQL    string   `json:"sql"`
	Values []string `json:"values"` // what each value of the row is, in order
}

// Params are values bound to $names in SQL. Values are string, int64, float64, bool or time.Time.
type Params map[string]any

// PartitionField is one field of a partition: a transform over a column.
type PartitionField struct {
	Name      string `json:"name"` // the field's name in Iceberg: ts_day, id_bucket_16, country
	Column    string `json:"column"`
	Transform string `json:"transform"`       // identity year month day hour bucket truncate
	Width     int    `json:"width,omitempty"` // of bucket and truncate
}

// Relation is something an engine can read by itself: a SELECT and what it yields.
type Relation struct {
	SQL     string   `json:"sql"` // a complete SELECT without trailing semicolon
	Columns []Column `json:"columns"`
	Rows    int64    `json:"rows,omitempty"`  // estimate, -1 where unknown
	Bytes   int64    `json:"bytes,omitempty"` // of the files read
}

// Read asks a source for a bounded read of one dataset.
type Read struct {
	Table   string   `json:"table"`             // the table that reads, for messages
	Dataset string   `json:"dataset,omitempty"` // the dataset's name in its connection; files: the path pattern
	From    Position `json:"from,omitempty"`    // where the last read ended; nil: from the beginning
	Full    bool     `json:"full,omitempty"`    // read all again whatever From says
	// Whole reads all splits again if any is new, changed or gone, and nothing otherwise; the scan's End then holds only what is there.
	Whole bool `json:"whole,omitempty"`
	// Look is for a plan: what would be read is told as far as that costs little, and nothing is read.
	Look bool `json:"look,omitempty"`
	// Replay reads no split: the scan is for records that are at hand (see source.Scannable).
	Replay   bool      `json:"replay,omitempty"`
	Known    []Column  `json:"known,omitempty"`     // the table's columns today, nil before the first build
	Time     time.Time `json:"time"`                // the run's logical time
	MaxValue int64     `json:"max_value,omitempty"` // bytes a single value may have (promise 5)
}
