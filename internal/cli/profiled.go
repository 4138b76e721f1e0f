package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"weir/internal/engine/duckdb"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/project"
	"weir/internal/source"
	"weir/internal/source/files"
)

// relation is what a profile is made of: rows that can be read again and again.
type relation struct {
	session *duckdb.Session
	name    string
	from    string // stands behind FROM
	columns []job.Column
	notes   []string // what a person should know of how it was read
}

// relationOptions say which rows are meant.
type relationOptions struct {
	asOf, branch string
}

// onRelation opens a table of the lake, a view of the project, or files, and does something with it.
func (a *app) onRelation(ctx context.Context, name string, o relationOptions, do func(relation) error) error {
	if isFile(a.dir, name) {
		if o.asOf != "" || o.branch != "" {
			return fault.New(fault.Usage, "--as-of and --branch are for tables of a lake, and %s is a file", name)
		}
		return a.onFiles(ctx, name, do)
	}
	if _, err := os.Stat(filepath.Join(a.dir, "weir.yaml")); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Usage, "%s is no file, and there is no project here that could have a table of that name", name).
			WithHint("name a file, or give the project's folder with -C")
	}
	return a.onBranch(ctx, o.branch, func(w *workspace) error {
		s, err := w.engine.Session(ctx)
		if err != nil {
			return err
		}
		defer s.Close()
		stored, err := w.lake.Tables(ctx)
		if err != nil {
			return err
		}
		r := relation{session: s, name: w.spelled(name, stored)}
		r.from = job.QuoteTable(r.name)
		sql := "SELECT * FROM " + r.from
		if err := w.inputViews(ctx, s, sql, o.asOf, w.params()); err != nil {
			return err
		}
		if r.columns, err = s.Describe(ctx, sql); err != nil {
			return err
		}
		r.columns = slices.DeleteFunc(r.columns, added)
		return do(r)
	})
}

// isFile says whether a name is meant for files and not for a table.
func isFile(dir, name string) bool {
	if strings.ContainsAny(name, "/*?") {
		return true
	}
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && !info.IsDir()
}

