// Package dqdl parses and prints AWS Glue's Data Quality Definition Language: text in, tree out.
//
// The trees keep what was written (number text, quotes, connector words, names of variables) so that String gives the
// canonical line, and hold what variables stand for, so that a rule can be judged by itself.
package dqdl

// Ruleset is a whole document.
type Ruleset struct {
	Metadata      *Metadata
	DataSources   *DataSources
	Variables     []Variable
	DefaultLabels []Label
	Rules         []*Rule
	Analyzers     []*Rule // name, params and, for Distribution, tags only
}

// Metadata describes the document.
type Metadata struct {
	Version Quoted
}

// DataSources names what the rules are about. An empty Primary and no Additional are the same as absent.
type DataSources struct {
	Primary    Quoted
	Additional []Quoted
}

// Variable is a name for a text or a list of texts.
type Variable struct {
	Name   string
	List   bool // written with brackets
	Values []Text
}

// Rule is one rule, a composite of rules, or an analyzer.
type Rule struct {
	Name      string
	Params    []Param
	Condition Condition        // nil where the type has none
	Where     Quoted           // an SQL condition on rows; "" for none
	Threshold *NumberCondition // of "with threshold"; nil for none
	Tags      []Tag            // of "with", threshold excluded
	Labels    []Label          // written at this rule

	Join    Join    // of a composite, which has Members and Labels only; "" otherwise
	Members []*Rule // two or more

	Line, Col int // where it starts, 1-based
}

// Join says how a composite combines its members.
type Join string

// The joins.
const (
	And Join = "AND"
	Or  Join = "OR"
)

// Tag gives the value of a tag, and whether the rule has it.
func (r *Rule) Tag(name string) (string, bool) {
	for _, t := range r.Tags {
		if t.Name == name {
			return t.Value(), true
		}
	}
	return "", false
}

// Leaves calls visit for the rule itself, or for each simple rule in a composite, in order.
func (r *Rule) Leaves(visit func(*Rule)) {
	if r.Join == "" {
		visit(r)
		return
	}
	for _, m := range r.Members {
		m.Leaves(visit)
	}
}

// Param is one parameter of a rule: most often a column.
type Param struct {
	Connector string // of, OF, and, AND before it; noise that is printed again
	Text      string // as written, without quotes; what the variable stands for, where Var is set
	Quoted    bool
	Var       string // name of the variable, without $
}

// Value is the parameter's text with escapes resolved.
func (p Param) Value() string {
	if p.Quoted || p.Var != "" {
		return Quoted(p.Text).Value()
	}
	return p.Text
}

// Tag is a setting written as "with name = value".
type Tag struct {
	Name   string
	Text   string // as written, without quotes
	Quoted bool   // false for numbers, true and false
}

// Value is the tag's text with escapes resolved.
func (t Tag) Value() string {
	if t.Quoted {
		return Quoted(t.Text).Value()
	}
	return t.Text
}

// Label is a key and a value that a person sorts rules by.
type Label struct {
	Key, Value Quoted
}

func hasKey(labels []Label, key Quoted) bool {
	for _, l := range labels {
		if l.Key == key {
			return true
		}
	}
	return false
}
