package lake

import (
	"strings"

	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
)

// identOf gives a table's Iceberg identifier: marts.daily is table daily in namespace ["marts"], a.b.c table c in ["a","b"].
func identOf(name string) (table.Identifier, error) {
	parts := strings.Split(name, ".")
	if len(parts) < 2 {
		return nil, fault.New(fault.Usage, "table name %q needs a folder: folder.table", name)
	}
	for _, p := range parts {
		if p == "" || strings.ContainsAny(p, "/\\%#?\x00") || p[0] == '_' || strings.TrimSpace(p) != p {
			return nil, fault.New(fault.Usage, "table name %q: %q can not be part of it", name, p)
		}
	}
	return parts, nil
}

// keyOf is a table's place under the lake: a.b.db/c, so that no table lies inside another.
func keyOf(id table.Identifier) string {
	last := len(id) - 1
	return strings.Join(id[:last], ".") + ".db/" + id[last]
}
