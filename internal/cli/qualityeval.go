package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/dqdl"
	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/quality"
)

// exitFailed is how an evaluation says that a rule does not hold.
const exitFailed = fault.ExitData

type evalOptions struct {
	rules, data, history string
	tables, options      []string
	rows, json           bool
}

func (a *app) qualityEvalCommand() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use:   "eval --rules FILE --data FILE",
		Short: "Judge a file by rules, without a project",
		Long: `Judges the rows of a CSV, TSV, NDJSON or Parquet file by the rules of a DQDL document, as Glue judges a frame: a rule that cannot
be used, such as for a column that is not there, fails. Further tables are known to rules by the name given with --table.
Columns of a CSV file are what all of their values are: whole numbers, numbers, dates, times, true and false, else text; a
field that is empty and not in quotes is NULL.

Exit codes: 0 all rules hold; 2 the document, a file or an option is wrong; 3 a rule failed or could not be judged.

--option takes options of Glue by name: compositeRuleEvaluation.method=ROW judges composites row by row,
rowLevelConfiguration.filteredRowLabel=SKIPPED tells rows outside a rule's where from those that pass,
rowLevelConfiguration.ruleWithLabels=ENABLED lists labels with rules.
--history is a JSON object of values by metric, the latest first: {"Dataset.*.RowCount": [120, 118]}.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.evaluate(c.Context(), o) },
	}
	f := c.Flags()
	f.StringVar(&o.rules, "rules", "", "the DQDL document, - for the standard input")
	f.StringVar(&o.data, "data", "", "the file to judge")
	f.StringArrayVar(&o.tables, "table", nil, "NAME=FILE, a further table that rules name")
	f.StringVar(&o.history, "history", "", "values of metrics in earlier runs, a JSON file")
	f.StringArrayVar(&o.options, "option", nil, "NAME=VALUE, an option of the evaluation")
	f.BoolVar(&o.rows, "rows", false, "say of each row which rules it passes and fails")
	f.BoolVar(&o.json, "json", false, "print as JSON")
	a.memoryFlag(c)
	for _, required := range []string{"rules", "data"} {
		if err := c.MarkFlagRequired(required); err != nil {
			panic(err) // the flag stands above
		}
	}
	return c
}

// evaluation is one judgement of a file.
type evaluation struct {
	app      *app
	set      *dqdl.Ruleset
	session  *duckdb.Session
	table    quality.Table
	others   map[string]string
	options  map[string]string
	outcomes []quality.Outcome
	analyzed []quality.Outcome
	marks    [][]quality.Mark // of each row, of each rule; nil where they were not asked for
}

func (a *app) evaluate(ctx context.Context, o evalOptions) error {
	e := &evaluation{app: a, others: map[string]string{}}
	var err error
	if e.set, err = a.readRuleset(o.rules); err != nil {
		return err
	}
	if e.options, err = evaluationOptions(o.options); err != nil {
		return err
	}
	e.table = quality.Table{Now: time.Now(), Others: map[string][]job.Column{}, ByRow: e.options[optionMethod] == "ROW",
		Files: localFiles{app: a, data: a.local(o.data)}}
	if e.table.History, err = a.readHistory(o.history); err != nil {
		return err
	}
	close, err := e.open(ctx, a.folders(o))
	if err != nil {
		return err
	}
	if err := errors.Join(e.judge(ctx, o), close()); err != nil {
		return err
	}
	if o.json {
		err = e.printJSON(o.rows)
	} else {
		err = e.print(o.rows)
	}
	if err == nil && slices.ContainsFunc(e.outcomes, func(x quality.Outcome) bool { return !x.Passed }) {
		return exitCode(exitFailed)
	}
	return err
}

// folders are those of the files given: the SQL of rules reads nothing else.
func (a *app) folders(o evalOptions) []string {
	paths := []string{o.data}
	for _, t := range o.tables {
		_, path, _ := strings.Cut(t, "=")
		paths = append(paths, path)
	}
	var all []string
	for _, p := range paths {
		if abs, err := filepath.Abs(filepath.Dir(a.local(p))); err == nil && !slices.Contains(all, abs) {
			all = append(all, abs)
		}
	}
	return all
}

// open starts an engine of its own for the evaluation.
func (e *evaluation) open(ctx context.Context, folders []string) (func() error, error) {
	memory, err := budget(e.app.memory, 0)
	if err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(256 << 20) // Go's own part; marks of rows are in it
	scratch, err := temporaryScratch()
	if err != nil {
		return nil, err
	}
	engine, err := duckdb.Open(ctx, duckdb.Options{Memory: engineShare(memory), TempDir: scratch.part("spill"), Dirs: folders})
	if err != nil {
		return nil, errors.Join(err, scratch.close())
	}
	if e.session, err = engine.Session(ctx); err != nil {
		return nil, errors.Join(err, engine.Close(), scratch.close())
	}
	return func() error { return errors.Join(e.session.Close(), engine.Close(), scratch.close()) }, nil
}

// judged is the name of the table with the rows under judgement.
const judged = "weir_judged"

func (e *evaluation) judge(ctx context.Context, o evalOptions) error {
	var err error
	if e.table.Columns, err = loadFile(ctx, e.session, e.app.local(o.data), judged); err != nil {
		return fmt.Errorf("read %s: %w", o.data, err)
	}
	for i, t := range o.tables {
		name, path, ok := strings.Cut(t, "=")
		switch _, twice := e.others[name]; {
		case !ok || name == "" || path == "":
			return fault.New(fault.Usage, "--table: %q is not NAME=FILE", t)
		case strings.EqualFold(name, "primary"):
			return fault.New(fault.Usage, "--table: primary is what rules call the rows of --data")
		case twice:
			return fault.New(fault.Usage, "--table: %s is given twice", name)
		}
		loaded := fmt.Sprintf("weir_other%d", i)
		if e.table.Others[name], err = loadFile(ctx, e.session, e.app.local(path), loaded); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		e.others[name] = loaded
	}
	checks, err := quality.CompileRuleset(e.set, e.table)
	if err != nil {
		return err
	}
	if e.outcomes, e.analyzed, err = checks.Judge(ctx, e.session, judged, e.others); err != nil || !o.rows {
		return err
	}
	e.marks = [][]quality.Mark{}
	return checks.MarkRows(ctx, e.session, judged, e.others, func(m []quality.Mark) error {
		e.marks = append(e.marks, slices.Clone(m))
		return nil
	})
}

const (
	optionMethod   = "compositeRuleEvaluation.method"
	optionFiltered = "rowLevelConfiguration.filteredRowLabel"
	optionLabels   = "rowLevelConfiguration.ruleWithLabels"
)

// evaluationOptions reads NAME=VALUE.
func evaluationOptions(given []string) (map[string]string, error) {
	known := map[string][]string{optionMethod: {"COLUMN", "ROW"}, optionFiltered: {"PASSED", "SKIPPED"}, optionLabels: {"ENABLED", "DISABLED"}}
	all := map[string]string{}
	for _, g := range given {
		name, value, _ := strings.Cut(g, "=")
		values, ok := known[name]
		if !ok {
			return nil, fault.New(fault.Usage, "--option: %q is not known", name).WithHint("%s", nearest(name, keys(known)))
		}
		if !slices.Contains(values, strings.ToUpper(value)) {
			return nil, fault.New(fault.Usage, "--option: %s is not %q", name, value).WithHint("it is %s", strings.Join(values, " or "))
		}
		all[name] = strings.ToUpper(value)
	}
	return all, nil
}

// temporaryScratch is a scratch folder outside any project.
func temporaryScratch() (*scratch, error) {
	return openScratch(filepath.Join(temporaryFolder(), "weir-quality"))
}
