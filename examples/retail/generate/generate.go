// Package generate makes the inbox of the retail example: what a shop with eight stores, eight tills and a web site
// sends in five days, faults included. The same call gives the same bytes, whenever and wherever it is made.
package generate

import (
	"fmt"
	"path/filepath"
	"time"
)

// Last is the last day that can be made; the first is 1.
const Last = 5

// first is the date of day 1.
var first = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// Date is the date of a day.
func Date(day int) time.Time { return first.AddDate(0, 0, day-1) }

// Days writes the files of days from to to, both included, below dir/inbox, and what is true of days 1 to to into
// dir/truth.json. Scale 1 is about 5,000 orders, 3,000 receipts and 20,000 clicks a day; everything grows with it.
//
// The days hang together: day 4 changes orders that day 2 placed. So a day can be added later by a call of its own.
func Days(dir string, from, to, scale int) error {
	if from < 1 || to < from || to > Last {
		return fmt.Errorf("make days %d to %d: days go from 1 to %d", from, to, Last)
	}
	if scale < 1 {
		return fmt.Errorf("make days %d to %d: scale %d is less than 1", from, to, scale)
	}
	s := newShop(scale)
	inbox := filepath.Join(dir, "inbox")
	truth := Truth{Scale: scale}
	for day := 1; day <= to; day++ {
		d := s.live(day)
		truth.Days = append(truth.Days, d.truth())
		if day < from {
			continue
		}
		if err := d.write(inbox); err != nil {
			return fmt.Errorf("make day %d: %w", day, err)
		}
	}
	truth.Sales = s.sales()
	if err := writeProducts(inbox, s.products); err != nil {
		return fmt.Errorf("make products: %w", err)
	}
	return truth.write(filepath.Join(dir, "truth.json"))
}

// day is everything the shop sends on one day.
type day struct {
	number    int
	customers []customer
	orders    []orderRow
	lines     []lineRow
	receipts  []receiptRow
	clicks    []clickRow
	counts    map[string]Count
}

// live lets the shop have one day. Days come in order, each once.
func (s *shop) live(number int) *day {
	d := &day{number: number, counts: map[string]Count{}}
	s.changeProducts(number)
	s.customersOf(d)
	s.ordersOf(d)
	s.receiptsOf(d)
	s.clicksOf(d)
	return d
}

func (d *day) truth() Day {
	return Day{Day: d.number, Date: Date(d.number).Format(time.DateOnly), Tables: d.counts}
}
