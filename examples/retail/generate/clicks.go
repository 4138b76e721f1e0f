package generate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// clickRow is one event of the web site.
type clickRow struct {
	id, session, kind, sku string
	customer               int // 0: not signed in
	at                     time.Time
	os                     string
	experiment             string // from day 5 on
	broken                 bool   // the line ends in the middle
}

// clicksOf writes the day's clickstream. The first events of a file belong to the evening before; some come twice; one
// has no time on day 3, two lines are cut off on day 4, and on day 5 a new field appears.
func (s *shop) clicksOf(d *day) {
	r := dice("clicks", d.number)
	var c Count
	for i := range 20_000 * s.scale {
		row := s.click(d, r, i)
		if d.number > 1 && i < 200*s.scale {
			row.at = Date(d.number).Add(-time.Duration(1+r.IntN(600)) * time.Second)
			c.Late++
		}
		c.Inserted++
		n := i - 7000*s.scale
		switch {
		case d.number == 3 && n >= 0 && n < s.scale:
			row.at = time.Time{}
			c.quarantine(NoTime)
		case d.number == 4 && n >= 0 && n < 2*s.scale:
			row.broken = true
			c.reject(BrokenJSON)
		}
		d.clicks = append(d.clicks, row)
	}
	for c.Copies < int64(8*s.scale) {
		if row := pick(r, d.clicks); !row.broken && !row.at.IsZero() {
			d.clicks = append(d.clicks, row)
			c.Copies++
			c.Inserted++
			if row.at.Before(Date(d.number)) {
				c.Late++
			}
		}
	}
	c.Read = int64(len(d.clicks))
	s.count(d, "raw.clicks", c)
}

func (s *shop) click(d *day, r *rand.Rand, i int) clickRow {
	row := clickRow{id: fmt.Sprintf("E%d-%07d", d.number, i+1), session: fmt.Sprintf("s%d-%05d", d.number, r.IntN(3000*s.scale)),
		at: at(r, d.number), kind: pick(r, []string{"view", "view", "view", "search", "cart", "checkout"}),
		os: pick(r, []string{"ios", "android", "windows", "macos"})}
	if row.kind == "view" || row.kind == "cart" {
		row.sku = pick(r, s.products).sku
	}
	if r.IntN(3) > 0 {
		row.customer = pick(r, s.customers).id
	}
	if d.number >= 5 {
		row.experiment = pick(r, []string{"blue-button", "green-button"})
	}
	return row
}
