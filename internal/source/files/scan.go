package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"weir/internal/blob"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/source"
)

// scan is one bounded read of files.
type scan struct {
	*files
	read   job.Read
	splits []*split
	end    job.Position

	mu     sync.Mutex
	dir    string // scratch of this scan, "" until needed
	placed bool   // all splits lie locally and have been looked at
}

var (
	_ source.Scan      = (*scan)(nil)
	_ source.Scannable = (*scan)(nil)
	_ source.Steady    = (*scan)(nil)
)

// split is one file that is read.
type split struct {
	name        string // key relative to the connection
	format      string
	compression string
	mark        mark
	object      blob.Object
	replaces    bool
	path        string // where it lies locally, as the engine is told
	odd         bool   // path is a link, because the engine would take the real name for a pattern
	plain       bool   // of a CSV file: certified, see certify.go
	sure        bool   // of a certified file: the reader can have nothing to reject
	hashed      bool   // mark has the content's hash, or needs none
	long        length
	shape       string // of a JSON file
	glance      glance // of a JSON file
}

// begin compares what is there with the position.
func (s *scan) begin(ctx context.Context, found []blob.Object) error {
	if !s.read.Whole && !s.read.Full {
		s.end = s.read.From.Clone() // files gone from the folder keep their entry
	}
	news := make([]*split, len(found))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, o := range found {
		g.Go(func() (err error) {
			news[i], err = s.compare(gctx, o)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	changed := false
	for _, n := range news {
		old, known := s.read.From[n.name]
		value := n.mark.String()
		if m, ok := readMark(old); known && ok && m.sameContent(n.mark) {
			value = old
		}
		s.end[n.name] = value
		changed = changed || value != old
	}
	return s.choose(news, changed || len(s.end) != len(s.read.From))
}

// choose picks the files to read: all or none of a whole read, the new and changed ones of any other.
func (s *scan) choose(news []*split, changed bool) error {
	for _, n := range news {
		old, known := s.read.From[n.name]
		switch {
		case s.read.Full, s.read.Whole && changed, !known && !s.read.Whole:
			s.splits = append(s.splits, n)
		case s.read.Whole, s.end[n.name] == old:
		case s.reader.onChanged() == changedStop:
			return fault.New(fault.Data, "%s changed after it was read", n.name).
				WithHint("on_changed_file: replace takes its new rows for the old ones; append adds them")
		default:
			n.replaces = s.reader.onChanged() == changedReplace
			s.splits = append(s.splits, n)
		}
	}
	for _, n := range s.splits {
		if n.format = s.reader.format(n.name); n.format == "" {
			return fault.New(fault.Usage, "the format of %s cannot be told from its name", n.name).WithHint("set format: csv, tsv, json, ndjson or parquet")
		}
	}
	return nil
}

// compare finds what a file holds now. Its hash is computed only where size or time differ from the known ones; that of a
// file nobody knows is computed on the way, when the file is looked at.
func (s *scan) compare(ctx context.Context, o blob.Object) (*split, error) {
	n := &split{name: o.Key, object: o, hashed: true}
	_, n.compression = splitCompression(o.Key)
	if s.remote {
		n.mark = mark{Size: o.Size, ETag: o.ETag}
		return n, nil
	}
	n.path, _ = s.store.LocalPath(o.Key)
	n.mark = mark{Size: o.Size, Modified: modified(o.Modified)}
	m, known := readMark(s.read.From[o.Key])
	if known && m.Size == n.mark.Size && m.Modified == n.mark.Modified {
		n.mark = m
		return n, nil
	}
	if n.hashed = known; !known {
		return n, nil
	}
	var err error
	n.mark.Hash, n.mark.Size, err = hashFile(ctx, n.path)
	return n, readFault(n.name, err)
}

// hash notes the hash of a file that was looked at.
func (s *scan) hash(n *split, sum string) {
	if n.hashed || sum == "" {
		return
	}
	n.mark.Hash, n.hashed = sum, true
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end[n.name] = n.mark.String()
}

// hashRest hashes the files that were not looked at.
func (s *scan) hashRest(ctx context.Context) error {
	for _, n := range s.splits {
		if n.hashed {
			continue
		}
		sum, _, err := hashFile(ctx, n.path)
		if err != nil {
			return readFault(n.name, err)
		}
		s.hash(n, sum)
	}
	return nil
}

// Splits are the files to read, by name.
func (s *scan) Splits() []source.Split {
	out := make([]source.Split, len(s.splits))
	for i, n := range s.splits {
		out[i] = source.Split{Name: n.name, Bytes: n.mark.Size, Replaces: n.replaces}
	}
	return out
}

// End is the position after the read. A file that cannot be hashed stands in it without its hash: touched, it will count
// as changed.
func (s *scan) End() job.Position {
	_ = s.hashRest(context.Background())
	return s.end.Clone()
}

// Close removes the scan's local copies. It may be called twice.
func (s *scan) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return nil
	}
	dir := s.dir
	s.dir = ""
	return os.RemoveAll(dir)
}

// scratch is the scan's own folder.
func (s *scan) scratch() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != "" {
		return s.dir, nil
	}
	base := s.env.Scratch
	if base == "" {
		base = os.TempDir()
	}
	err := os.MkdirAll(base, 0o755)
	if err == nil {
		s.dir, err = os.MkdirTemp(base, "files-")
	}
	if err != nil {
		return "", fault.New(fault.Unavailable, "make scratch folder: %w", err)
	}
	return s.dir, nil
}

