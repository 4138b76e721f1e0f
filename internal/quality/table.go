package quality

import (
	"context"
	"time"

	"weir/internal/job"
)

// Table is what rules are compiled for.
type Table struct {
	Columns []job.Column
	Others  map[string][]job.Column // columns of further tables, by the name rules know them by
	Now     time.Time               // what now() and ages are counted from
	History History                 // nil for none
	Files   Files                   // nil where rules about files cannot be judged
	// ByRow judges composite rules row by row: they hold where every row satisfies the whole of them. Otherwise their members
	// are judged each over all rows, and the outcomes combined.
	ByRow bool
	// Lenient lets rules that cannot be used, such as for a column that is not there, fail when they are judged, as in Glue.
	Lenient bool
}

// History tells what a metric was in earlier runs.
type History interface {
	// Past gives the values of a metric by its name, such as Dataset.*.RowCount, the latest first.
	Past(ctx context.Context, metric string) ([]Past, error)
}

// NoHistory has no earlier values: of a first run, or where rules are only looked at.
type NoHistory struct{}

// Past gives none.
func (NoHistory) Past(context.Context, string) ([]Past, error) { return nil, nil }

// Past is a metric's value in an earlier run.
type Past struct {
	At    time.Time // zero where it is not known
	Value float64
}

// Files are the files that rules about files judge.
type Files interface {
	// List gives the files of a folder, or the one file, at a path; those that the table was read from where it is "".
	List(ctx context.Context, path string) ([]File, error)
	// Hash gives the digest of a file's content in lower-case hexadecimal digits; algorithm is MD5, SHA-1 or SHA-256.
	Hash(ctx context.Context, f File, algorithm string) (string, error)
}

// File is one file.
type File struct {
	Path     string
	Bytes    int64
	Modified time.Time
}
