package build

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/record"
)

// tooMany is the error of a build that turned away more records than its definition allows. It shows the first of
// them and the way to allow it.
func (w *work) tooMany(ctx context.Context, n int64, limit define.Limit, key, kind string) error {
	words := map[string]string{record.KindReject: "rejected", record.KindQuarantined: "quarantined"}
	first := ""
	if rows, err := w.s.Strings(ctx, firstReject(w.rejectsOf(kind))); err == nil && len(rows) > 0 {
		first = rows[0][0].Value + ". "
	}
	return fault.New(fault.Data, "stopped, %s. %s%d %s, limit %s", w.untouched(), first, n, words[kind], LimitText(limit)).
		WithHint("see: weir rejects show %s · allow: %s: %s", w.t.Table.Name, key, allow(n, w.out.Counts.Read))
}

// firstReject is a query of one text: place and reason of the first reject.
func firstReject(paths []string) string {
	return `SELECT concat(dataset, CASE WHEN line > 0 THEN ':' || line ELSE ':' END, ' ', reason) FROM ` + rejectFiles(paths) +
		` ORDER BY dataset, line LIMIT 1`
}

func rejectFiles(paths []string) string {
	q := make([]string, len(paths))
	for i, p := range paths {
		q[i] = "'" + strings.ReplaceAll(p, "'", "''") + "'"
	}
	return "read_parquet([" + strings.Join(q, ", ") + "], hive_partitioning=false)"
}

// LimitText writes a limit as a definition does.
func LimitText(l define.Limit) string {
	switch {
	case l.Any:
		return "unlimited"
	case l.IsRatio:
		return fmt.Sprintf("%g%%", l.Ratio*100)
	}
	return fmt.Sprint(l.Rows)
}

// allow proposes a limit that would let n of total pass, rounded up to a figure a person would write.
func allow(n, total int64) string {
	for _, percent := range []float64{0.1, 0.5, 1, 5, 10, 50} {
		if total > 0 && float64(n) <= percent/100*float64(total) {
			return fmt.Sprintf("%g%%", percent)
		}
	}
	return fmt.Sprint(n)
}
