package files

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/files/evidence"
)

// sampled is the survey of one table: some of its files, and what is in them.
type sampled struct {
	*surveyor
	reader  *Reader
	claim   *source.Claim // nil for a table that is not defined
	members []*entry
	names   []string // of columns, where the files' own cannot be used

	sample  []*entry
	scan    *scan
	columns []*sampledColumn
	at      map[string]int // columns by name in small letters
	rows    int64
	whole   bool
	keys    *evidence.Keys
	pairs   bool // keys looks at pairs, in a second pass
	nested  evidence.Budget
	order   int // the column that says when a row was changed, -1 for none
	options []source.Option
	doubts  []string
	breaks  []string
	broke   []brokenFile
	bad     int64 // records whose form is wrong
	badAt   string
	notUTF8 int64
	found   []source.KeyEvidence
}

// sampledColumn is a column, which files have it, and whether the claimed type takes its values.
type sampledColumn struct {
	evidence.Column
	first, last, files int // files by their number in the sample
	typ                *ctype
	declared           string
	misfit             source.Misfit
	fixed              *evidence.Verdict // a type that stands in the file
	counted            bool              // of Parquet: the engine can read its values
}

const (
	// defaultBytes is how much of one table is read where the request does not say, in bytes.
	defaultBytes = 64 << 20
	// mostFiles and mostRemote bound how many files of one table are opened.
	mostFiles  = 20_000
	mostRemote = 1000
	// leastBytes is what is read of a file at least.
	leastBytes = 256 << 10
	// mostColumns bounds the columns of one table (promise 5).
	mostColumns = 10_000
)

// survey reads the sample and says what it found.
func (s *sampled) survey(ctx context.Context, t source.Surveyed) (source.Surveyed, error) {
	s.choose()
	var err error
	if s.format() == formatParquet {
		err = s.readParquets(ctx)
	} else {
		err = s.readTexts(ctx)
	}
	if err != nil {
		return t, err
	}
	return s.report(t), nil
}

// format is the format of most of the files.
func (s *sampled) format() string {
	counts := map[string]int{}
	best := ""
	for _, e := range s.members {
		f := s.formatOf(e)
		if counts[f]++; counts[f] > counts[best] {
			best = f
		}
	}
	return best
}

func (s *sampled) formatOf(e *entry) string {
	if f := s.reader.format(e.Key); f != "" {
		return f
	}
	return e.format
}

// choose picks the files to read: of each folder as many as asked for, of all no more than can be opened.
func (s *sampled) choose() {
	s.sample = s.members
	if s.request.Sample > 0 {
		s.sample = nil
		byFolder := map[string][]*entry{}
		var folders []string
		for _, e := range s.members {
			dir := e.Key[:strings.LastIndexByte(e.Key, '/')+1]
			if byFolder[dir] == nil {
				folders = append(folders, dir)
			}
			byFolder[dir] = append(byFolder[dir], e)
		}
		for _, dir := range folders {
			s.sample = append(s.sample, spread(byFolder[dir], s.request.Sample)...)
		}
	}
	most := mostFiles
	if s.remote {
		most = mostRemote
	}
	s.sample = spread(s.sample, most)
	s.whole = len(s.sample) == len(s.members)
}

func (s *sampled) limit() int64 {
	if s.request.Bytes > 0 {
		return s.request.Bytes
	}
	return defaultBytes
}

// readTexts reads CSV and JSON files. Where bytes are no UTF-8 it starts again with another encoding.
func (s *sampled) readTexts(ctx context.Context) error {
	if s.claim == nil && s.format() != formatJSON && s.format() != formatNDJSON {
		if err := s.detect(ctx); err != nil {
			return err
		}
	}
	if err := s.pass(ctx); err != nil {
		return err
	}
	if s.claim == nil && s.notUTF8 > 0 && s.reader.Encoding == "" && s.format() == formatCSV {
		if !s.multibyte() {
			s.reader.Encoding = "latin-1"
			s.option(source.Option{Key: "encoding", Value: []string{"latin-1"}, Why: fmt.Sprintf("%s are not UTF-8", plural(s.notUTF8, "line"))})
			if err := s.pass(ctx); err != nil {
				return err
			}
		}
	}
	return s.findKeys(ctx)
}

// multibyte says whether a column holds characters of several bytes, which speaks against Latin-1.
func (s *sampled) multibyte() bool {
	return slices.ContainsFunc(s.columns, func(c *sampledColumn) bool { return c.Wide() })
}

