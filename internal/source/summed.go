package source

import (
	"context"

	"weir/internal/job"
)

// Summing says how rows are summed up, on any side of a comparison: rows fall into parts by their key, and each has a digest of
// its columns' canonical texts. A null is N, other values are their length in bytes, a colon and the text: numbers as
// digits in their scale, truth values t and f, floating numbers as their bits, dates as days and times as microseconds since
// 1970 or midnight, blobs as hex, lists as their items in brackets. A digest is the first 15 hex digits of the MD5 of a row's
// texts with commas between; its part is the first 6 hex digits of that of its key's texts, modulo Parts.
type Summing struct {
	Columns []job.Column // all that are compared, those of the key among them, typed as in the lake
	Key     []string
	Parts   int
}

// Part is what the rows of one part come to.
type Part struct {
	Rows int64
	Sum  string // of the digests, as digits
}

// Row is one row's key, in canonical texts, and digest.
type Row struct {
	Key    []string
	Digest string
}

// Summed sources can sum up their rows where they are.
type Summed interface {
	// Comparable says which of the lake's columns the source has in a form that can be compared.
	Comparable(ctx context.Context, cols []job.Column) ([]job.Column, error)
	// Sums gives the parts that have rows.
	Sums(ctx context.Context, s Summing) (map[int]Part, error)
	// Rows hands on every row of some parts.
	Rows(ctx context.Context, s Summing, parts []int, each func(Row) error) error
	// Texts gives the columns' canonical texts of rows by key, as Row has it; nothing for keys that are not there.
	Texts(ctx context.Context, s Summing, keys [][]string) (map[string][]string, error)
}
