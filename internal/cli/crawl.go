package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/internal/crawl"
	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/source"
)

type crawlFlags struct {
	path        string
	exclude     []string
	sample      int
	bytes       string
	write       bool
	prefix      string
	check, json bool
}

func (a *app) crawlCommand() *cobra.Command {
	var f crawlFlags
	c := &cobra.Command{Use: "crawl CONNECTION", Short: "Find the tables in a connection's data, and what changed since they were defined",
		Long: `Find the tables in what a connection holds.

Files are put together by the shape of their names and folders, their format and their columns. For each table
the report says what was found and what speaks for it: columns and types, keys, partitions, and what was not
sure. --write writes the definitions; one that is there is never touched.

Files that a defined table reads are compared with its definition: new and missing columns, values that do not
fit, files it does not match, and what will come of each. --check ends with exit code 3 where there is any such
difference, or a table that is not defined.`,
		Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(w *workspace) error { return w.crawl(c.Context(), args[0], f) })
		}}
	c.Flags().StringVar(&f.path, "path", "", "look at files that match this pattern only")
	c.Flags().StringArrayVar(&f.exclude, "exclude", nil, "leave out files that match this pattern; may come several times")
	c.Flags().IntVar(&f.sample, "sample", 0, "files of each folder whose rows are read; 0: as many as --sample-bytes allow, in S3 up to 1,000 a table")
	c.Flags().StringVar(&f.bytes, "sample-bytes", "64MB", "how much of one table is read, unpacked")
	c.Flags().BoolVar(&f.write, "write", false, "write definitions of the tables that have none")
	c.Flags().StringVar(&f.prefix, "prefix", "raw", "folder below tables/ for them, and first part of their names")
	c.Flags().BoolVar(&f.check, "check", false, "end with exit code 3 where a definition and the data differ, or a table is not defined")
	c.Flags().BoolVar(&f.json, "json", false, "print as JSON")
	return c
}

// crawled is what a crawl prints.
type crawled struct {
	Connection string           `json:"connection"`
	Tables     []crawledTable   `json:"tables"`
	Unread     []source.Unread  `json:"unread"`
	LeftOut    []source.LeftOut `json:"left_out"`
	Drift      bool             `json:"drift"` // what --check fails for
}

type crawledTable struct {
	Table   string          `json:"table"` // its full name, as defined or as it would be
	State   string          `json:"state"` // new, written, defined, drifted, beside
	File    string          `json:"file,omitempty"`
	Found   source.Surveyed `json:"found"`
	Changes []crawl.Change  `json:"changes,omitempty"`
}

