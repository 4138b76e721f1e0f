package crawl

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/source"
)

// Kinds of change.
const (
	Added   = "added"   // a column that the table does not have
	Missing = "missing" // a column of the table that nothing has any more
	Typed   = "type"    // values that the column's type does not take
	Wider   = "wider"   // a wider type than the table's, which it takes over
	Narrow  = "narrow"  // a narrower one; nothing to do
	Parted  = "parts"   // files, folders or formats that the definition does not read
	Broken  = "broken"  // what the definition cannot read
)

// Change is one difference between a definition and what its dataset holds now.
type Change struct {
	Kind   string `json:"kind"`
	Column string `json:"column,omitempty"`
	From   string `json:"from,omitempty"` // types, as definitions write them
	To     string `json:"to,omitempty"`
	Text   string `json:"text"`             // what it is
	Policy string `json:"policy,omitempty"` // on_schema_change, where it decides
	Effect string `json:"effect"`           // what will come of it
	Drift  bool   `json:"drift"`            // something a person should settle; false for a remark
}

// Baseline is what a table's columns are compared with: those the lake holds and those declared; nil where neither is
// known, so that every column is as new as the table.
func Baseline(t *define.Table, stored []job.Column) []job.Column {
	out := slices.Clone(t.Columns)
	for _, c := range stored {
		if c.Name == "_file" || c.Name == "_extra" || indexOf(out, c.Name) >= 0 {
			continue
		}
		out = append(out, c)
	}
	return out
}

func indexOf(cols []job.Column, name string) int {
	return slices.IndexFunc(cols, func(c job.Column) bool { return strings.EqualFold(c.Name, name) })
}

// Drift compares a definition with the survey of its dataset. beside are surveyed tables that look like this one and are
// not read by it.
func Drift(t *define.Table, c source.Claim, s source.Surveyed, beside []source.Surveyed) []Change {
	var out []Change
	for _, b := range s.Breaks {
		out = append(out, Change{Kind: Broken, Text: b, Effect: "the next run will stop", Drift: true})
	}
	if s.Bad > 0 {
		effect, stops := rejected(t, s.Bad, s.Bad+s.Rows)
		out = append(out, Change{Kind: Broken, Text: fmt.Sprintf("%s malformed, the first at %s", are(s.Bad, "record"), s.BadAt), Effect: effect, Drift: stops})
	}
	if len(c.Columns) > 0 && len(s.Columns) > 0 {
		out = append(out, columns(t, c, s)...)
	}
	for _, b := range beside {
		out = append(out, Change{Kind: Parted, Text: fmt.Sprintf("its path does not match %s of %s (%s)", plural(b.Parts, "file"), b.Dataset, b.Format),
			Effect: "never read; widen path, or define a table for them", Drift: true})
	}
	return out
}

func columns(t *define.Table, claim source.Claim, s source.Surveyed) (out []Change) {
	known := claim.Columns
	policy, effect := "", "would be added by the next run"
	if e, ok := t.Source.(source.Evolving); ok {
		policy, effect = e.NewColumn(s.Format)
	}
	for _, c := range s.Columns {
		i := indexOf(known, c.Name)
		if i < 0 {
			text := c.Why
			if c.Late != "" {
				text += "; first in " + c.Late
			}
			out = append(out, Change{Kind: Added, Column: c.Name, To: TypeName(c.Type), Text: text, Policy: policy, Effect: effect, Drift: true})
			continue
		}
		if change, ok := typed(t, known[i], c, policy); ok {
			out = append(out, change)
		}
		if c.Gone != "" {
			_, read := claim.Read[c.Gone]
			out = append(out, Change{Kind: Missing, Column: c.Name, From: TypeName(known[i].Type), Text: "in no file from " + c.Gone + " on", Effect: "null in their rows",
				Drift: claim.Read != nil && !read}) // else it was so when the table was built or defined
		}
	}
	for _, k := range known {
		if !slices.ContainsFunc(s.Columns, func(c source.SurveyedColumn) bool { return strings.EqualFold(c.Name, k.Name) }) {
			out = append(out, Change{Kind: Missing, Column: k.Name, From: TypeName(k.Type), Text: "in no file that was read", Effect: "null in new rows", Drift: true})
		}
	}
	return out
}

// typed compares a column's types.
func typed(t *define.Table, k job.Column, c source.SurveyedColumn, policy string) (Change, bool) {
	change := Change{Column: k.Name, From: TypeName(k.Type), To: TypeName(c.Type)}
	declared := indexOf(t.Columns, k.Name) >= 0
	switch m := c.Misfit; {
	case m != nil:
		change.Kind = Typed
		change.Text = fmt.Sprintf("%s of %s values do not fit", count(m.Count), count(m.Of))
		if m.Example != "" {
			change.Text += fmt.Sprintf(", the first %q (%s)", m.Example, m.Place)
		}
		change.Effect, change.Drift = rejected(t, m.Count, m.Of)
		if !declared && policy == "add" && widening(k.Type, c.Type) {
			change.Kind, change.Policy, change.Effect, change.Drift = Wider, policy, "would be widened by the next run", true
		}
		return change, true
	case narrower(k.Type, c.Type):
		change.Kind, change.Text, change.Effect = Narrow, "all values are of a narrower type", "nothing to do"
		return change, true
	}
	return change, false
}

// rejected says what becomes of records that cannot be taken, and whether they stop the build.
func rejected(t *define.Table, n, of int64) (effect string, stops bool) {
	switch {
	case !t.MaxRejects.Exceeded(n, of):
		return "rejected, within max_rejects", false
	case t.MaxRejects == define.Limit{}:
		return "the next run will stop: no record may be rejected (max_rejects)", true
	}
	return "rejected, and more than max_rejects: the next run will stop", true
}

func are(n int64, word string) string {
	if n == 1 {
		return "1 " + word + " is"
	}
	return count(n) + " " + word + "s are"
}

// widening says whether a table takes the wider type over by itself.
func widening(from, to string) bool {
	return from == "INTEGER" && to == "BIGINT" || from == "FLOAT" && to == "DOUBLE"
}

var decimalForm = regexp.MustCompile(`^DECIMAL\((\d+),(\d+)\)$`)

// narrower says whether to is a type of the same kind with less room than from.
func narrower(from, to string) bool {
	switch from {
	case "BIGINT":
		return to == "INTEGER"
	case "DOUBLE":
		return to == "FLOAT" || to == "BIGINT" || to == "INTEGER"
	case "TIMESTAMP":
		return to == "DATE"
	}
	return decimalForm.MatchString(from) && (to == "BIGINT" || to == "INTEGER")
}

// TypeName is a type as a person reads it.
func TypeName(canonical string) string { return typeWords(canonical) }

func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
