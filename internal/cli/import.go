package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"weir/internal/dbt"
	"weir/internal/fault"
)

func (a *app) importCommand() *cobra.Command {
	c := &cobra.Command{Use: "import", Short: "Definitions from what other tools keep", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(&cobra.Command{
		Use: "dbt FILE…", Short: "Rules and columns from the schema files of dbt",
		Long: `Reads schema files of dbt (schema.yml) and prints the columns and rules of each model, seed, snapshot and source table as
definitions take them. A test without an equal is named on the error output with its place and the reason; then the exit code is 3.
Nothing is written: paste what is printed into the definition.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return a.importDbt(args) },
	})
	return c
}

func (a *app) importDbt(files []string) error {
	left, wrong, first := 0, 0, true
	for _, file := range files {
		text, err := os.ReadFile(a.local(file))
		if err != nil {
			return fault.New(fault.Usage, "read dbt's file: %w", err)
		}
		tables, problems := dbt.Read(file, string(text))
		for _, p := range problems {
			wrong++
			fmt.Fprintf(a.err, "%s\n", p)
		}
		for _, t := range tables {
			if !first {
				fmt.Fprintln(a.out)
			}
			first = false
			fmt.Fprintf(a.out, "# %s, from %s:%d\n", t.Name, file, t.At.Line)
			if err := t.Write(a.out); err != nil {
				return err
			}
			for _, l := range t.Left {
				left++
				fmt.Fprintf(a.err, "%s:%d:%d: %s of %s: %s\n", file, l.At.Line, l.At.Col, l.Test, t.Name, l.Why)
			}
		}
	}
	switch {
	case wrong > 0:
		return exitCode(fault.ExitUsage)
	case left > 0:
		fmt.Fprintf(a.err, "%s without an equal\n", plural(int64(left), "test"))
		return exitCode(fault.ExitData)
	case first:
		return errors.New("no models, seeds, snapshots or sources in these files")
	}
	return nil
}