func (w *workspace) crawl(ctx context.Context, connection string, f crawlFlags) error {
	request, err := w.surveyRequest(ctx, connection, f)
	if err != nil {
		return err
	}
	c, ok := w.project.Connections[connection]
	if !ok {
		return fault.New(fault.Usage, "connection %q is not in weir.yaml", connection).WithHint("%s", nearest(connection, keys(w.project.Connections)))
	}
	opened, err := w.sources.connection(ctx, connection)
	if err != nil {
		return err
	}
	surveyor, ok := opened.(source.Surveyor)
	if !ok {
		return fault.New(fault.Usage, "connection %s: a %s connection cannot be crawled", connection, c.Type)
	}
	s, err := w.engine.Session(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	request.Engine = s
	found, err := surveyor.Survey(ctx, request)
	if err != nil {
		return fmt.Errorf("crawl %s: %w", connection, err)
	}
	out := w.judgeSurvey(connection, f.prefix, found, request.Claims)
	if f.write {
		if err := w.writeDefinitions(connection, &out); err != nil {
			return err
		}
	}
	if f.json {
		if err := writeJSON(w.app.out, out); err != nil {
			return err
		}
	} else {
		printCrawl(w.app, out)
	}
	if f.check && out.Drift {
		return exitCode(fault.ExitData)
	}
	return nil
}

// surveyRequest checks the flags and gathers the tables that read the connection.
func (w *workspace) surveyRequest(ctx context.Context, connection string, f crawlFlags) (source.SurveyRequest, error) {
	r := source.SurveyRequest{Only: f.path, Exclude: f.exclude, Sample: f.sample, Name: connection}
	if err := crawl.CheckPrefix(f.prefix); err != nil {
		return r, fault.New(fault.Usage, "%w", err)
	}
	if f.sample < 0 {
		return r, fault.New(fault.Usage, "--sample is a number of files, 0 for no limit")
	}
	bytes, err := project.ParseSize(f.bytes)
	if err != nil || bytes < 1 {
		return r, fault.New(fault.Usage, "--sample-bytes %q is not a size", f.bytes).WithHint("write 64MB or 1GB")
	}
	r.Bytes = int64(bytes)
	for _, name := range keys(w.project.Tables) {
		t := w.project.Tables[name]
		if t.Kind != define.FromSource || t.Connection != connection {
			continue
		}
		claim, err := w.claimOf(ctx, t)
		if err != nil {
			return r, err
		}
		r.Claims = append(r.Claims, claim)
	}
	return r, nil
}

// claimOf is a defined table as the survey needs it: with what the lake holds of it.
func (w *workspace) claimOf(ctx context.Context, t *define.Table) (source.Claim, error) {
	c := source.Claim{Table: t.Name, Reader: t.Source, Columns: crawl.Baseline(t, nil)}
	stored, err := w.lake.Table(ctx, t.Name)
	if isNoTable(err) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	c.Columns = crawl.Baseline(t, stored.Columns())
	ledger, err := stored.Ledger(ctx)
	if err != nil {
		return c, err
	}
	if c.Read = ledger.Position; c.Read == nil {
		c.Read = job.Position{}
	}
	return c, nil
}

// judgeSurvey names the new tables and compares the others with their definitions.
func (w *workspace) judgeSurvey(connection, prefix string, found source.Survey, claims []source.Claim) crawled {
	out := crawled{Connection: connection, Tables: []crawledTable{}, Unread: found.Unread, LeftOut: found.Left}
	if out.Unread == nil {
		out.Unread = []source.Unread{}
	}
	if out.LeftOut == nil {
		out.LeftOut = []source.LeftOut{}
	}
	taken := map[string]bool{}
	for _, t := range found.Tables {
		switch {
		case t.Claim != "":
			out.Tables = append(out.Tables, w.compared(t, found.Tables, claims))
		case t.Beside == "":
			name := w.freeName(prefix+"."+t.Name, connection, taken)
			out.Tables = append(out.Tables, crawledTable{Table: name, State: "new", File: crawl.FileOf(name), Found: t})
		}
	}
	slices.SortStableFunc(out.Tables, func(a, b crawledTable) int { return compare(a.Table, b.Table) })
	out.Drift = slices.ContainsFunc(out.Tables, func(t crawledTable) bool { return t.State != "defined" })
	return out
}

func (w *workspace) compared(t source.Surveyed, all []source.Surveyed, claims []source.Claim) crawledTable {
	d := w.project.Tables[t.Claim]
	var beside []source.Surveyed
	for _, b := range all {
		if b.Beside == t.Claim {
			beside = append(beside, b)
		}
	}
	i := slices.IndexFunc(claims, func(c source.Claim) bool { return c.Table == t.Claim })
	c := crawledTable{Table: t.Claim, State: "defined", File: d.File, Found: t, Changes: crawl.Drift(d, claims[i], t, beside)}
	if slices.ContainsFunc(c.Changes, func(c crawl.Change) bool { return c.Drift }) {
		c.State = "drifted"
	}
	return c
}

// freeName is a name that no table of the project has.
func (w *workspace) freeName(name, connection string, taken map[string]bool) string {
	try := name
	for n := 1; taken[strings.ToLower(try)] || crawl.Taken(w.project, try) != "" || exists(filepath.Join(w.project.Root, crawl.FileOf(try))); n++ {
		switch n {
		case 1:
			try = name + "_" + crawl.Part(connection)
		default:
			try = fmt.Sprintf("%s_%d", name, n)
		}
	}
	taken[strings.ToLower(try)] = true
	return try
}

// writeDefinitions writes what is new. Where the text of one would not load, which is a fault of ours, it says so.
func (w *workspace) writeDefinitions(connection string, out *crawled) error {
	for i := range out.Tables {
		t := &out.Tables[i]
		if t.State != "new" {
			continue
		}
		if err := writeNew(filepath.Join(w.project.Root, filepath.FromSlash(t.File)), crawl.Definition(connection, t.Found)); err != nil {
			return err
		}
		t.State = "written"
	}
	out.Drift = slices.ContainsFunc(out.Tables, func(t crawledTable) bool { return t.State == "drifted" })
	if _, err := w.app.load(); err != nil {
		return fault.New(fault.Internal, "the definitions were written and do not load: %w", err)
	}
	return nil
}

// writeNew writes a file that must not be there.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.New(fault.Usage, "write %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Usage, "%s is there already; crawl never changes a definition", path)
	}
	if err != nil {
		return fault.New(fault.Usage, "write %s: %w", path, err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.New(fault.Unavailable, "write %s: %w", path, err)
	}
	return nil
}
