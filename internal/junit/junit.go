// Package junit writes results as the XML of JUnit, which systems of continuous integration read.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// Report is all that was found out. Write counts.
type Report struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"` // seconds
	Suites   []*Suite `xml:"testsuite"`
}

// Suite are cases that belong together.
type Suite struct {
	Name      string `xml:"name,attr"`
	Tests     int    `xml:"tests,attr"`
	Failures  int    `xml:"failures,attr"`
	Errors    int    `xml:"errors,attr"`
	Skipped   int    `xml:"skipped,attr"`
	Time      string `xml:"time,attr"`
	Timestamp string `xml:"timestamp,attr"`
	File      string `xml:"file,attr"`
	Cases     []Case `xml:"testcase"`
}

// Case is one question and its answer.
type Case struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Seconds string        `xml:"time,attr"`
	Failure *Failure      `xml:"failure"`
	Took    time.Duration `xml:"-"`
}

// Failure says why a case failed.
type Failure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// At is a moment as a suite tells it.
func At(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// Write counts and writes. clean takes from texts what must not be written.
func Write(w io.Writer, r *Report, clean func(string) string) error {
	var all time.Duration
	for _, s := range r.Suites {
		var took time.Duration
		for i := range s.Cases {
			c := &s.Cases[i]
			took += c.Took
			c.Seconds, c.Name = seconds(c.Took), printable(clean(c.Name))
			s.Tests++
			if c.Failure != nil {
				s.Failures++
				c.Failure.Message, c.Failure.Text = printable(clean(c.Failure.Message)), printable(clean(c.Failure.Text))
			}
		}
		s.Time = seconds(took)
		r.Tests, r.Failures, all = r.Tests+s.Tests, r.Failures+s.Failures, all+took
	}
	r.Time = seconds(all)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(r); err != nil {
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
