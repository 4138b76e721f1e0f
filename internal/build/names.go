package build

import (
	"slices"
	"strings"
)

// join writes names for a person, in order.
func join(names []string) string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return strings.Join(sorted, ", ")
}
