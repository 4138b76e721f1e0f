// Package record holds data in flight: rejects, and Arrow batches where rows travel through Go.
package record

import "weir/internal/job"

// Kinds of reject.
const (
	KindReject      = "reject"      // a record that could not be taken
	KindQuarantined = "quarantined" // a typed row that a rule turned away
	KindPublish     = "publish"     // a row of the table that a destination refused
)

// Reject is one record that could not be taken.
type Reject struct {
	ID      string `json:"id"` // the same for the same record in the same place
	Kind    string `json:"kind"`
	Dataset string `json:"dataset"` // the split it stood in: a file's path
	Line    int64  `json:"line"`    // 1-based, 0 where there is none
	Offset  int64  `json:"offset"`  // byte offset of the record, -1 where unknown
	Column  string `json:"column"`
	Reason  string `json:"reason"`
	Rule    string `json:"rule"`   // of a quarantined row
	Raw     string `json:"raw"`    // the record as it stood; a quarantined row as one JSON object
	Header  string `json:"header"` // the CSV header line it stood under
}

// RejectColumns is the shape of a reject file and of a source's reject query, in this order.
func RejectColumns() []job.Column {
	return []job.Column{
		{Name: "id", Type: "VARCHAR", ID: 1},
		{Name: "kind", Type: "VARCHAR", ID: 2},
		{Name: "dataset", Type: "VARCHAR", ID: 3},
		{Name: "line", Type: "BIGINT", ID: 4},
		{Name: "offset", Type: "BIGINT", ID: 5},
		{Name: "column", Type: "VARCHAR", ID: 6},
		{Name: "reason", Type: "VARCHAR", ID: 7},
		{Name: "rule", Type: "VARCHAR", ID: 8},
		{Name: "raw", Type: "VARCHAR", ID: 9},
		{Name: "header", Type: "VARCHAR", ID: 10},
	}
}
