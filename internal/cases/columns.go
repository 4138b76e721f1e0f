package cases

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/job"
)

// same is a condition that two relations are equal in columns, null being equal to null.
func same(a, b string, columns []job.Column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		name := job.Quote(c.Name)
		parts[i] = a + "." + name + " IS NOT DISTINCT FROM " + b + "." + name
	}
	return strings.Join(parts, " AND ")
}

func list(prefix string, columns []job.Column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = prefix + job.Quote(c.Name)
	}
	return strings.Join(items, ", ")
}

func emptySelect(columns []job.Column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, job.Quote(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// find is the place of a column among others, -1 where it is not there. Case does not count.
func find(columns []job.Column, name string) int {
	return slices.IndexFunc(columns, func(c job.Column) bool { return strings.EqualFold(c.Name, name) })
}

func namesOf(columns []job.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
