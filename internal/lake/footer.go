package lake

import (
	"context"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"weir/internal/fault"
)

// footer is what a scan needs of a Parquet file's own schema.
type footer struct {
	names   []string       // of the top-level columns
	hasIDs  bool           // all of them have field ids
	members map[string]int // field ids of nested members by path: column ids and member names
	rows    int64
}

func readFooter(path, location string) (f footer, err error) {
	r, err := file.OpenParquetFile(path, false)
	if err != nil {
		return f, fault.New(fault.Data, "read %s: %w", location, err).WithHint("the file is damaged or no Parquet file")
	}
	defer r.Close()
	root := r.MetaData().Schema.Root()
	f.hasIDs, f.members, f.rows = true, map[string]int{}, r.MetaData().GetNumRows()
	for i := range root.NumFields() {
		n := root.Field(i)
		f.names = append(f.names, n.Name())
		f.hasIDs = f.hasIDs && n.FieldID() >= 0
		f.nested(n, strconv.Itoa(int(n.FieldID())))
	}
	return f, nil
}

// nested notes the members of a group that have field ids; the groups Parquet puts between for lists and maps have none.
func (f footer) nested(n schema.Node, path string) {
	g, ok := n.(*schema.GroupNode)
	if !ok {
		return
	}
	for i := range g.NumFields() {
		m := g.Field(i)
		inner := path
		if m.FieldID() >= 0 {
			inner += "." + m.Name()
			f.members[inner] = int(m.FieldID())
		}
		f.nested(m, inner)
	}
}

// ours says whether a file was staged by Weir, which always writes field ids.
func (t *Table) ours(location string) bool {
	return strings.HasPrefix(location, t.ice.Location()+"/data/"+stagePrefix)
}

// hasIDs says whether a data file has field ids, without which read_parquet(schema=…) would read nothing but nulls.
func (t *Table) hasIDs(ctx context.Context, location string) (bool, error) {
	if t.ours(location) {
		return true, nil
	}
	l := t.lake
	l.mu.Lock()
	has, known := l.withIDs[location]
	l.mu.Unlock()
	if known {
		return has, nil
	}
	path, err := l.Local(ctx, location)
	if err != nil {
		return false, err
	}
	f, err := readFooter(path, location)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.withIDs[location] = f.hasIDs
	return f.hasIDs, nil
}
