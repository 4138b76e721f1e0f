package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"weir/internal/dqdl"
	"weir/internal/fault"
)

// qualityCommand shows how rules came out, and groups what can be done with rules without a project.
func (a *app) qualityCommand() *cobra.Command {
	var o qualityReportOptions
	c := &cobra.Command{
		Use:   "quality [SELECTION…]",
		Short: "How rules came out: scores by table, rule and label over time; rules in DQDL without a project",
		Long: `Shows how the rules of the selected tables came out in their latest builds, without asking them again: the share of rules that
hold, by table and by label, each rule with how often it held, and the score of each build.`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return a.with(c.Context(), func(w *workspace) error { return w.qualityReport(c.Context(), args, o) })
		},
	}
	c.Flags().BoolVar(&o.json, "json", false, "print as JSON")
	c.Flags().IntVar(&o.limit, "limit", 20, "how many builds of a table")
	c.Flags().StringVar(&o.junit, "junit", "", "file to write the results of the latest builds to as JUnit XML")
	c.AddCommand(a.qualityParseCommand(), a.qualityEvalCommand())
	return c
}

func (a *app) qualityParseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "parse FILE",
		Short: "Print a ruleset in canonical form, or every mistake in it",
		Long: `Reads a DQDL document and prints it in canonical form. With mistakes in it, prints each of them with line and column on the
error output instead and ends with code 2. - reads from the standard input.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := a.readRuleset(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.out, set)
			return err
		},
	}
}

// maxRuleset bounds what is read of a ruleset: many times of what Glue takes.
const maxRuleset = 16 << 20

// readRuleset reads a DQDL document. Its mistakes are printed, a line each, and end the program.
func (a *app) readRuleset(path string) (*dqdl.Ruleset, error) {
	text, err := a.readText(path)
	if err != nil {
		return nil, err
	}
	set, err := dqdl.Parse(text)
	var mistakes dqdl.Errors
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			fmt.Fprintf(a.err, "%s:%d:%d: %s\n", path, m.Line, m.Col, m.Msg)
		}
		return nil, exitCode(fault.ExitUsage)
	}
	return set, err
}

func (a *app) readText(path string) (string, error) {
	var in io.Reader = a.in
	if path != "-" {
		f, err := os.Open(a.local(path))
		if err != nil {
			return "", fault.New(fault.Usage, "read rules: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxRuleset+1))
	switch {
	case err != nil:
		return "", fault.New(fault.Usage, "read rules: %w", err)
	case len(data) > maxRuleset:
		return "", fault.New(fault.Usage, "read rules: %s has more than %s", path, size(maxRuleset))
	case !utf8.Valid(data):
		return "", fault.New(fault.Usage, "read rules: %s is not UTF-8", path)
	}
	return string(data), nil
}

// local is a path as the command line means it: from the folder of --directory.
func (a *app) local(path string) string {
	path = strings.TrimPrefix(path, "file://")
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(a.dir, path)
}
