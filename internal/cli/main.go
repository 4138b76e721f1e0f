// Package cli is the command line: one file a command. It wires every other package together and decides what a person
// sees.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"weir/internal/fault"
)

// Main runs the command line and gives the process's exit code. It writes nowhere but to out and errOut, and to the
// project's folder.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: in, out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return fault.ExitDone
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	if ctx.Err() != nil && fault.ClassOf(err) != fault.Canceled {
		err = fault.New(fault.Canceled, "interrupted")
	}
	a.report(err)
	return fault.ExitCode(err)
}

// exitCode ends the process with a code after everything there was to say has been said.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit %d", int(c)) }

// report writes an error for a person: what happened, then what to do.
func (a *app) report(err error) {
	text := a.redact(err.Error())
	if !strings.Contains(text, "\n") {
		text = "weir: " + text
	}
	fmt.Fprintln(a.err, text)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintln(a.err, "  "+a.redact(hint))
	}
	if fault.ClassOf(err) == fault.Internal {
		fmt.Fprintln(a.err, "  this is a fault of weir itself; please report it with the command and the text above")
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "weir",
		Short:         "A folder of table definitions becomes checked, versioned tables in a lake",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.PersistentFlags().StringVarP(&a.dir, "directory", "C", ".", "the project's folder")
	root.PersistentFlags().StringVar(&a.env, "env", "", "environment of weir.yaml to use")
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return usedFlags(c) }
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.New(fault.Usage, "%w", err).WithHint("see: %s --help", c.CommandPath())
	})
	root.AddCommand(
		a.initCommand(),
		a.validateCommand(),
		a.planCommand(),
		a.runCommand(),
		a.backfillCommand(),
		a.publishCommand(),
		a.compileCommand(),
		a.testCommand(),
		a.qualityCommand(),
		a.queryCommand(),
		a.diffCommand(),
		a.verifyCommand(),
		a.rollbackCommand(),
		a.branchCommand(),
		a.tablesCommand(),
		a.showCommand(),
		a.lineageCommand(),
		a.crawlCommand(),
		a.importCommand(),
		a.profileCommand(),
		a.suggestCommand(),
		a.dropCommand(),
		a.renameCommand(),
		a.maintainCommand(),
		a.runsCommand(),
		a.rejectsCommand(),
		a.contractCommand(),
		a.positionCommand(),
		a.connectionCommand(),
		a.schemaCommand(),
		a.docsCommand(),
		a.versionCommand(),
	)
	usageArgs(root)
	return root
}

// usedFlags gives flags that exclude each other, and those whose value is empty, the class usage: an empty one is mostly a
// variable of a script that is not set, and what it would have named is not meant to be left out.
func usedFlags(c *cobra.Command) (err error) {
	if err := c.ValidateFlagGroups(); err != nil {
		return fault.New(fault.Usage, "%w", err).WithHint("see: %s --help", c.CommandPath())
	}
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" && err == nil {
			err = fault.New(fault.Usage, "--%s is empty", f.Name).WithHint("give it a value, or leave it out")
		}
	})
	return err
}

// argumentsText puts what cobra says of arguments into words.
var argumentsText = strings.NewReplacer("accepts ", "wrong arguments: takes ", "requires ", "wrong arguments: needs ", "1 arg(s)", "1 argument", "arg(s)", "arguments", "only received ", "got ", "received ", "got ")

// usageArgs gives wrong arguments the class usage, with the command's own line as the remedy.
func usageArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return fault.New(fault.Usage, "%s", argumentsText.Replace(err.Error())).WithHint("usage: %s", c.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		usageArgs(sub)
	}
}
