package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"weir/internal/job"
	"weir/internal/model"
	"weir/internal/project"
	"weir/internal/quality"
)

// primary is what SQL in a rule calls the rows it judges.
const primary = "primary"

// ruleSQL judges the SQL in a table's rules like that of tables: it reaches the rows it is about, and nothing else. It may
// look at the clock, because no row is made of it.
func (g *Graph) ruleSQL(ctx context.Context, parser model.Parser, n *Node) (problems []project.Problem, err error) {
	n.flawed = map[int]bool{}
	for i, r := range n.Table.Rules {
		before := len(problems)
		for _, sql := range quality.UserSQL(r) {
			st, err := model.Read(ctx, parser, sql, g.Macros, model.AllowClock())
			if err != nil {
				found, err := mistakes(r.File, 1, err)
				if err != nil {
					return nil, fmt.Errorf("read rules of %s: %w", n.Table.Name, err)
				}
				for _, p := range found {
					problems = append(problems, ruleProblem(r, p.Message, p.Hint))
				}
				continue
			}
			problems = append(problems, g.ruleInputs(r, st)...)
		}
		n.flawed[i] = len(problems) > before
	}
	return problems, nil
}

func (g *Graph) ruleInputs(r quality.Rule, st *model.Statement) (problems []project.Problem) {
	for _, in := range append(st.Inputs, g.MacroInputs(st.Macros)...) {
		if !strings.EqualFold(in.Name, primary) {
			problems = append(problems, ruleProblem(r, "table "+in.Name+" is not there for a rule", "the rows of the table are called primary; rules about several tables are not part of this version"))
		}
	}
	for _, name := range st.Params {
		problems = append(problems, ruleProblem(r, "$"+name+" is not there for a rule", "write the value into the rule"))
	}
	return problems
}

func ruleProblem(r quality.Rule, message, hint string) project.Problem {
	return project.Problem{Place: project.Place{File: r.File, Line: max(1, r.Line), Col: max(1, r.Col)}, Message: "rule " + r.Text + ": " + message, Hint: hint}
}

// bindRules binds the SQL of a table's rules against its columns.
func bindRules(ctx context.Context, b Binder, n *Node) (problems []project.Problem) {
	t := n.Table
	for i, r := range t.Rules {
		if n.flawed[i] {
			continue
		}
		for _, sql := range quality.UserSQL(r) {
			_, err := b.DescribeParams(ctx, "WITH "+job.Quote(primary)+" AS (SELECT * FROM "+job.QuoteTable(t.Name)+")\nSELECT * FROM ("+sql+"\n)", nil)
			if err != nil && !errors.Is(err, context.Canceled) {
				problems = append(problems, ruleProblem(r, err.Error(), ""))
			}
		}
	}
	return problems
}