// onFiles reads files as a crawl would define them. Text is read once, into Parquet in a temporary folder.
func (a *app) onFiles(ctx context.Context, name string, do func(relation) error) (err error) {
	scratch, err := openScratch(filepath.Join(temporaryFolder(), "profile"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.close()) }()
	memory, err := budget(a.memory, 0)
	if err != nil {
		return err
	}
	engine, err := duckdb.Open(ctx, duckdb.Options{Memory: engineShare(memory), TempDir: scratch.part("spill")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	s, err := engine.Session(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	in := &filesIn{session: s, scratch: scratch, name: name}
	defer func() { err = errors.Join(err, in.close(ctx)) }()
	r, err := in.read(ctx, a.dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return do(r)
}

// filesIn are files being opened as a relation.
type filesIn struct {
	session *duckdb.Session
	scratch *scratch
	name    string
	badAt   string // the first record whose form is wrong
	ends    []func(ctx context.Context) error
}

func (in *filesIn) close(ctx context.Context) error {
	var errs []error
	for i := len(in.ends) - 1; i >= 0; i-- {
		errs = append(errs, in.ends[i](context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}

// place parts a name into a folder and a pattern in it.
func place(name string) (folder, pattern string) {
	plain := name
	if at := strings.IndexAny(name, "*?["); at >= 0 {
		if _, err := os.Stat(name); err != nil {
			plain = name[:at]
		}
	}
	at := strings.LastIndexByte(plain, '/')
	if at < 0 {
		return ".", name
	}
	return name[:max(at, 1)], name[at+1:]
}

func (in *filesIn) read(ctx context.Context, dir string) (r relation, err error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return r, fault.New(fault.Usage, "find folder: %w", err)
	}
	if r, ok, err := in.parquet(ctx, root); ok || err != nil {
		return r, err
	}
	folder, pattern := place(in.name)
	opened, err := (&files.Config{Path: folder}).Open(ctx, source.Env{Root: root, Scratch: in.scratch.part("copies")})
	if err != nil {
		return r, err
	}
	in.ends = append(in.ends, func(context.Context) error { return opened.Close() })
	found, err := in.survey(ctx, opened, pattern)
	if err != nil {
		return r, err
	}
	reader, ok := found.Reader.(*files.Reader)
	if !ok {
		return r, fault.New(fault.Internal, "a survey of files gives %T", found.Reader)
	}
	reader.Path = pattern
	r = relation{session: in.session, name: in.name, notes: found.Doubts}
	if found.Bad > 0 { // told by how many there are in all
		in.badAt = "; the first at " + found.BadAt
		r.notes = slices.DeleteFunc(r.notes, func(note string) bool { return strings.Contains(note, found.BadAt) })
	}
	for _, c := range found.Columns {
		r.columns = append(r.columns, job.Column{Name: c.Name, Type: c.Type})
	}
	return r, in.relate(ctx, opened, reader, &r, strings.HasPrefix(found.Format, "Parquet"))
}

// parquet are files of this machine that say themselves what they hold: the engine reads them as they are.
func (in *filesIn) parquet(ctx context.Context, root string) (r relation, ok bool, err error) {
	path := in.name
	if !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	found := []string{path}
	if _, err := os.Stat(path); err != nil {
		if found, err = filepath.Glob(path); err != nil {
			return r, false, nil
		}
	}
	for _, f := range found {
		if !isParquet(f) {
			return r, false, nil
		}
	}
	if len(found) == 0 {
		return r, false, nil
	}
	quoted := make([]string, len(found))
	for i, f := range found {
		quoted[i] = job.Literal(f)
	}
	r = relation{session: in.session, name: in.name, from: "read_parquet([" + strings.Join(quoted, ", ") + "], union_by_name = true)"}
	r.columns, err = in.session.Describe(ctx, "SELECT * FROM "+r.from)
	return r, true, err
}

// isParquet looks at how a file begins.
func isParquet(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 4)
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == "PAR1"
}

// survey finds the one table that the files make.
func (in *filesIn) survey(ctx context.Context, opened source.Opened, pattern string) (t source.Surveyed, err error) {
	surveyor, ok := opened.(source.Surveyor)
	if !ok {
		return t, fault.New(fault.Internal, "files cannot be surveyed")
	}
	most, err := project.ParseSize("64MB")
	if err != nil {
		return t, fault.New(fault.Internal, "%w", err)
	}
	survey, err := surveyor.Survey(ctx, source.SurveyRequest{Only: pattern, Bytes: int64(most), Engine: in.session, Name: "files"})
	if err != nil {
		return t, err
	}
	switch {
	case len(survey.Tables) == 1:
		return survey.Tables[0], nil
	case len(survey.Tables) > 1:
		var names []string
		for _, t := range survey.Tables {
			names = append(names, t.Dataset)
		}
		return t, fault.New(fault.Usage, "these files do not look like one table").WithHint("name one of: %s", strings.Join(names, ", "))
	case len(survey.Unread) > 0:
		return t, fault.New(fault.Data, "%s: %s", survey.Unread[0].Name, survey.Unread[0].Reason)
	case len(survey.Left) > 0:
		return t, fault.New(fault.Data, "%s: %s", survey.Left[0].Example, survey.Left[0].Reason)
	}
	return t, fault.New(fault.Usage, "there is no such file")
}

// mostCopied is how many columns are copied. The engine holds a block of memory for each column that it writes, so that wider
// files are read again for each question.
const mostCopied = 1000

// relate makes the files readable. Records that do not fit what a part of the files has shown are counted and left out.
func (in *filesIn) relate(ctx context.Context, opened source.Opened, reader *files.Reader, r *relation, parquet bool) error {
	src, err := opened.Dataset(reader)
	if err != nil {
		return err
	}
	in.ends = append(in.ends, func(context.Context) error { return src.Close() })
	scan, err := src.Begin(ctx, job.Read{Table: "profile", Full: true})
	if err != nil {
		return err
	}
	in.ends = append(in.ends, func(context.Context) error { return scan.Close() })
	able, ok := scan.(source.Scannable)
	if !ok {
		return fault.New(fault.Internal, "files give no relation")
	}
	rel, err := able.Relation(ctx, in.session)
	if err == nil {
		in.ends = append(in.ends, closing(rel))
		if parquet || len(r.columns) > mostCopied {
			r.from = "(SELECT " + names(r.columns) + " FROM (" + rel.SQL + "))"
			return nil
		}
		err = in.copy(ctx, rel, r)
	}
	if err != nil && fault.ClassOf(err) == fault.Data {
		if rel, err = able.Careful(ctx, in.session, err); err != nil {
			return err
		}
		in.ends = append(in.ends, closing(rel))
		err = in.copy(ctx, rel, r)
	}
	if err != nil {
		return err
	}
	return in.rejects(ctx, rel, r)
}

// rejects notes how many records could not be read.
func (in *filesIn) rejects(ctx context.Context, rel source.Relation, r *relation) error {
	if rel.Rejects == "" {
		return nil
	}
	if rel.Settle != nil {
		if err := rel.Settle(ctx); err != nil {
			return err
		}
	}
	away, err := in.session.Int(ctx, "SELECT count(*) FROM ("+rel.Rejects+")")
	if err == nil && away > 0 {
		r.notes = append(r.notes, plural(away, "record")+" cannot be read with these columns, left out"+in.badAt)
	}
	return err
}

func closing(rel source.Relation) func(context.Context) error {
	if rel.Close == nil {
		return func(context.Context) error { return nil }
	}
	return rel.Close
}

// copy reads the rows into Parquet files.
func (in *filesIn) copy(ctx context.Context, rel source.Relation, r *relation) error {
	dir := in.scratch.part("rows")
	files, err := in.session.Stage(ctx, job.Write{SQL: "SELECT " + names(r.columns) + " FROM (" + rel.SQL + ")", Columns: r.columns, Dir: dir, Prefix: "rows"}, "", nil)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		var items []string
		for _, c := range r.columns {
			items = append(items, "NULL::"+c.Type+" AS "+job.Quote(c.Name))
		}
		r.from = "(SELECT " + strings.Join(items, ", ") + " WHERE false)"
		return nil
	}
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = job.Literal(f.Path)
	}
	r.from = "read_parquet([" + strings.Join(paths, ", ") + "])"
	return nil
}

func names(cols []job.Column) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = job.Quote(c.Name)
	}
	return strings.Join(out, ", ")
}
