package files

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/record"
)

// spill is where careful reading leaves its records: one file of good ones, one of rejects, both a JSON object a line.
type spill struct {
	good, bad *spillFile
}

type spillFile struct {
	path string
	f    *os.File
	w    *bufio.Writer
}

// taken is what became of one record.
type taken struct {
	values []byte // JSON members of a good record: "c0":"1","c1":null
	column string // of a bad one: the first thing wrong with it
	reason string // "" for a good one
}

func (m *maker) newSpill() (*spill, error) {
	dir, err := m.s.scratch()
	if err != nil {
		return nil, err
	}
	id := uuid.NewString()
	good, err := newSpillFile(filepath.Join(dir, "good-"+id+".ndjson"))
	if err != nil {
		return nil, err
	}
	bad, err := newSpillFile(filepath.Join(dir, "bad-"+id+".ndjson"))
	if err != nil {
		return nil, errors.Join(err, good.f.Close())
	}
	return &spill{good: good, bad: bad}, nil
}

func newSpillFile(path string) (*spillFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, spillFault(err)
	}
	return &spillFile{path: path, f: f, w: bufio.NewWriterSize(f, 256<<10)}, nil
}

func spillFault(err error) error {
	return fault.New(fault.Unavailable, "write records to scratch: %w", err).WithHint("free some space and run again")
}

// take writes one record down: good ones with the file they stand in, bad ones with their place and raw text.
func (w *spill) take(t taken, place record.Reject, raw []byte) error {
	if t.reason != "" {
		place.Column, place.Reason = t.column, t.reason
		return w.reject(place, raw)
	}
	name, err := json.Marshal(place.Dataset)
	if err != nil {
		return err
	}
	b := w.good.w
	b.WriteByte('{')
	b.Write(t.values)
	if len(t.values) > 0 {
		b.WriteByte(',')
	}
	b.WriteString(`"file":`)
	b.Write(name)
	if _, err := b.WriteString("}\n"); err != nil {
		return spillFault(err)
	}
	return nil
}

func (w *spill) reject(r record.Reject, raw []byte) error {
	r.Kind, r.Raw = record.KindReject, strings.ToValidUTF8(string(raw), "?")
	if r.ID == "" {
		r.ID = identify(r)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := w.bad.w.Write(append(line, '\n')); err != nil {
		return spillFault(err)
	}
	return nil
}

// identify gives a record's id: the same for the same record in the same place. rejectID is the same in SQL.
func identify(r record.Reject) string {
	sum := sha256.Sum256([]byte(r.Dataset + "\n" + strconv.FormatInt(r.Line, 10) + "\n" + r.Raw))
	return hex.EncodeToString(sum[:])[:32]
}

func (w *spill) close() error {
	var errs []error
	for _, f := range []*spillFile{w.good, w.bad} {
		if err := errors.Join(f.w.Flush(), f.f.Close()); err != nil {
			errs = append(errs, spillFault(err))
		}
	}
	return errors.Join(errs...)
}

// maxSpilled is how long a line of a spill may be: a record of the largest size, escaped.
const maxSpilled = 256 << 20

// goodSelect reads the good records back. Every value was checked, so the engine's casts change nothing.
func (w *spill) goodSelect(cols []column) string {
	items, types := make([]string, len(cols)), make([]string, len(cols))
	for i, c := range cols {
		as := c.typ.String()
		if c.typ.kind == other {
			as = "VARCHAR"
		}
		types[i] = fmt.Sprintf("'c%d': %s", i, job.Literal(as))
		items[i] = fmt.Sprintf("CAST(c%d AS %s) AS %s", i, c.typ, job.Quote(c.name))
	}
	items = append(items, "file AS "+job.Quote(fileColumn))
	types = append(types, "'file': 'VARCHAR'")
	return "SELECT " + strings.Join(items, ", ") + " FROM read_json(" + job.Literal(w.good.path) +
		fmt.Sprintf(", format='newline_delimited', auto_detect=false, records=true, hive_partitioning=false, maximum_object_size=%d, columns={%s})", maxSpilled, strings.Join(types, ", "))
}

func (w *spill) rejectSelect() string {
	var types []string
	for _, c := range record.RejectColumns() {
		types = append(types, job.Literal(c.Name)+": "+job.Literal(c.Type))
	}
	return "SELECT " + rejectColumns() + " FROM read_json(" + job.Literal(w.bad.path) +
		fmt.Sprintf(", format='newline_delimited', auto_detect=false, records=true, hive_partitioning=false, maximum_object_size=%d, columns={%s})", maxSpilled, strings.Join(types, ", "))
}
