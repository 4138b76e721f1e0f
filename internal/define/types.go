// Package define turns a project's text into typed definitions, reporting every mistake at once.
package define

import (
	"strings"
	"time"

	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/quality"
	"weir/internal/secret"
	"weir/internal/source"
)

// Mode is how a build changes its table.
type Mode string

// Modes of this version.
const (
	Append     Mode = "append"     // adds rows
	Replace    Mode = "replace"    // swaps the whole table
	Upsert     Mode = "upsert"     // inserts and updates by key
	Partitions Mode = "partitions" // replaces the partitions the build produced
	History    Mode = "history"    // keeps every version of a key with the time it was valid
	Changes    Mode = "changes"    // applies the inserts, updates and deletes of a feed
	View       Mode = "view"       // stores nothing
)

// Deletes says what a full read does with keys that are gone.
type Deletes string

// Policies for keys that are gone.
const (
	Ignore Deletes = "ignore"
	Remove Deletes = "remove"
	Close  Deletes = "close" // of mode history: the version ends
)

// Project is a checked project in one environment.
type Project struct {
	Root        string // absolute folder
	Name        string
	Env         string   // "" without --env
	Envs        []string // the environments weir.yaml has, in its order
	Lake        string   // absolute folder or s3://bucket/prefix
	LakeS3      S3       // for an s3 lake
	Timezone    string
	Memory      int64 // bytes; 0: default
	Vars        job.Params
	Connections map[string]*Connection
	Tables      map[string]*Table
	Pipelines   map[string]*Pipeline
	Macros      []Macro
	OnFailure   string        // shell command run after a run with failures, "" for none
	Timeout     time.Duration // of one build, 0: none
	Retries     int           // tries after the first, for errors that can pass
	Keep        Keep          // of tables that do not say otherwise
	Publish     bool          // whether tables are published to their destinations
	Development bool          // whether tables may be built from a part of their rows
	Resolver    *secret.Resolver
	kinds       Kinds
	Redactor    *secret.Redactor // masks every secret the Resolver gave out and those written in plain
}

// S3 is how an S3-compatible store is reached. Secrets stay references until opened.
type S3 struct {
	Endpoint  string `yaml:"endpoint" doc:"URL of an S3-compatible store; empty for AWS"`
	Region    string `yaml:"region" doc:"AWS region" default:"us-east-1"`
	AccessKey string `yaml:"access_key" doc:"access key id; empty for the default credential chain"`
	SecretKey string `yaml:"secret_key" doc:"secret access key, best as ${secret:name#field}"`
}

// Connection is a named outside system.
type Connection struct {
	Name   string
	Type   string
	Config source.Config // settings as written; opened when a build needs them
	File   string
	Line   int
}

// Macro is one file of macros/: CREATE MACRO statements.
type Macro struct {
	File string
	SQL  string
}

// Kind says where a table's rows come from.
type Kind string

// Kinds of table.
const (
	FromSource Kind = "source"
	FromSQL    Kind = "sql"
	FromSeed   Kind = "seed"
)

// Limit is how many rows may be turned away: up to Rows, or up to Ratio of what was read.
type Limit struct {
	Rows    int64
	Ratio   float64 // 0..1; used where IsRatio
	IsRatio bool
	Any     bool // no limit
}

// Exceeded says whether n of total is over the limit.
func (l Limit) Exceeded(n, total int64) bool {
	if l.Any || n == 0 {
		return false
	}
	if l.IsRatio {
		return float64(n) > l.Ratio*float64(total)
	}
	return n > l.Rows
}

// Table is one definition.
type Table struct {
	Name string // raw.orders
	File string // relative to the root, slashes
	Line int    // of the definition's first line
	Kind Kind
	// Flawed says that mistakes in its file were found: what it is beside its SQL cannot be relied on. No project that has any is run.
	Flawed bool

	Connection string        // of a source table
	Dataset    string        // what it reads there; files: the path pattern
	Source     source.Reader // the dataset's options, nil for SQL; see source.Reader
	Reader     source.Reader // the same
	Cursor     string        // column by which a read goes on, "" for none

	SQL     string // body without header, of a SQL table
	SQLLine int    // 1-based line of the file at which SQL starts

	Description    string
	Owner          string
	Tags           []string
	Mode           Mode
	Key            []string
	OrderBy        string // "" for none
	Deletes        Deletes
	Track          []string          // of mode history: columns that open a version; nil: all that the table began with
	Versions       VersionNames      // of mode history
	Incremental    *Incremental      // nil: every build computes the whole table
	Columns        []job.Column      // declared with a type, in order; types win over inference
	Personal       map[string]string // what columns tell of a person, by name, where their definition says
	Partition      []job.PartitionField
	Sort           []string
	FileBytes      int64 // target size of a data file
	Keep           Keep
	Publish        []Publish
	Rules          []quality.Rule
	MaxRejects     Limit
	MaxQuarantined Limit
	Timeout        time.Duration
	Retries        int
	Meaning        job.Meaning       // of all but its SQL: layout and comments do not count
	Was            map[string]string // earlier names of columns, by the name they have now

	doc *project.Node // the definition as written, nil for SQL without a header
}

// PlaceOf gives the place of a key of the definition, "columns.ts" for one inside another; where it is not written, of the
// nearest key around it, and of the file's first line where there is none.
func (t *Table) PlaceOf(key string) project.Place {
	return placeOf(t.doc, key, project.Place{File: t.File, Line: max(1, t.Line), Col: 1})
}

// Says tells whether the definition has a key, whatever its value.
func (t *Table) Says(key string) bool { return t.doc.Get(key) != nil }

// Earlier is the name a column had before, "" where it had none.
func (t *Table) Earlier(name string) string {
	for is, was := range t.Was {
		if strings.EqualFold(is, name) {
			return was
		}
	}
	return ""
}

// NowNamed is the name of the column that had a name before, "" where none had.
func (t *Table) NowNamed(was string) string {
	for is, before := range t.Was {
		if strings.EqualFold(before, was) {
			return is
		}
	}
	return ""
}

// Pipeline is a named selection with a schedule.
type Pipeline struct {
	Name     string
	File     string
	Schedule string
	Timezone string
	Tables   []string
	SLA      time.Duration
}
