package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/record"
)

// editOptions are the flags of weir rejects edit.
type editOptions struct {
	rejectFilter
	set  []string
	raw  string
	why  string
	json bool
}

func (a *app) rejectsEdit() *cobra.Command {
	var o editOptions
	c := &cobra.Command{Use: "edit TABLE", Short: "Give rejects another raw form, which a replay then takes", Args: cobra.ExactArgs(1),
		Long: `Give rejects another raw form. What came is kept beside it, with who changed it and when; a replay takes the new form.

--set changes values by column, also of many rejects at once; --raw takes the whole form of one from a file. Without either, the form of one
reject is opened in $VISUAL or $EDITOR.`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.editRejects(c.Context(), args[0], o) })
		}}
	o.flags(c)
	c.Flags().StringArrayVar(&o.set, "set", nil, "COLUMN=VALUE, may be repeated; null without quotes is null")
	c.Flags().StringVar(&o.raw, "raw", "", "file with the new raw form of one reject, - for standard input")
	c.Flags().StringVar(&o.why, "why", "", "reason, kept with the rejects")
	c.Flags().BoolVar(&o.json, "json", false, "print as JSON")
	c.MarkFlagsMutuallyExclusive("set", "raw")
	return c
}

func (w *workspace) editRejects(ctx context.Context, table string, o editOptions) error {
	if err := w.known(table); err != nil {
		return err
	}
	all, err := w.waitingOf(ctx, table)
	if err != nil {
		return err
	}
	picked, err := o.choose(table, all)
	if err != nil {
		return err
	}
	if refused := ofKind(picked, record.KindPublish); len(refused) > 0 {
		if o.kind == record.KindPublish || len(refused) == len(picked) {
			return fault.New(fault.Usage, "rows that a destination refused are rows of %s and are not edited", table).WithHint("mend the table or the destination, then weir rejects replay %s --kind publish", table)
		}
		picked = notOfKind(picked, record.KindPublish)
	}
	if len(picked) == 0 {
		fmt.Fprintf(w.app.out, "%s has no open rejects\n", table)
		return nil
	}
	raws, err := w.newRaws(ctx, picked, o)
	if err != nil {
		return err
	}
	if len(raws) == 0 {
		fmt.Fprintln(w.app.out, "nothing changed")
		return nil
	}
	return w.recorded(ctx, "rejects edit "+table, table, func(run journal.Run) (build.Outcome, error) {
		if err := w.builder().Edit(ctx, table, deed(run, o.why), raws); err != nil {
			return build.Outcome{}, err
		}
		if o.json {
			return build.Outcome{}, writeJSON(w.app.out, settledReport{Table: table, What: stateEdited, Rejects: keys(raws)})
		}
		fmt.Fprintf(w.app.out, "%s: %s edited; weir rejects replay %s takes them\n", table, plural(int64(len(raws)), "reject"), table)
		return build.Outcome{}, nil
	})
}

func notOfKind(rs []openReject, kind string) (out []openReject) {
	for _, r := range rs {
		if r.Kind != kind {
			out = append(out, r)
		}
	}
	return out
}

// newRaws are the forms that differ from those there are, by id.
func (w *workspace) newRaws(ctx context.Context, picked []openReject, o editOptions) (map[string]string, error) {
	if len(o.set) == 0 && len(picked) > 1 {
		return nil, fault.New(fault.Usage, "%s are meant, and one is edited at a time", plural(int64(len(picked)), "reject")).
			WithHint("--id ID names one; --set COLUMN=VALUE changes many")
	}
	raws := map[string]string{}
	for _, r := range picked {
		var raw string
		var err error
		switch {
		case len(o.set) > 0:
			raw, err = setAll(r, o.set)
		case o.raw == "-":
			raw, err = slurp(w.app.in)
		case o.raw != "":
			raw, err = slurpFile(o.raw)
		default:
			raw, err = w.inEditor(ctx, r)
		}
		if err != nil {
			return nil, err
		}
		if raw != r.Raw {
			raws[r.ID] = raw
		}
	}
	return raws, nil
}

// slurp reads a raw form. The newline at the end of a file is not part of it.
func slurp(in io.Reader) (string, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return "", fault.New(fault.Unavailable, "read raw form: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

func slurpFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fault.New(fault.Usage, "read raw form: %w", err)
	}
	defer f.Close()
	return slurp(f)
}

// inEditor opens a raw form in the person's editor.
func (w *workspace) inEditor(ctx context.Context, r openReject) (string, error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		return "", fault.New(fault.Usage, "no editor is known").WithHint("--set COLUMN=VALUE or --raw FILE; or set EDITOR")
	}
	dir, err := os.MkdirTemp("", "weir-edit-")
	if err != nil {
		return "", fault.New(fault.Unavailable, "edit reject: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "reject"+rawSuffix(r))
	if err := os.WriteFile(path, []byte(r.Raw+"\n"), 0o600); err != nil {
		return "", fault.New(fault.Unavailable, "edit reject: %w", err)
	}
	c := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", path)
	c.Stdin, c.Stdout, c.Stderr = w.app.in, w.app.out, w.app.err
	if err := c.Run(); err != nil {
		return "", fault.New(fault.Usage, "edit reject: %s: %w", editor, err)
	}
	return slurpFile(path)
}

func rawSuffix(r openReject) string {
	if isObject(r.Raw) {
		return ".json"
	}
	return ".csv"
}
