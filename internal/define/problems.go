package define

import (
	"strings"

	"weir/internal/fault"
	"weir/internal/project"
)

// Problems are all mistakes of a project, in order of file and place. As an error they are of class fault.Usage.
type Problems []project.Problem

// Error gives one line a problem: file:line:col: message; hint.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// NewProblems makes the error of a list of problems, nil where there are none. Problems are found in it by errors.As.
func NewProblems(ps []project.Problem) error {
	if len(ps) == 0 {
		return nil
	}
	return fault.New(fault.Usage, "%w", Problems(project.SortProblems(ps)))
}
