package generate

// What is wrong with a record, as Count.Reasons names it.
const (
	BadDate       = "ordered_at is no date"
	NegativeTotal = "total below zero"
	ShortLine     = "fields missing"
	BadQuantity   = "quantity below one"
	CommaTotal    = "total with a comma"
	BrokenJSON    = "line is no JSON"
	NoTime        = "ts missing"
)

// reject counts a record that can not be taken, and which was counted as inserted.
func (c *Count) reject(reason string) {
	c.Rejected++
	c.Inserted--
	c.because(reason)
}

// quarantine counts a record that a rule turns away, and which was counted as inserted.
func (c *Count) quarantine(reason string) {
	c.Quarantined++
	c.Inserted--
	c.because(reason)
}

// spoilOrders makes an order of 30 February on day 3 and a negative total on day 4.
func (s *shop) spoilOrders(d *day, c *Count) {
	for n := range s.scale {
		id := d.number*1_000_000 + 1 + n
		switch d.number {
		case 3:
			d.rowOf(id).ordered = "2026-02-30 10:15:00"
			c.reject(BadDate)
		case 4:
			row := d.rowOf(id)
			row.total = -row.total
			c.quarantine(NegativeTotal)
		default:
			continue
		}
		s.order(id).taken = false
	}
}

// spoilLines cuts a line off on day 4 and makes quantities negative on days 3 and 5.
func (s *shop) spoilLines(d *day, c *Count) {
	for n := range s.scale {
		id := d.number*1_000_000 + 1 + s.scale + n
		l := d.lineOf(id)
		was := l.sold()
		switch d.number {
		case 4:
			l.short = true
			c.reject(ShortLine)
		case 3, 5:
			l.quantity = -l.quantity
			c.quarantine(BadQuantity)
		default:
			continue
		}
		o := s.order(id)
		o.lines--
		o.cents -= was
	}
}

// rowOf finds the row of an order that is sent once.
func (d *day) rowOf(id int) *orderRow {
	for i := range d.orders {
		if d.orders[i].id == id {
			return &d.orders[i]
		}
	}
	panic("an order that every day has is missing")
}

// lineOf finds the first line of an order that is sent once.
func (d *day) lineOf(id int) *lineRow {
	for i := range d.lines {
		if d.lines[i].order == id {
			return &d.lines[i]
		}
	}
	panic("a line that every day has is missing")
}

func (s *shop) order(id int) *order {
	for i := len(s.orders) - 1; i >= 0; i-- {
		if s.orders[i].id == id {
			return s.orders[i]
		}
	}
	panic("an order that every day has is missing")
}
