package files

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/source"
	"weir/internal/source/files/layout"
)

var (
	_ source.Surveyor = (*opened)(nil)
	_ source.Evolving = (*Reader)(nil)
)

// surveyor looks through a connection once.
type surveyor struct {
	*opened
	request source.SurveyRequest
	found   []*entry // what may hold rows, by name
	others  []string // names that a pattern must not stand for
	out     source.Survey
	copies  *copies
}

// entry is one file of the survey.
type entry struct {
	blob.Object
	format      string
	compression string
	told        bool // the format stands in the file and not in its name
	look        look
	looked      bool
	claimed     bool
}

// look is what the beginning of a file tells.
type look struct {
	columns []string
	unnamed bool
	err     error
}

// Survey lists the files, gives those that a table reads already to that table, and puts the others into groups.
func (o *opened) Survey(ctx context.Context, r source.SurveyRequest) (source.Survey, error) {
	v := &surveyor{opened: o, request: r, copies: &copies{o: o}}
	defer v.copies.close()
	if err := v.list(ctx); err != nil {
		return source.Survey{}, fmt.Errorf("survey files: %w", err)
	}
	for _, c := range r.Claims {
		if err := v.claim(ctx, c); err != nil {
			return source.Survey{}, fmt.Errorf("survey %s: %w", c.Table, err)
		}
	}
	if err := v.groups(ctx); err != nil {
		return source.Survey{}, fmt.Errorf("survey files: %w", err)
	}
	return v.out, nil
}

// claim surveys the files a defined table reads.
func (v *surveyor) claim(ctx context.Context, c source.Claim) error {
	reader, ok := c.Reader.(*Reader)
	if !ok {
		return fault.New(fault.Internal, "a files connection got options of another kind: %T", c.Reader)
	}
	g, err := compileGlob(reader.Path)
	if err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	var members []*entry
	for _, e := range v.found {
		if g.match(e.Key) && !hidden(e.Key, reader.Path) {
			e.claimed = true
			members = append(members, e)
		}
	}
	t := source.Surveyed{Claim: c.Table, Dataset: reader.Path}
	if len(members) == 0 {
		if v.request.Only == "" { // else they were not asked about
			t.Breaks = []string{"no file matches " + reader.Path}
			v.out.Tables = append(v.out.Tables, t)
		}
		return nil
	}
	s := &sampled{surveyor: v, reader: reader, claim: &c, members: members}
	if t, err = s.survey(ctx, t); err != nil {
		return err
	}
	if c.Read != nil {
		t.New = newParts(members, c)
	}
	v.out.Tables = append(v.out.Tables, t)
	return nil
}

// newParts are the files that the table has not read, and the folders among them in which it has read none.
func newParts(members []*entry, c source.Claim) *source.NewParts {
	n := &source.NewParts{}
	seen := map[string]bool{}
	folder := func(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }
	for key := range c.Read {
		seen[folder(key)] = true
	}
	for _, e := range members {
		if _, read := c.Read[e.Key]; read {
			continue
		}
		n.Count++
		n.Bytes += e.Size
		if f := folder(e.Key); f != "" && !seen[f] {
			seen[f] = true
			n.Folders = append(n.Folders, strings.TrimSuffix(f, "/"))
		}
	}
	if n.Count == 0 {
		return nil
	}
	return n
}

// groups surveys the files that no table reads.
func (v *surveyor) groups(ctx context.Context) error {
	var free []*entry
	others := slices.Clone(v.others)
	for _, e := range v.found {
		if e.claimed {
			others = append(others, e.Key)
			continue
		}
		free = append(free, e)
	}
	free = v.readable(ctx, free)
	if err := v.lookAt(ctx, free, some3(free)); err != nil {
		return err
	}
	if err := v.lookAt(ctx, free, layout.Unsettled(layoutFiles(free))); err != nil {
		return err
	}
	free = slices.DeleteFunc(free, func(e *entry) bool {
		if e.look.err != nil {
			v.unread(e, e.look.err)
			others = append(others, e.Key)
		}
		return e.look.err != nil
	})
	for _, g := range layout.Groups(layoutFiles(free), others, v.request.Name, matcher) {
		if err := v.group(ctx, free, g); err != nil {
			return err
		}
	}
	return nil
}

// matcher says which files a pattern stands for when they are read.
func matcher(pattern string) (func(key string) bool, error) {
	g, err := compileGlob(pattern)
	return func(key string) bool { return g.match(key) && !hidden(key, pattern) }, err
}

