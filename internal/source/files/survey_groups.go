package files

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"weir/internal/fault"
	"weir/internal/source"
	"weir/internal/source/files/layout"
)

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
		if err := v.group(ctx, free, others, g); err != nil {
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

func (v *surveyor) group(ctx context.Context, free []*entry, others []string, g layout.Group) error {
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
	if len(s.broke) == len(s.sample) {
		return nil // each was said to be unreadable
	}
	if len(t.Columns) == 0 {
		for _, e := range members {
			v.unread(e, fault.New(fault.Data, "no record in it"))
		}
		return nil
	}
	v.leaveOut(&t, s.broke, free, others, g)
	if name, ok := impossible(t.Columns); ok {
		for _, e := range members {
			v.unread(e, fault.New(fault.Data, "its table would have a column named %q, which no column can be; rename it in the file", name))
		}
		return nil
	}
	t.Beside = v.beside(t)
	v.out.Tables = append(v.out.Tables, t)
	return nil
}

// leaveOut narrows the path of a group so that it does not stand for files that cannot be read; where no path does that, it
// is a doubt.
func (v *surveyor) leaveOut(t *source.Surveyed, broke []brokenFile, free []*entry, others []string, g layout.Group) {
	if len(broke) == 0 {
		return
	}
	out := map[int]bool{}
	for _, b := range broke {
		out[slices.Index(free, b.entry)] = true
	}
	if pattern, ok := g.Without(layoutFiles(free), out, others, matcher); ok {
		t.Dataset = pattern
		for _, b := range broke {
			t.Parts--
			t.Bytes -= b.entry.Size
		}
		return
	}
	for _, b := range broke {
		t.Doubts = append(t.Doubts, fmt.Sprintf("the path also stands for %s, which cannot be read: %s", b.entry.Key, b.reason))
	}
}

// impossible is a column that no table can have: one without a name, or with a name Weir gives itself.
func impossible(cols []source.SurveyedColumn) (name string, ok bool) {
	i := slices.IndexFunc(cols, func(c source.SurveyedColumn) bool {
		return strings.TrimSpace(c.Name) == "" || strings.ContainsRune(c.Name, 0) || strings.EqualFold(c.Name, fileColumn) || strings.EqualFold(c.Name, extraColumn)
	})
	if i < 0 {
		return "", false
	}
	return cols[i].Name, true
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
