package cases

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// The shape of JUnit's XML that systems of continuous integration read.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"` // seconds
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	File      string      `xml:"file,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes results as JUnit's XML: a suite a table, a case a case. clean takes from texts what must not be written.
func WriteJUnit(w io.Writer, project string, results []Result, started time.Time, clean func(string) string) error {
	out := junitSuites{Name: project, Tests: len(results)}
	var total time.Duration
	var took []time.Duration
	at := map[*Suite]int{}
	for _, r := range results {
		i, ok := at[r.Suite]
		if !ok {
			i = len(out.Suites)
			at[r.Suite] = i
			out.Suites = append(out.Suites, junitSuite{Name: r.Suite.Table, File: r.Suite.File, Timestamp: started.UTC().Format("2006-01-02T15:04:05")})
			took = append(took, 0)
		}
		s := &out.Suites[i]
		c := junitCase{Name: r.Case.Name, Class: r.Suite.Table, File: r.Suite.File, Line: r.Case.Line, Time: seconds(r.Took)}
		if !r.Passed() {
			s.Failures++
			out.Failures++
			c.Failure = &junitFailure{Message: printable(clean(r.Failures[0].Message)), Type: "failure", Text: printable(clean(r.Report()))}
		}
		s.Tests++
		total += r.Took
		took[i] += r.Took
		s.Time = seconds(took[i])
		s.Cases = append(s.Cases, c)
	}
	out.Time = seconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// printable leaves out characters that XML cannot hold.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF {
			return -1
		}
		return r
	}, text)
}