// place brings every split to this machine and looks at what was not looked at in Begin: compressed files are read to
// their end, because the engine cannot tell a truncated one.
func (s *scan) place(ctx context.Context) error {
	if s.placed {
		return nil
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4)
	for i, n := range s.splits {
		g.Go(func() error { return s.placeSplit(gctx, i, n) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.placed = true
	return nil
}

func (s *scan) placeSplit(ctx context.Context, i int, n *split) error {
	if s.remote {
		if err := s.fetch(ctx, n); err != nil {
			return err
		}
	} else if err := s.unchanged(n); err != nil {
		return err
	}
	if strings.ContainsAny(n.path, "*?[") {
		if err := s.link(i, n); err != nil {
			return err
		}
	}
	return readFault(n.name, s.look(ctx, n))
}

// look looks through a file as its format and compression ask for. CSV waits until its columns' types are known.
func (s *scan) look(ctx context.Context, n *split) (err error) {
	json, sum := n.format == formatJSON || n.format == formatNDJSON, ""
	if json {
		if n.shape, err = jsonShape(n); err != nil {
			return err
		}
	}
	switch {
	case n.shape == shapeLines:
		n.glance, sum, err = lookAtLines(ctx, n, int(s.reader.maxLine()))
	case n.format != formatParquet && n.compression != "none":
		n.long, err = lookPacked(ctx, n.path, n.compression)
	case json:
		n.long, sum, err = scanNumbers(ctx, n.path)
	}
	if err != nil {
		return err
	}
	s.hash(n, sum)
	if json && n.shape != shapeLines && n.shape != "" {
		n.glance, err = glanceAt(n, n.shape)
	}
	return err
}

// fetch copies an object and checks that it is still the one Begin saw.
func (s *scan) fetch(ctx context.Context, n *split) error {
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	n.path = filepath.Join(dir, "copies", filepath.FromSlash(n.name))
	if err := s.store.Fetch(ctx, n.name, n.path); err != nil {
		return err
	}
	now, err := s.store.Stat(ctx, n.name)
	if err != nil {
		return err
	}
	if now.ETag != n.mark.ETag {
		return fault.New(fault.Unavailable, "%s changed while it was read", n.name).WithHint("run again when nobody writes to it")
	}
	return nil
}

// unchanged checks that a local file is still what Begin saw.
func (s *scan) unchanged(n *split) error {
	now, err := os.Stat(n.path)
	if err != nil {
		return readFault(n.name, err)
	}
	if now.Size() != n.mark.Size || !now.ModTime().Equal(n.object.Modified) {
		return fault.New(fault.Unavailable, "%s changed while it was read", n.name).WithHint("run again when nobody writes to it")
	}
	return nil
}

// Unchanged checks, after the relation has been read, that no local file was written to meanwhile.
func (s *scan) Unchanged(context.Context) error {
	if s.remote {
		return nil
	}
	var errs []error
	for _, n := range s.splits {
		if !n.odd {
			errs = append(errs, s.unchanged(n))
		}
	}
	return errors.Join(errs...)
}

// link gives a file whose name looks like a pattern a plain name.
func (s *scan) link(i int, n *split) error {
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	plain := filepath.Join(dir, "links", fmt.Sprint(i), linkName(n.compression))
	err = os.MkdirAll(filepath.Dir(plain), 0o755)
	if err == nil {
		err = os.Symlink(n.path, plain)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "link %s: %w", n.name, err)
	}
	n.path, n.odd = plain, true
	return nil
}

// linkName ends as the engine needs it to know the compression.
func linkName(compression string) string {
	switch compression {
	case "gzip":
		return "file.gz"
	case "zstd":
		return "file.zst"
	}
	return "file"
}

// fileExpr is SQL for a row's split name, given SQL for the path the engine read it from.
func (s *scan) fileExpr(splits []*split, path string) string {
	prefix := s.root
	if s.remote {
		prefix = filepath.Join(s.dir, "copies")
	}
	if len(splits) == 1 {
		return job.Literal(splits[0].name)
	}
	plain := fmt.Sprintf("substring(%s, %d)", path, utf8.RuneCountInString(prefix)+2)
	var cases strings.Builder
	for _, n := range splits {
		if n.odd {
			fmt.Fprintf(&cases, " WHEN %s THEN %s", job.Literal(n.path), job.Literal(n.name))
		}
	}
	if cases.Len() == 0 {
		return plain
	}
	return "CASE " + path + cases.String() + " ELSE " + plain + " END"
}
