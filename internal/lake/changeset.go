package lake

import "weir/internal/job"

// A change-set file holds rows of its table before and after a commit, and in a column of its own what became of each.

// ChangeColumn is that column.
const ChangeColumn = "_change"

// ChangeColumnID is its field id: the one Iceberg reserves for the kind of a change.
const ChangeColumnID = 2147483543

// Kind is what became of a row.
type Kind string

// The kinds. An update is two rows.
const (
	Insert       Kind = "insert"
	UpdateBefore Kind = "update_before"
	UpdateAfter  Kind = "update_after"
	Delete       Kind = "delete"
)

// SQL is the kind as a literal.
func (k Kind) SQL() string { return job.Literal(string(k)) }

// ChangeColumns are the columns of a change-set of a table with the columns given.
func ChangeColumns(of []job.Column) []job.Column {
	return append([]job.Column{{Name: ChangeColumn, Type: "VARCHAR", ID: ChangeColumnID}}, of...)
}
