package evidence

import (
	"math/bits"
)

// Keys counts how often the values of columns come again, within a file and between files. Values are remembered by
// their hash, within a budget of entries (promise 5); at its end no more rows are looked at. A hash that two values share
// can make a key be overlooked, never be found wrongly.
type Keys struct {
	cands  []*Candidate
	budget int
	rows   int64
	full   bool
}

// Candidate is a column, or several, that may tell rows apart.
type Candidate struct {
	Columns []int
	// Rows were looked at. Of those whose key came before, Same are equal in all columns; Within differ and stand in one
	// file, Between in another; Tied are those of either that have the same value of the order column, too.
	Rows, Same, Within, Between, Tied int64
	Nulls                             int64
	Out                               bool // was given up: too often the same
	seen                              table
}

// Key budget in entries of 24 bytes, half of them free.
const keyBudget = 2_000_000

// NewKeys looks at these candidates.
func NewKeys(columns [][]int) *Keys {
	k := &Keys{budget: keyBudget}
	for _, c := range columns {
		k.cands = append(k.cands, &Candidate{Columns: c})
	}
	return k
}

// Row adds a row by the hashes of its columns, 0 where one has no value; order is the hash of what says when the row was
// changed, 0 for nothing.
func (k *Keys) Row(file int, hashes []uint64, order uint64) {
	if k.full {
		return
	}
	k.rows++
	var row uint64
	for _, h := range hashes {
		row = mix(row, h)
	}
	used, open := 0, 0
	for _, c := range k.cands {
		if c.Out {
			continue
		}
		c.row(uint32(file), hashes, uint32(row>>32), uint32(order>>32))
		used += len(c.seen.slots)
		open++
	}
	k.full = open == 0 || used > k.budget
}

func (c *Candidate) row(file uint32, hashes []uint64, row, order uint32) {
	var key uint64
	for _, i := range c.Columns {
		if hashes[i] == 0 {
			c.Nulls++
			c.Out, c.seen = true, table{}
			return
		}
		key = mix(key, hashes[i])
	}
	c.Rows++
	old, again := c.seen.put(entry{key | 1, file, row, order})
	switch {
	case !again:
	case old.row == row:
		c.Same++
	default:
		if old.order == order || order == 0 {
			c.Tied++
		}
		if old.file == file {
			c.Within++
		} else {
			c.Between++
		}
	}
	const enough = 1000
	if c.Rows > enough && c.again()*10 > c.Rows*9 {
		c.Out, c.seen = true, table{}
	}
}

func (c *Candidate) again() int64 { return c.Same + c.Within + c.Between }

// Rows is how many rows were looked at; all says whether that was every one given.
func (k *Keys) Rows() (rows int64, all bool) { return k.rows, !k.full }

// Found are the candidates that were not given up.
func (k *Keys) Found() (out []*Candidate) {
	for _, c := range k.cands {
		if !c.Out && c.Rows > 0 {
			out = append(out, c)
		}
	}
	return out
}

// Unique says whether no key came twice with different rows.
func (c *Candidate) Unique() bool { return c.Within+c.Between == 0 }

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xbf58476d1ce4e5b9)
	return hi ^ lo + 0x94d049bb133111eb
}

// table is an open hash table of entries.
type table struct {
	slots []entry
	used  int
}

type entry struct {
	key              uint64 // never 0
	file, row, order uint32
}

// put remembers an entry and gives the one that was there; of equal keys the latest stays.
func (t *table) put(e entry) (old entry, again bool) {
	if t.used*2 >= len(t.slots) {
		t.grow()
	}
	i := e.key & uint64(len(t.slots)-1)
	for t.slots[i].key != 0 {
		if t.slots[i].key == e.key {
			old, t.slots[i] = t.slots[i], e
			return old, true
		}
		i = (i + 1) & uint64(len(t.slots)-1)
	}
	t.slots[i] = e
	t.used++
	return entry{}, false
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]entry, max(64, 2*len(old)))
	t.used = 0
	for _, e := range old {
		if e.key != 0 {
			t.put(e)
		}
	}
}

// Counted is a candidate whose counts were made elsewhere: rows, and different keys, keys with their row, those with
// their file, keys with their file, and keys with their order.
func Counted(columns []int, rows, keys, keyRows, keyRowFiles, keyFiles, keyOrders int64) *Candidate {
	c := &Candidate{Columns: columns, Rows: rows, Same: rows - keyRows, Within: keyRowFiles - keyFiles}
	c.Between = max(0, keyRows-keys-c.Within)
	c.Tied = max(0, keyRows-max(keys, keyOrders))
	return c
}

// KeysOf are candidates that were counted elsewhere, over all rows.
func KeysOf(rows int64, candidates []*Candidate) *Keys { return &Keys{rows: rows, cands: candidates} }