// pass reads the sample once.
func (s *sampled) pass(ctx context.Context) error {
	s.nested = evidence.Budget{}
	s.columns, s.at, s.rows, s.bad, s.notUTF8, s.badAt = nil, map[string]int{}, 0, 0, 0, ""
	s.scan = &scan{files: &files{opened: s.opened, reader: s.reader}}
	if s.claim != nil {
		s.scan.read.Known = s.claim.Columns
	}
	s.order = -1
	if !s.pairs {
		s.keys = nil
	}
	left := s.limit()
	kind := s.format()
	for i, e := range s.sample {
		if err := ctx.Err(); err != nil {
			return err
		}
		format := s.formatOf(e)
		if (format == formatParquet) != (kind == formatParquet) {
			s.whole = false
			continue
		}
		limit := max(leastBytes, left/int64(len(s.sample)-i))
		read, err := s.text(ctx, i, e, format, limit)
		left = max(0, left-read)
		if err := outside(err); err != nil {
			return err
		}
		if err != nil {
			s.broken(e, err)
		}
	}
	for _, c := range s.columns {
		c.Pad(s.rows)
	}
	return nil
}

// broken notes a file that cannot be read as the table's others are.
func (s *sampled) broken(e *entry, err error) {
	if s.pairs {
		return // said in the first pass
	}
	reason := strings.TrimPrefix(err.Error(), e.Key+" ")
	reason = strings.TrimPrefix(reason, e.Key+": ")
	if s.claim != nil {
		s.breaks = append(s.breaks, e.Key+": "+reason)
		return
	}
	if !slices.ContainsFunc(s.broke, func(b brokenFile) bool { return b.entry == e }) {
		s.unread(e, errors.New(reason))
		s.broke = append(s.broke, brokenFile{e, reason})
	}
}

// brokenFile is a file that cannot be read, and why.
type brokenFile struct {
	entry  *entry
	reason string
}

// text reads one text file up to limit bytes and gives how many it read.
func (s *sampled) text(ctx context.Context, i int, e *entry, format string, limit int64) (int64, error) {
	r, err := s.open(ctx, e, s.reader.Encoding)
	if err != nil {
		return 0, readFault(e.Key, err)
	}
	defer r.Close()
	if format == formatJSON || format == formatNDJSON {
		return s.readJSON(i, e, format, r, limit)
	}
	return s.readCSV(i, e, format, r, limit)
}

// column finds or makes the column of a name.
func (s *sampled) column(name string, file int) int {
	folded := strings.ToLower(name)
	i, ok := s.at[folded]
	if !ok {
		if len(s.columns) >= mostColumns {
			return -1
		}
		i = len(s.columns)
		s.at[folded] = i
		s.columns = append(s.columns, s.newColumn(name, file))
	}
	c := s.columns[i]
	if c.files == 0 || c.last != file {
		c.files++
	}
	c.last = file
	return i
}

func (s *sampled) newColumn(name string, file int) *sampledColumn {
	c := &sampledColumn{Column: evidence.Column{Name: name}, first: file}
	if s.claim == nil {
		return c
	}
	i, known := indexJob(s.reader.columns, name), s.reader.columns
	if i < 0 {
		i, known = indexJob(s.claim.Columns, name), s.claim.Columns
	}
	if i < 0 {
		return c
	}
	c.declared = known[i].Type
	if t, err := parseType(known[i].Type); err == nil {
		c.typ = &t
	}
	return c
}

// place is a value's place for a person.
func (s *sampled) place(p evidence.Place) string {
	return fmt.Sprintf("%s:%d", s.sample[p.File].Key, p.Line)
}

// malformed notes a record whose form is wrong.
func (s *sampled) malformed(at evidence.Place, what string) {
	if s.bad++; s.bad == 1 {
		s.badAt = s.place(at) + ": " + what
	}
}

func (s *sampled) misfit(c *sampledColumn, at evidence.Place, text string) {
	if c.misfit.Count++; c.misfit.Count == 1 {
		c.misfit.Example, c.misfit.Place = clip(text, 40), s.place(at)
	}
}

func (s *sampled) option(o source.Option) { s.options = append(s.options, o) }

// claimed are the table's columns as the checks of values need them.
func (s *sampled) claimed() []column {
	if s.claim == nil {
		return nil
	}
	var out []column
	add := func(cols []job.Column) {
		for _, c := range cols {
			if t, err := parseType(c.Type); err == nil && indexColumn(out, c.Name) < 0 {
				out = append(out, column{name: c.Name, typ: t})
			}
		}
	}
	add(s.reader.columns)
	add(s.claim.Columns)
	return out
}

// hashText is a value's hash; 0 stands for none.
func hashText(s string) uint64 {
	if s == "" {
		return 0
	}
	return xxhash.Sum64String(s) | 1<<63
}

func plural(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return evidence.Count(n) + " " + word + "s"
}
