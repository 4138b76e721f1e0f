// Package quality turns rules into queries and their answers into outcomes. It asks through its own one-method Querier.
package quality

import (
	"context"

	"weir/internal/dqdl"
)

// OnFail says what a rule that does not hold does to the build.
type OnFail string

// Actions of a failed rule.
const (
	Stop       OnFail = "stop"       // the build fails, the table stays as it was
	Warn       OnFail = "warn"       // the build goes on and says so
	Quarantine OnFail = "quarantine" // rows that fail go to the rejects; rules that say which rows those are
)

// Rule is one line of DQDL and what happens when it does not hold.
type Rule struct {
	Text   string     // canonical DQDL
	Rule   *dqdl.Rule // the parsed line
	OnFail OnFail
	File   string // where it stands, for messages
	Line   int
	Col    int
}

// Querier runs a query and hands each row to scan, in order; values are as database/sql gives them.
type Querier interface {
	Query(ctx context.Context, sql string, scan func(row []any) error) error
}

// Outcome is what one rule said of one relation.
type Outcome struct {
	Rule   Rule
	Passed bool
	Failed int64 // rows that fail, 0 where the rule is not about rows
	Total  int64 // rows looked at
	// TellsRows says whether the rule has results of single rows: see Checks.MarkRows.
	TellsRows bool
	Metrics   map[string]float64
	Reason    string // why it did not hold, for a person; of one that holds, what there is to say about it
	// Error says that the rule could not be judged at all, such as for a function that does not exist. It does not hold then.
	Error bool
	// Evaluated is the rule with the numbers that functions such as last() gave in their place; "" where there are none.
	Evaluated    string
	Distribution *Distribution // of the analyzer of that name
}
