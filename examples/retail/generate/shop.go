package generate

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// shop is all that goes on from day to day. Money is in pence.
type shop struct {
	scale     int
	products  []product
	customers []customer
	orders    []*order        // in the order they were placed, so that picks are the same each time
	open      []*order        // may still change
	tills     map[string]Sale // receipts that count, by date
	after     map[string]int64
}

type product struct {
	sku, name, category string
	pence               int64
}

type customer struct {
	id                         int
	name, email, city, country string
	created, updated           time.Time
}

// Stores are the shop's places, as seeds/stores.csv lists them; the last is the web site.
func Stores() []string {
	return []string{"S01", "S02", "S03", "S04", "S05", "S06", "S07", "S08", "WEB"}
}

func newShop(scale int) *shop {
	s := &shop{scale: scale, tills: map[string]Sale{}, after: map[string]int64{}}
	r := dice("products", 0)
	for i := range 300 {
		s.products = append(s.products, newProduct(r, i))
	}
	return s
}

// dice gives the random numbers of one subject on one day, so that a change to one leaves the others as they are.
func dice(subject string, day int) *rand.Rand {
	var seed uint64 = 2026
	for _, b := range []byte(subject) {
		seed = seed*31 + uint64(b)
	}
	return rand.New(rand.NewPCG(seed, uint64(day)))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// at gives a moment of shopping hours on a day, to the second.
func at(r *rand.Rand, day int) time.Time {
	return Date(day).Add(time.Duration(7*3600+r.IntN(14*3600)) * time.Second)
}

func newProduct(r *rand.Rand, i int) product {
	categories := []string{"garden", "kitchen", "toys", "books", "lighting", "stationery"}
	kinds := []string{"Lantern", "Mug", "Bunting", "Notebook", "Puzzle", "Trowel", "Tray", "Candle", "Clock", "Apron"}
	looks := []string{"Red", "Ivory", "Striped", "Vintage", "Small", "Large", "Café", `12" Round`, "Blue, Dotted"}
	return product{sku: fmt.Sprintf("P%04d", i+1), category: categories[i%len(categories)],
		name: pick(r, looks) + " " + pick(r, kinds), pence: int64(95 + r.IntN(4900))}
}

// changeProducts puts new prices on a few products on day 3. Other days leave the list as it is.
func (s *shop) changeProducts(day int) {
	if day != 3 {
		return
	}
	r := dice("prices", day)
	for range 20 {
		s.products[r.IntN(len(s.products))].pence += int64(1 + r.IntN(200))
	}
}

// customersOf sends all customers on day 1, and on later days the new ones and those that moved.
func (s *shop) customersOf(d *day) {
	r := dice("customers", d.number)
	c := Count{}
	fresh, moved := 40*s.scale, 30*s.scale
	if d.number == 1 {
		fresh, moved = 2000*s.scale, 0
	}
	// Those that move are known from earlier days: a key comes once a file.
	for _, i := range r.Perm(len(s.customers))[:moved] {
		m := &s.customers[i]
		m.city, m.updated = pick(r, cities()), at(r, d.number)
		d.customers = append(d.customers, *m)
		c.Updated++
	}
	for range fresh {
		n := newCustomer(r, len(s.customers)+1, d.number)
		s.customers = append(s.customers, n)
		d.customers = append(d.customers, n)
		c.Inserted++
	}
	c.Read = int64(len(d.customers))
	s.count(d, "raw.customers", c)
}

// count keeps a table's count of the day and its rows so far.
func (s *shop) count(d *day, table string, c Count) {
	s.after[table] += c.Inserted
	c.After = s.after[table]
	d.counts[table] = c
}

func cities() []string {
	return []string{"London", "Leeds", "Bristol", "Zürich", "Malmö", "Lyon", "Porto", "Kraków", "Stoke-on-Trent"}
}

func newCustomer(r *rand.Rand, id, day int) customer {
	given := []string{"Ada", "Bram", "Chloé", "Dev", "Elif", "Femi", "Grace", "Håkon", "Ines", "Jürgen", "Kofi", "Łucja"}
	family := []string{"Okafor", "Smith", "O'Brien", "Müller", "García", "van Dijk", `Jones "JJ"`, "Ng, PhD", "Silva"}
	countries := []string{"GB", "GB", "GB", "DE", "FR", "PT", "SE", "PL"}
	c := customer{id: id, name: pick(r, given) + " " + pick(r, family), city: pick(r, cities()), country: pick(r, countries),
		email: fmt.Sprintf("c%d@example.com", id), updated: at(r, day)}
	if r.IntN(50) == 0 {
		c.email = ""
	}
	c.created = c.updated.AddDate(0, 0, -r.IntN(700)-1)
	if day > 1 {
		c.created = c.updated
	}
	return c
}
