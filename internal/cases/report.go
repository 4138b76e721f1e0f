package cases

import (
	"fmt"
	"strings"
)

// Passed says whether the case went as expected.
func (r Result) Passed() bool { return len(r.Failures) == 0 }

// Report says what went wrong in a case, for a person; "" where it passed.
func (r Result) Report() string {
	var b strings.Builder
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "%s: %s", r.Suite.Table, r.Case.Name)
		at := r.Case.Place
		if len(r.Case.Builds) > 1 {
			at = r.Case.Builds[f.Build].Place
			fmt.Fprintf(&b, ", build %d", f.Build+1)
		}
		fmt.Fprintf(&b, " (%s)\n", at)
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(f.Message, "\n", "\n  "))
		if f.Hint != "" {
			fmt.Fprintf(&b, "  %s\n", f.Hint)
		}
		if f.Diff != nil {
			b.WriteString(f.Diff.String())
		}
	}
	return b.String()
}
