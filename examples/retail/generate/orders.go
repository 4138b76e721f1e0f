package generate

import (
	"math/rand/v2"
	"time"
)

// order is an order as it stands; orderRow is what a file says of it.
type order struct {
	id, customer     int
	store, status    string
	ordered, updated time.Time
	total            int64 // what the customer pays
	lines, cents     int64 // lines that count, and what they sold
	taken            bool  // false where its row is rejected or quarantined
	old              *orderRow
}

type orderRow struct {
	id, customer     int
	store, status    string
	ordered, updated string
	total            int64
	channel          string
}

type lineRow struct {
	order, number int
	sku           string
	quantity      int
	price         int64
	discount      int64
	short         bool // the record ends after the sku
}

const stamp = "2006-01-02 15:04:05"

func (o *order) row() orderRow {
	channel := "app"
	if o.store != "WEB" {
		channel = "store"
	} else if o.id%3 == 0 {
		channel = "web"
	}
	return orderRow{id: o.id, customer: o.customer, store: o.store, status: o.status, ordered: o.ordered.Format(stamp),
		updated: o.updated.Format(stamp), total: o.total, channel: channel}
}

// ordersOf places new orders, some of them late, changes old ones, sends some rows twice and some that are outdated.
func (s *shop) ordersOf(d *day) {
	r := dice("orders", d.number)
	var orders, lines Count
	changed := s.changeOrders(d, r, &orders)
	s.resend(d, r, &orders)
	for i := range 5000 * s.scale {
		s.placeOrder(d, r, i, &orders, &lines)
	}
	s.open = append(s.open, changed...)
	s.copyOrders(d, r, &orders, &lines)
	s.spoilOrders(d, &orders)
	s.spoilLines(d, &lines)
	orders.Read, lines.Read = int64(len(d.orders)), int64(len(d.lines))
	s.count(d, "raw.orders", orders)
	s.count(d, "raw.order_lines", lines)
}

// changeOrders ships, returns or cancels a tenth of the open orders.
func (s *shop) changeOrders(d *day, r *rand.Rand, c *Count) (changed []*order) {
	var still []*order
	for _, o := range s.open {
		if r.IntN(10) > 0 {
			still = append(still, o)
			continue
		}
		old := o.row()
		o.old = &old
		o.status, o.updated = pick(r, []string{"shipped", "shipped", "shipped", "returned", "cancelled"}), at(r, d.number)
		d.orders = append(d.orders, o.row())
		changed = append(changed, o)
		c.Updated++
	}
	s.open = still
	return changed
}

// resend sends rows again that a row of an earlier day has made outdated.
func (s *shop) resend(d *day, r *rand.Rand, c *Count) {
	today := Date(d.number)
	var outdated []*order
	for _, o := range s.orders {
		if o.old != nil && o.updated.Before(today) {
			outdated = append(outdated, o)
		}
	}
	if len(outdated) == 0 {
		return
	}
	for _, i := range r.Perm(len(outdated))[:3*s.scale] {
		d.orders = append(d.orders, *outdated[i].old)
		c.Stale++
	}
}

// placeOrder makes one order with its lines. One in a hundred comes a day or two late; one in fifty is paid the same
// day, and both rows are sent.
func (s *shop) placeOrder(d *day, r *rand.Rand, i int, orders, lines *Count) {
	when := at(r, d.number)
	id := d.number*1_000_000 + i + 1
	plain := s.reserved(d.number, id)
	if !plain && d.number > 2 && i%100 == 7 {
		when = at(r, d.number-1-r.IntN(2))
		orders.Late++
	}
	store := "WEB"
	if r.IntN(3) == 0 {
		store = pick(r, Stores())
	}
	o := &order{id: id, customer: pick(r, s.customers).id, store: store, status: "placed",
		ordered: when, updated: when, taken: true}
	s.addLines(d, r, o, lines)
	d.orders = append(d.orders, o.row())
	if !plain && i%50 == 11 {
		o.status, o.updated = "paid", when.Add(5*time.Minute)
		d.orders = append(d.orders, o.row())
		orders.Superseded++
	}
	orders.Inserted++
	s.orders = append(s.orders, o)
	if !plain {
		s.open = append(s.open, o)
	}
}

func (s *shop) addLines(d *day, r *rand.Rand, o *order, c *Count) {
	for n := range 1 + r.IntN(4) {
		p := pick(r, s.products)
		l := lineRow{order: o.id, number: n + 1, sku: p.sku, quantity: 1 + r.IntN(5), price: p.pence}
		if r.IntN(8) == 0 {
			l.discount = p.pence / 10
		}
		o.total += l.sold()
		o.cents += l.sold()
		o.lines++
		d.lines = append(d.lines, l)
		c.Inserted++
	}
}

// reserved says whether an order is kept for the day's faults: it never changes and is sent once, so that each fault
// stands alone.
func (s *shop) reserved(day, id int) bool {
	n := id - day*1_000_000
	return n >= 1 && n <= 10*s.scale
}

// copyOrders sends a few records twice in the same file.
func (s *shop) copyOrders(d *day, r *rand.Rand, orders, lines *Count) {
	for orders.Copies < int64(5*s.scale) {
		row := pick(r, d.orders)
		if !s.reserved(d.number, row.id) {
			d.orders = append(d.orders, row)
			orders.Copies++
			orders.Superseded++
		}
	}
	for lines.Copies < int64(10*s.scale) {
		l := pick(r, d.lines)
		if !s.reserved(d.number, l.order) {
			d.lines = append(d.lines, l)
			lines.Copies++
			lines.Superseded++
		}
	}
}

// sold is what a line brings in.
func (l lineRow) sold() int64 { return int64(l.quantity)*l.price - l.discount }
