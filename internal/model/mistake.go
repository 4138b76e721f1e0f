// Package model reads SQL definitions: which tables a statement reads, which parameters it takes, and whether it keeps
// to one SELECT over lake tables. DuckDB's own parser does the reading; this package walks its tree and allows only
// what it knows.
package model

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"weir/internal/fault"
)

// Mistake is one thing wrong with a SQL text.
type Mistake struct {
	Line    int // 1-based in the text that was given
	Col     int // 1-based, in characters
	Message string
	Hint    string // what to write instead, "" where there is nothing to propose
}

func (m *Mistake) Error() string { return fmt.Sprintf("%d:%d: %s", m.Line, m.Col, m.Message) }

// Mistakes are all mistakes found in one text, in order of place. As an error they are of class Usage.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	texts := make([]string, len(m))
	for i := range m {
		texts[i] = m[i].Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives the single mistakes.
func (m Mistakes) Unwrap() []error {
	out := make([]error, len(m))
	for i := range m {
		out[i] = &m[i]
	}
	return out
}

// fail classes mistakes; nil for none.
func (m Mistakes) fail() error {
	if len(m) == 0 {
		return nil
	}
	sort.SliceStable(m, func(i, j int) bool {
		return m[i].Line < m[j].Line || m[i].Line == m[j].Line && m[i].Col < m[j].Col
	})
	return fault.New(fault.Usage, "%w", m).WithHint("%s", m[0].Hint)
}

// finding is a mistake at a byte offset of a text.
type finding struct {
	offset        int
	message, hint string
}

// placed turns findings into mistakes of the text they are about.
func placed(sql string, found []finding) Mistakes {
	var out Mistakes
	for _, f := range found {
		out = append(out, place(sql, f))
	}
	return out
}

func place(sql string, f finding) Mistake {
	offset, message, hint := f.offset, f.message, f.hint
	offset = min(max(offset, 0), len(sql))
	before := sql[:offset]
	return Mistake{
		Line:    strings.Count(before, "\n") + 1,
		Col:     utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1,
		Message: message, Hint: hint,
	}
}
