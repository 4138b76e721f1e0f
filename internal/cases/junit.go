package cases

import (
	"io"
	"time"

	"weir/internal/junit"
)

// WriteJUnit writes results as JUnit's XML: a suite a table, a case a case. clean takes from texts what must not be written.
func WriteJUnit(w io.Writer, project string, results []Result, started time.Time, clean func(string) string) error {
	out := &junit.Report{Name: project}
	at := map[*Suite]*junit.Suite{}
	for _, r := range results {
		s := at[r.Suite]
		if s == nil {
			s = &junit.Suite{Name: r.Suite.Table, File: r.Suite.File, Timestamp: junit.At(started)}
			at[r.Suite] = s
			out.Suites = append(out.Suites, s)
		}
		c := junit.Case{Name: r.Case.Name, Class: r.Suite.Table, File: r.Suite.File, Line: r.Case.Line, Took: r.Took}
		if !r.Passed() {
			c.Failure = &junit.Failure{Message: r.Failures[0].Message, Type: "failure", Text: r.Report()}
		}
		s.Cases = append(s.Cases, c)
	}
	return junit.Write(w, out, clean)
}
