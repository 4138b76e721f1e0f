package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// lineage1000 validates a project of 1,000 SQL tables in ten layers, and analyses their lineage, which no earlier run has left
// behind.
func lineage1000(ctx context.Context, s *settings) (result, error) {
	p, err := s.newProject("lineage", filepath.Join(s.work, "nothing"), layers(10, 100))
	if err != nil {
		return result{}, err
	}
	defer p.remove()
	m, err := repeat(ctx, s.reps, side{"weir", func(ctx context.Context, _ int) (sample, error) {
		if err := p.forget(); err != nil {
			return sample{}, err
		}
		valid, err := measure(ctx, s.weir, "-C", p.dir, "validate")
		if err != nil {
			return sample{}, err
		}
		lineage, err := measure(ctx, s.weir, "-C", p.dir, "lineage", "stg.l9_4", "--json")
		if err != nil {
			return sample{}, err
		}
		return sample{wall: valid.wall + lineage.wall, cpu: valid.cpu + lineage.cpu, rss: max(valid.rss, lineage.rss)}, nil
	}})
	if err != nil {
		return result{}, err
	}
	if err := p.traced(ctx, 1000); err != nil {
		return result{}, err
	}
	return within(m, 5*time.Second), nil
}

// layers is a project of SQL tables over ten tables of files, each layer reading the one before.
func layers(deep, wide int) map[string]string {
	const columns = 20
	files := map[string]string{}
	var names, picked, first, greatest []string
	for i := range columns {
		c := fmt.Sprintf("c%d", i)
		names = append(names, fmt.Sprintf("  %s: decimal(12,2)\n", c))
		picked = append(picked, c)
		first = append(first, fmt.Sprintf("coalesce(a.%s, b.%s) as %s", c, c, c))
		greatest = append(greatest, fmt.Sprintf("max(%s) as %s", c, c))
	}
	for i := range 10 {
		files[fmt.Sprintf("tables/raw/t%d.yaml", i)] = fmt.Sprintf("from: inbox\npath: t%d.csv\ncolumns:\n  id: bigint\n  g: bigint\n%s", i, strings.Join(names, ""))
	}
	from := func(layer, k int) string {
		if layer == 0 {
			return fmt.Sprintf("raw.t%d", k%10)
		}
		return fmt.Sprintf("stg.l%d_%d", layer-1, k%wide)
	}
	for layer := range deep {
		for k := range wide {
			a, b := from(layer, k), from(layer, k*7+3)
			sql := []string{
				fmt.Sprintf("select id, g, %s from %s where c0 > 3", strings.Join(picked, ", "), a),
				fmt.Sprintf("select a.id, a.g, %s from %s a join %s b using (id)", strings.Join(first, ", "), a, b),
				fmt.Sprintf("with x as (select *, row_number() over (partition by g order by id) as rn from %s)\nselect * exclude (rn) from x where rn = 1", a),
				fmt.Sprintf("select max(id) as id, g, %s from %s group by g", strings.Join(greatest, ", "), a),
			}[k%4]
			files[fmt.Sprintf("tables/stg/l%d_%d.sql", layer, k)] = sql + "\n"
		}
	}
	return files
}

// traced says whether the lineage of the whole project names all its SQL tables and knows their columns.
func (p project) traced(ctx context.Context, tables int) error {
	out, err := exec.CommandContext(ctx, p.s.weir, "-C", p.dir, "lineage", "--json").Output()
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	var doc struct {
		Tables []struct {
			Name    string     `json:"name"`
			Columns []struct{} `json:"columns"`
		} `json:"tables"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	n := 0
	for _, t := range doc.Tables {
		if strings.HasPrefix(t.Name, "stg.") && len(t.Columns) == 22 {
			n++
		}
	}
	if n != tables {
		return fmt.Errorf("trace: %d tables with all their columns, want %d", n, tables)
	}
	return nil
}