func (v *surveyor) group(ctx context.Context, free []*entry, g layout.Group) error {
	members := make([]*entry, len(g.Files))
	for i, f := range g.Files {
		members[i] = free[f]
	}
	t := source.Surveyed{Name: g.Name, Dataset: g.Pattern, Doubts: g.Doubts}
	reader := &Reader{Path: g.Pattern}
	if members[0].told || reader.format(g.Pattern) == "" {
		reader.Format = g.Format
		t.Options = append(t.Options, source.Option{Key: "format", Value: []string{g.Format}, Why: "the name does not say it"})
	}
	s := &sampled{surveyor: v, reader: reader, members: members}
	t, err := s.survey(ctx, t)
	if err != nil {
		return err
	}
	if len(t.Columns) == 0 {
		for _, e := range members {
			v.unread(e, fault.New(fault.Data, "no record in it"))
		}
		return nil
	}
	t.Beside = v.beside(t)
	v.out.Tables = append(v.out.Tables, t)
	return nil
}

// beside is a defined table whose folder and columns a group shares.
func (v *surveyor) beside(t source.Surveyed) string {
	for _, c := range v.request.Claims {
		r := c.Reader.(*Reader)
		mine, err := compileGlob(t.Dataset)
		theirs, err2 := compileGlob(r.Path)
		if err != nil || err2 != nil || theirs.prefix == "" || !strings.HasPrefix(mine.prefix, theirs.prefix) || len(c.Columns) == 0 {
			continue
		}
		shared := 0
		for _, col := range t.Columns {
			if indexJob(c.Columns, col.Name) >= 0 {
				shared++
			}
		}
		if all := len(t.Columns) + len(c.Columns) - shared; shared*10 >= all*7 {
			return c.Table
		}
	}
	return ""
}

func layoutFiles(entries []*entry) []layout.File {
	out := make([]layout.File, len(entries))
	for i, e := range entries {
		out[i] = layout.File{Key: e.Key, Format: e.format, Suffix: suffix(e), Looked: e.looked, Columns: e.look.columns, Unnamed: e.look.unnamed}
	}
	return out
}

// suffix is how a file's name ends: .csv.gz; "" where the format does not stand in the name.
func suffix(e *entry) string {
	base := e.Key[strings.LastIndexByte(e.Key, '/')+1:]
	plain, _ := splitCompression(base)
	dot := strings.LastIndexByte(plain, '.')
	if dot <= 0 || strings.Trim(plain[dot+1:], "0123456789") == "" {
		return base[len(plain):]
	}
	return base[dot:]
}

// some3 are a few files of each shape, the first and the last among them.
func some3(entries []*entry) (out []int) {
	const few = 3
	for _, unit := range layout.Units(layoutFiles(entries)) {
		out = append(out, spread(unit, few)...)
	}
	return out
}

// spread picks n of a list, evenly, the first and the last among them; n below 1 picks all.
func spread[T any](all []T, n int) []T {
	if n < 1 || len(all) <= n {
		return all
	}
	if n == 1 {
		return all[len(all)-1:]
	}
	out := make([]T, n)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(n-1)]
	}
	return out
}

// lookAt looks into some files, several at once: they may lie far away.
func (v *surveyor) lookAt(ctx context.Context, entries []*entry, which []int) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(v.abreast())
	for _, i := range which {
		e := entries[i]
		if e.looked || e.format == formatParquet {
			continue // the engine looks at these, one at a time
		}
		g.Go(func() error {
			e.look, e.looked = v.lookInto(gctx, e), true
			return outside(e.look.err)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, i := range which {
		if e := entries[i]; !e.looked {
			e.look, e.looked = v.lookParquet(ctx, e), true
			if err := outside(e.look.err); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (v *surveyor) abreast() int {
	if v.remote {
		return 16
	}
	return runtime.GOMAXPROCS(0)
}

// outside gives errors that are not about one file: the network, an interruption.
func outside(err error) error {
	switch fault.ClassOf(err) {
	case fault.Unavailable, fault.Canceled:
		return err
	}
	return nil
}

func (v *surveyor) unread(e *entry, err error) {
	v.out.Unread = append(v.out.Unread, source.Unread{Name: e.Key, Reason: strings.TrimPrefix(err.Error(), e.Key+" ")})
}

// NewColumn says what on_schema_change does with a column that the table does not have.
func (r *Reader) NewColumn(format string) (policy, effect string) {
	json := strings.HasPrefix(format, "json") || strings.HasPrefix(format, "ndjson")
	switch policy = r.policy(); {
	case policy == schemaAdd:
		return policy, "would be added by the next run"
	case policy == schemaExtra:
		return policy, "would be kept in " + extraColumn
	case policy == schemaReject && json:
		return policy, "records that have it would be rejected"
	}
	return policy, "the next run will stop"
}
