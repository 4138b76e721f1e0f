package main

import (
	"testing"
	"time"

	"weir/examples/retail/generate"
)

// What the database is given is what a table of the files' records holds: each order once, each line once.
func TestDaysHoldWhatTheFilesTell(t *testing.T) {
	dir := t.TempDir()
	if err := generate.Days(dir, 1, generate.Last, 1); err != nil {
		t.Fatal(err)
	}
	truth, err := generate.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	orders, lines := map[string]bool{}, map[string]bool{}
	for number := 1; number <= generate.Last; number++ {
		d, err := readDay(dir, generate.Date(number).Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		parts, sum := d.part(250), 0
		for _, p := range parts {
			sum += len(p.lines.rows)
			for _, o := range p.orders.rows {
				orders[o[0]] = true
			}
			for _, l := range p.lines.rows {
				lines[l[0]+"/"+l[1]] = true
				if !orders[l[0]] {
					t.Fatalf("line %v comes before its order", l)
				}
			}
		}
		if sum != len(d.lines.rows) {
			t.Errorf("day %d: %d lines in transactions, %d in the file", number, sum, len(d.lines.rows))
		}
		if got, want := int64(len(orders)), truth.Days[number-1].Tables["raw.orders"].After; got != want {
			t.Errorf("day %d: %d orders, want %d", number, got, want)
		}
		// Two orders are left out by then, whose lines a table of files keeps.
		if got, want := int64(len(lines)), truth.Days[number-1].Tables["raw.order_lines"].After; got > want || got < want-8 {
			t.Errorf("day %d: %d lines, want %d or the few less that two orders have", number, got, want)
		}
	}
}
