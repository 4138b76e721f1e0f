package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/internal/build"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/feed"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/source"
	"weir/internal/verify"
)

type verifyOptions struct {
	against string
	samples int
	again   time.Duration
	json    bool
}

func (a *app) verifyCommand() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify TABLE",
		Short: "Compare a table with what it was read from, or with a copy of it in a database",
		Long: `Compare a table with the dataset it is read from, or with another dataset of the same rows. Both sides add up their rows
where they are: counts and sums of digests, part by part of the key. Only for parts that differ are rows looked at one by one,
twice, so that a row the source has just changed is not taken for a wrong one.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.verify(c.Context(), args[0], o) })
		},
	}
	f := c.Flags()
	f.StringVar(&o.against, "against", "", "a dataset to compare with, such as bi.public.daily_sales (default: what the table is read from)")
	f.IntVar(&o.samples, "samples", 20, "rows to show that differ")
	f.DurationVar(&o.again, "again", 2*time.Second, "how long to wait before rows that differ are looked at once more")
	f.BoolVar(&o.json, "json", false, "print as JSON")
	return c
}

// verifyReport is a comparison as other programs get it.
type verifyReport struct {
	Table    string          `json:"table"`
	Against  string          `json:"against"`
	Equal    bool            `json:"equal"`
	Rows     int64           `json:"rows"`
	Other    int64           `json:"rows_against"`
	Missing  int64           `json:"missing"`
	Extra    int64           `json:"extra"`
	Differ   int64           `json:"different"`
	Changing int64           `json:"changing,omitempty"`
	Compared []string        `json:"compared"`
	Left     []string        `json:"not_compared,omitempty"`
	Samples  []verify.Sample `json:"samples,omitempty"`
}

func (w *workspace) verify(ctx context.Context, name string, o verifyOptions) (err error) {
	t, stored, err := w.verifiable(ctx, name)
	if err != nil {
		return err
	}
	other, against, err := w.copyOf(ctx, t, o.against)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	there, ok := other.(source.Summed)
	if !ok {
		return fault.New(fault.Usage, "%s cannot sum up its rows: only tables of databases can be compared", against)
	}
	s, err := w.engine.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	rel, err := stored.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return err
	}
	cols := slices.DeleteFunc(stored.Columns(), added)
	key := t.Key
	if len(key) == 0 {
		for _, c := range cols {
			key = append(key, c.Name)
		}
	}
	r, err := verify.Compare(ctx, &verify.Lake{Session: s, SQL: rel.SQL}, there, verify.Options{Columns: cols, Key: key, Samples: o.samples, Again: o.again})
	if err != nil {
		return fmt.Errorf("verify %s: %w", name, err)
	}
	return w.verified(ctx, name, against, t, r, o)
}

// added says whether a column is one that Weir adds to what it reads.
func added(c job.Column) bool {
	return c.Name == build.FileColumn || slices.ContainsFunc(feed.Columns(), func(f job.Column) bool { return f.Name == c.Name })
}

// verifiable finds a table that holds what another place holds, row for row.
func (w *workspace) verifiable(ctx context.Context, name string) (*define.Table, *lake.Table, error) {
	if err := w.known(name); err != nil {
		return nil, nil, err
	}
	t := w.project.Tables[name]
	if t == nil {
		return nil, nil, fault.New(fault.Usage, "%s has no definition", name)
	}
	if t.Mode == define.History || t.Mode == define.View {
		return nil, nil, fault.New(fault.Usage, "%s has mode %s: its rows are not those of another place", name, t.Mode)
	}
	if follows(t) && t.Mode == define.Append {
		return nil, nil, fault.New(fault.Usage, "%s is a log of changes: its rows are not those of another place", name)
	}
	stored, err := w.inLake(ctx, w.lake, name)
	return t, stored, err
}

// copyOf opens what a table is compared with.
func (w *workspace) copyOf(ctx context.Context, t *define.Table, against string) (source.Source, string, error) {
	if against == "" {
		if t.Kind != define.FromSource {
			return nil, "", fault.New(fault.Usage, "%s is not read from a database", t.Name).WithHint("--against names what to compare with: connection.schema.table")
		}
		src, err := w.sources.open(ctx, t)
		return src, t.Connection + "." + t.Dataset, err
	}
	connection, dataset, ok := strings.Cut(against, ".")
	if !ok {
		return nil, "", fault.New(fault.Usage, "--against: %q is not a dataset in a connection", against).WithHint("write connection.schema.table")
	}
	o, err := w.sources.connection(ctx, connection)
	if err != nil {
		return nil, "", err
	}
	reader, err := w.project.ReaderOf(connection, dataset)
	if err != nil {
		return nil, "", err
	}
	src, err := o.Dataset(reader)
	return src, against, err
}

// verified tells what was found.
func (w *workspace) verified(ctx context.Context, name, against string, t *define.Table, r verify.Result, o verifyOptions) error {
	out := w.app.out
	if o.json {
		rep := verifyReport{Table: name, Against: against, Equal: r.Equal(), Rows: r.Rows, Other: r.OtherRows, Missing: r.Missing, Extra: r.Extra, Differ: r.Different,
			Changing: r.Changing, Compared: r.Columns, Left: r.Left, Samples: r.Samples}
		if err := writeJSON(out, rep); err != nil {
			return err
		}
	} else {
		w.tellVerified(name, against, r)
	}
	if r.Equal() || r.Missing+r.Extra+r.Different == 0 {
		return nil
	}
	e := fault.New(fault.Data, "%s is not what %s is", name, against)
	if n, err := w.openRejects(ctx, name); err == nil && n > 0 {
		return e.WithHint("%s of it not in the table, but among its rejects: weir rejects show %s", plural(n, "row"), name)
	}
	if t.Kind == define.FromSource {
		return e.WithHint("rows that the source has changed since the last run differ, too: weir run %s, then verify again", name)
	}
	return e
}

func (w *workspace) openRejects(ctx context.Context, name string) (n int64, err error) {
	b := w.builder()
	sql, err := b.OpenRejects(ctx, name)
	if err != nil || sql == "" {
		return 0, err
	}
	s, err := w.engine.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Int(ctx, "SELECT count(*) FROM ("+sql+")")
}

func (w *workspace) tellVerified(name, against string, r verify.Result) {
	out := w.app.out
	if r.Equal() {
		fmt.Fprintf(out, "%s and %s are equal: %s, %s compared\n", name, against, plural(r.Rows, "row"), plural(int64(len(r.Columns)), "column"))
	} else {
		fmt.Fprintf(out, "%s has %s, %s has %s · %s compared\n", name, plural(r.Rows, "row"), against, count(r.OtherRows), plural(int64(len(r.Columns)), "column"))
		for _, line := range []struct {
			n    int64
			text string
		}{{r.Missing, "missing in " + name}, {r.Extra, "missing in " + against}, {r.Different, "different"}, {r.Changing, "changing in " + against + " while they were compared"}} {
			if line.n > 0 {
				fmt.Fprintf(out, "  %s %s\n", count(line.n), line.text)
			}
		}
	}
	if len(r.Left) > 0 {
		fmt.Fprintf(out, "  not compared, being of other types or not there: %s\n", strings.Join(r.Left, ", "))
	}
	for _, s := range r.Samples {
		fmt.Fprintf(out, "  %-9s %s\n", s.Kind, strings.Join(s.Key, ", "))
		for _, v := range s.Columns {
			fmt.Fprintf(out, "            %s: %s here, %s there\n", v.Name, clipText(v.Here), clipText(v.There))
		}
	}
}

func clipText(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
