package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// The input has ten days of rows in order of time, 240 hours. Late rows come for one hour of every hundred.
const (
	incrementalRows  = 20_000_000
	incrementalLate  = 20_000
	incrementalHours = 240
)

const hourlySQL = `/* weir
incremental: { input: raw.events, by: hour }
*/
select date_trunc('hour', created_at) as hour, store, status, count(*) as orders, sum(amount)::decimal(18,2) as amount,
  sum(tax)::decimal(18,2) as tax, count(distinct customer) as customers
from raw.events
group by all
`

// lateData is the input as one file, and late rows for each measurement.
func (s *settings) lateData(ctx context.Context, rows, late int64) (string, error) {
	return s.cached(ctx, fmt.Sprintf("late-%d-%d-%d", rows, late, s.reps), func(dir string) []string {
		statements := []string{copyTo(versioned(made(events(), 0, rows), rows, 0), filepath.Join(dir, "base.parquet"))}
		perHour := rows / incrementalHours
		late = min(late, 2*perHour)
		for rep := range s.reps {
			// The later half of one hour and the earlier half of the next but one, other hours each time.
			first := int64(10*rep%(incrementalHours-4)) * perHour
			sql := made(events(), first, first+late/2) + " UNION ALL " + made(events(), first+2*perHour, first+2*perHour+late/2)
			statements = append(statements, copyTo(versioned(sql, rows, rep+1), filepath.Join(dir, fmt.Sprintf("late-%d.parquet", rep))))
		}
		return statements
	})
}

func incrementalBy(ctx context.Context, s *settings) (result, error) {
	rows := s.rows(incrementalRows)
	dir, err := s.lateData(ctx, rows, s.rows(incrementalLate))
	if err != nil {
		return result{}, err
	}
	inbox := filepath.Join(s.work, "incremental-inbox")
	if err := os.MkdirAll(inbox, 0o755); err != nil {
		return result{}, fmt.Errorf("make inbox: %w", err)
	}
	defer os.RemoveAll(inbox)
	p, err := s.newProject("incremental", inbox, map[string]string{
		"tables/raw/events.yaml": "from: inbox\npath: \"*.parquet\"\n", "tables/marts/hourly.sql": hourlySQL})
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	put := func(name string) error { return os.Link(filepath.Join(dir, name), filepath.Join(inbox, name)) }
	if err := put("base.parquet"); err != nil {
		return result{}, fmt.Errorf("fill inbox: %w", err)
	}
	if _, err := p.run(ctx); err != nil {
		return result{}, err
	}
	part := side{"part", func(ctx context.Context, rep int) (sample, error) {
		if err := put(fmt.Sprintf("late-%d.parquet", rep)); err != nil {
			return sample{}, fmt.Errorf("fill inbox: %w", err)
		}
		if _, err := p.run(ctx, "raw.events"); err != nil {
			return sample{}, err
		}
		return p.run(ctx, "marts.hourly")
	}}
	full := side{"full", func(ctx context.Context, _ int) (sample, error) { return p.run(ctx, "marts.hourly", "--full") }}
	a, b, err := interleave(ctx, s.reps, part, full)
	if err != nil {
		return result{}, err
	}
	return result{ratio: a.wall.Seconds() / b.wall.Seconds(), weir: a, baseline: describe("weir run --full of the same table", b)}, nil
}
