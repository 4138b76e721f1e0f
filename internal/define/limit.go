package define

import (
	"strconv"
	"strings"

	"weir/internal/project"
)

// limitText is max_rejects or max_quarantined: a number of rows, a percentage of what was read, or unlimited.
type limitText Limit

// DecodeNode reads 5, 0.1% or unlimited.
func (l *limitText) DecodeNode(n *project.Node) []project.Problem {
	limit, ok := parseLimit(n)
	if !ok {
		p := n.Problem("expected a number of rows, a percentage, or unlimited; found %s", n.Describe())
		if n.Kind == project.Float {
			p.Hint = "a share is written with its sign: 0.1%"
		}
		return []project.Problem{p}
	}
	*l = limitText(limit)
	return nil
}

func parseLimit(n *project.Node) (Limit, bool) {
	if n.Kind == project.Text && strings.EqualFold(n.Text, "unlimited") {
		return Limit{Any: true}, true
	}
	if n.Kind >= project.List || n.Kind == project.Bool {
		return Limit{}, false
	}
	if percent, ok := strings.CutSuffix(n.Text, "%"); ok {
		x, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		// The comparisons are false for NaN.
		return Limit{Ratio: x / 100, IsRatio: true}, err == nil && x >= 0 && x <= 100
	}
	rows, err := strconv.ParseInt(n.Text, 10, 64)
	return Limit{Rows: rows}, err == nil && rows >= 0
}
