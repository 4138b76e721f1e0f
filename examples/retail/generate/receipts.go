package generate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// receiptRow is one receipt of a till.
type receiptRow struct {
	id, store string
	till      int
	sold      time.Time
	card      string // last four digits, "" for cash
	lines     []lineRow
	comma     bool // the total is written as text with a comma
}

func (r receiptRow) total() (pence int64) {
	for _, l := range r.lines {
		pence += l.sold()
	}
	return pence
}

// receiptsOf rings up the day's receipts. A few come a day late, when a till was offline, and a few come twice; on days
// 2 and 5 an old till writes its totals with a comma.
func (s *shop) receiptsOf(d *day) {
	r := dice("receipts", d.number)
	var c Count
	for i := range 3000 * s.scale {
		row := s.ringUp(d, r, i)
		if row.sold.Before(Date(d.number)) {
			c.Late++
		}
		c.Inserted++
		if bad := i - 1881; bad >= 0 && bad < s.scale && (d.number == 2 || d.number == 5) {
			row.comma = true
			c.reject(CommaTotal)
		} else {
			s.sell(row)
		}
		d.receipts = append(d.receipts, row)
	}
	for c.Copies < int64(4*s.scale) {
		if row := pick(r, d.receipts); !row.comma {
			d.receipts = append(d.receipts, row)
			c.Copies++
			c.Inserted++ // appended like any other; the staging view takes one of them
		}
	}
	c.Read = int64(len(d.receipts))
	s.count(d, "raw.receipts", c)
}

func (s *shop) ringUp(d *day, r *rand.Rand, i int) receiptRow {
	stores := Stores()
	row := receiptRow{store: stores[r.IntN(len(stores)-1)], till: 1 + r.IntN(4), sold: at(r, d.number)}
	row.id = fmt.Sprintf("R-%s-%s-%06d", Date(d.number).Format("20060102"), row.store, i+1)
	if d.number > 1 && i%200 == 3 {
		row.sold = at(r, d.number-1)
	}
	if r.IntN(4) > 0 {
		row.card = fmt.Sprintf("%04d", r.IntN(10000))
	}
	for range 1 + r.IntN(4) {
		p := pick(r, s.products)
		row.lines = append(row.lines, lineRow{sku: p.sku, quantity: 1 + r.IntN(3), price: p.pence})
	}
	return row
}

func (s *shop) sell(row receiptRow) {
	date := row.sold.Format(time.DateOnly)
	sale := s.tills[date]
	s.tills[date] = Sale{Date: date, Lines: sale.Lines + int64(len(row.lines)), Cents: sale.Cents + row.total()}
}
