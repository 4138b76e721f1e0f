package define

import (
	"errors"
	"strings"

	"weir/internal/dqdl"
	"weir/internal/project"
	"weir/internal/quality"
)

// ruleList is rules: a list of DQDL lines and of maps of rule and on_fail, or a whole DQDL document as one text.
type ruleList []quality.Rule

// ruleKeys are the keys of a rule that is written as a map.
type ruleKeys struct {
	Rule   textNode `yaml:"rule" required:"true" doc:"one line of DQDL, as in: IsComplete \"order_id\""`
	OnFail string   `yaml:"on_fail" enum:"stop|warn|quarantine" default:"stop" doc:"what a rule that does not hold does: stop the build, only say so, or turn away the rows that fail"`
}

// DecodeNode reads the rules.
func (l *ruleList) DecodeNode(n *project.Node) []project.Problem {
	if n.Kind == project.Text {
		return l.document(n)
	}
	if n.Kind != project.List {
		return []project.Problem{n.Problem("rules: expected a list of rules, found %s", n.Describe()).WithHint("start each rule with a dash")}
	}
	var problems []project.Problem
	for _, item := range n.Items {
		problems = append(problems, l.item(item)...)
	}
	return problems
}

func (l *ruleList) item(n *project.Node) []project.Problem {
	onFail := "stop"
	text := n
	if n.Kind == project.Map {
		if n.Pair("rule") == nil && len(n.Pairs) == 1 && strings.ContainsAny(n.Pairs[0].Key, ` "`) {
			return []project.Problem{n.Problem("a colon and a space stand inside this rule").WithHint("quote the whole rule, or write rule: |")}
		}
		var keys ruleKeys
		if problems := project.Decode(n, &keys); len(problems) > 0 {
			return problems
		}
		if keys.Rule.Node == nil {
			return nil // a variable in it has no value, which is said already
		}
		text, onFail = keys.Rule.Node, keys.OnFail
	}
	if text.Kind != project.Text {
		return []project.Problem{text.Problem("expected a rule, found %s", text.Describe())}
	}
	if text.Unset {
		return nil
	}
	rule, err := dqdl.ParseRule(text.Text)
	if err != nil {
		return ruleProblems(text, err)
	}
	l.add(text, rule, onFail)
	return nil
}

// document reads rules: | with a whole document. Its rules all stop.
func (l *ruleList) document(n *project.Node) []project.Problem {
	if n.Style != project.Block && n.Style != project.Folded && !strings.Contains(n.Text, "[") {
		return []project.Problem{n.Problem("rules: expected a list of rules, found %s", n.Describe()).WithHint("start each rule with a dash")}
	}
	set, err := dqdl.Parse(n.Text)
	if err != nil {
		return ruleProblems(n, err)
	}
	for _, rule := range set.Rules {
		l.add(n, rule, "stop")
	}
	if len(set.Analyzers) > 0 {
		return []project.Problem{inside(n, set.Analyzers[0].Line, set.Analyzers[0].Col).Problem("analyzers are not judged").WithHint("take the section Analyzers out")}
	}
	return nil
}

func (l *ruleList) add(n *project.Node, rule *dqdl.Rule, onFail string) {
	at := inside(n, rule.Line, rule.Col)
	*l = append(*l, quality.Rule{Text: rule.String(), Rule: rule, OnFail: quality.OnFail(onFail), File: at.File, Line: at.Line, Col: at.Col})
}

func ruleProblems(n *project.Node, err error) []project.Problem {
	var mistakes dqdl.Errors
	if !errors.As(err, &mistakes) {
		return []project.Problem{n.Problem("%v", err)}
	}
	var problems []project.Problem
	for _, m := range mistakes {
		problems = append(problems, inside(n, m.Line, m.Col).Problem("%s", m.Msg))
	}
	return problems
}

// inside turns a place in a text into one of the file that holds the text. Lines of folded and quoted texts are joined by
// YAML, so that there only the first can be told.
func inside(n *project.Node, line, col int) project.Place {
	at := n.Place
	switch {
	case n.Replaced || line < 1:
	case n.Style == project.Block:
		at.Line, at.Col = at.Line+line, n.Indent+col
	case n.Style == project.Folded:
		at.Line, at.Col = at.Line+1, 1
	case line == 1 && n.Style == project.Quoted:
		at.Col += col
	case line == 1:
		at.Col += col - 1
	}
	return at
}
