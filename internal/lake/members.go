package lake

import (
	"context"
	"strconv"

	"github.com/apache/iceberg-go"

	"weir/internal/fault"
)

// membersStable refuses files whose nested members another tool renamed, or dropped and added anew under the same name, since
// they were written: read_parquet finds columns by field id but members by name alone, and would give nulls or the dropped
// member's values. Footers are read only where the table's schemas show such a change.
func (t *Table) membersStable(ctx context.Context, live []liveFile) error {
	now := membersOf(t.schema)
	moved := false
	for _, s := range t.ice.Metadata().Schemas() {
		moved = moved || clash(now, membersOf(s)) != ""
	}
	if !moved {
		return nil
	}
	for _, f := range live {
		path, err := t.lake.Local(ctx, f.data.FilePath())
		if err != nil {
			return err
		}
		foot, err := readFooter(path, f.data.FilePath())
		if err != nil {
			return err
		}
		if m := clash(now, foot.members); m != "" {
			return fault.New(fault.Data, "%s was written before another tool renamed or replaced the nested member %s", f.data.FilePath(), m).
				WithHint("rewrite the table's data files with that tool")
		}
	}
	return nil
}

// clash finds a member that has another id or another name in an older set, "" for none.
func clash(now, old map[string]int) string {
	paths := make(map[int]string, len(old))
	for path, id := range old {
		paths[id] = path
	}
	for path, id := range now {
		if was, ok := old[path]; ok && was != id {
			return path
		}
		if was, ok := paths[id]; ok && was != path {
			return path
		}
	}
	return ""
}

// membersOf gives the field ids of a schema's nested members, by path as in a footer.
func membersOf(s *iceberg.Schema) map[string]int {
	out := map[string]int{}
	for _, f := range s.Fields() {
		addMembers(out, strconv.Itoa(f.ID), f.Type)
	}
	return out
}

func addMembers(out map[string]int, path string, t iceberg.Type) {
	add := func(name string, id int, t iceberg.Type) {
		out[path+"."+name] = id
		addMembers(out, path+"."+name, t)
	}
	switch t := t.(type) {
	case *iceberg.StructType:
		for _, f := range t.FieldList {
			add(f.Name, f.ID, f.Type)
		}
	case *iceberg.ListType:
		add("element", t.ElementID, t.Element)
	case *iceberg.MapType:
		add("key", t.KeyID, t.KeyType)
		add("value", t.ValueID, t.ValueType)
	}
}
