package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/lake"
)

// dropOptions are the flags of weir drop.
type dropOptions struct {
	yes, keepFiles, force bool
}

func (a *app) dropCommand() *cobra.Command {
	var o dropOptions
	c := &cobra.Command{Use: "drop TABLE", Short: "Remove a table from the lake, with its files and its past", Args: cobra.ExactArgs(1),
		Long: `Remove a table from the lake: its entry in the catalog and the files of its own folder.

Its snapshots, its position and its rejects go with it. A table that others read is not dropped. A table that still
has its definition is built again by the next run, from what its source holds then.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.drop(c.Context(), args[0], o) })
		}}
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&o.keepFiles, "keep-files", false, "take it out of the catalog only")
	c.Flags().BoolVar(&o.force, "force", false, "drop it though other tables read it")
	return c
}

func (w *workspace) drop(ctx context.Context, name string, o dropOptions) error {
	t, err := w.stored(ctx, name)
	if err != nil {
		return err
	}
	if readers := w.readers(name); len(readers) > 0 && !o.force {
		return fault.New(fault.Usage, "%s is read by %s", name, list(readers)).WithHint("change or drop what reads it first, or add --force")
	}
	if err := w.describeDrop(ctx, t, o); err != nil {
		return err
	}
	if !o.yes {
		if err := w.confirm(name); err != nil {
			return err
		}
	}
	return w.recorded(ctx, "drop "+name, name, func(journal.Run) (build.Outcome, error) {
		err := w.lake.Drop(ctx, name, !o.keepFiles)
		if err == nil {
			fmt.Fprintf(w.app.out, "%s dropped\n", name)
		}
		return build.Outcome{}, err
	})
}

// stored loads a table of the lake, whether it has a definition or not.
func (w *workspace) stored(ctx context.Context, name string) (*lake.Table, error) {
	t, err := w.lake.Table(ctx, name)
	if !isNoTable(err) {
		return t, err
	}
	if n := w.graph.Nodes[name]; n != nil {
		return nil, fault.New(fault.Usage, "%s is not in the lake: it has not been built", name)
	}
	names, lerr := w.lake.Tables(ctx)
	return nil, errors.Join(fault.New(fault.Usage, "%s is not in the lake", name).WithHint("%s", nearest(name, names)), lerr)
}

// readers are the tables whose SQL names a table.
func (w *workspace) readers(name string) (readers []string) {
	for _, other := range w.graph.Order {
		if slices.Contains(w.graph.Nodes[other].Inputs, name) {
			readers = append(readers, other)
		}
	}
	return readers
}

// describeDrop says what will be lost.
func (w *workspace) describeDrop(ctx context.Context, t *lake.Table, o dropOptions) error {
	line := tableLine{}
	if err := line.fill(ctx, t); err != nil {
		return err
	}
	fmt.Fprintf(w.app.out, "%s: %s rows in %s, %s, and %s\n", t.Name(), count(line.Rows), plural(int64(line.Files), "file"), size(line.Bytes),
		plural(int64(len(t.Snapshots())), "snapshot"))
	if o.keepFiles {
		fmt.Fprintf(w.app.out, "its files stay at %s; no command of weir finds them there again\n", t.Location())
	} else {
		fmt.Fprintf(w.app.out, "all that lies at %s goes and cannot be brought back\n", t.Location())
	}
	if n := w.graph.Nodes[t.Name()]; n != nil {
		fmt.Fprintf(w.app.out, "%s still defines it: the next run builds it again\n", n.Table.File)
	}
	for _, r := range w.readers(t.Name()) {
		fmt.Fprintf(w.app.out, "%s reads it and cannot be built without it\n", r)
	}
	return nil
}

// confirm asks for the table's name.
func (w *workspace) confirm(name string) error {
	fmt.Fprintf(w.app.out, "type the table's name to drop it: ")
	answer, err := bufio.NewReader(w.app.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.New(fault.Usage, "read the answer: %w", err)
	}
	if strings.TrimSpace(answer) == name {
		return nil
	}
	if answer == "" {
		fmt.Fprintln(w.app.out)
	}
	return fault.New(fault.Usage, "nothing dropped: the answer is not %s", name).WithHint("where nobody can answer: weir drop %s --yes", name)
}

func (a *app) renameCommand() *cobra.Command {
	return &cobra.Command{Use: "rename OLD NEW", Short: "Give a table of the lake the name its definition has now", Args: cobra.ExactArgs(2),
		Long: `Give a table of the lake another name, after its definition was moved: OLD has no definition any more, and NEW has one
but is not built. Rows, snapshots, position and rejects stay.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.rename(c.Context(), args[0], args[1]) })
		}}
}

func (w *workspace) rename(ctx context.Context, was, is string) error {
	if _, err := w.stored(ctx, was); err != nil {
		return err
	}
	if n := w.graph.Nodes[was]; n != nil {
		return fault.New(fault.Usage, "%s still defines %s", n.Table.File, was).WithHint("move the file to where it makes %s, then give the table its name", is)
	}
	if err := w.known(is); err != nil {
		return err
	}
	if w.graph.Nodes[is].Table.Mode == define.View {
		return fault.New(fault.Usage, "%s is a view and stores nothing", is)
	}
	return w.recorded(ctx, "rename "+was+" "+is, is, func(journal.Run) (build.Outcome, error) {
		err := w.lake.Rename(ctx, was, is)
		if err == nil {
			fmt.Fprintf(w.app.out, "%s is %s now\n", was, is)
		}
		return build.Outcome{}, err
	})
}
