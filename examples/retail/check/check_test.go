package main

import (
	"fmt"
	"testing"

	"weir/examples/retail/generate"
)

// The generator knows what was sold without SQL, DuckDB without the generator's books.
func TestSalesAreTheGenerators(t *testing.T) {
	for _, to := range []int{1, 4, 5} {
		t.Run(fmt.Sprintf("days 1 to %d", to), func(t *testing.T) {
			dir := t.TempDir()
			if err := generate.Days(dir, 1, to, 1); err != nil {
				t.Fatal(err)
			}
			truth, err := generate.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			got, err := sales(dir, false)
			if err != nil {
				t.Fatal(err)
			}
			var want []sale
			for _, s := range truth.Sales {
				want = append(want, sale{s.Date, s.Lines, fmt.Sprintf("%d.%02d", s.Cents/100, s.Cents%100)})
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestMendedReceiptsAddTheirLines(t *testing.T) {
	dir := t.TempDir()
	if err := generate.Days(dir, 1, 5, 2); err != nil {
		t.Fatal(err)
	}
	without, err := sales(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	with, err := sales(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	var differ []string
	for i := range with {
		if with[i] != without[i] {
			differ = append(differ, with[i].date)
		}
	}
	if fmt.Sprint(differ) != "[2026-03-02 2026-03-05]" {
		t.Errorf("days that differ: %v", differ)
	}
}
