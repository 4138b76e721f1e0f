// Package historytest says what a table of mode history must hold: a replay of all that happened to each key, in the order of its
// time. Tests of histories compare with it.
package historytest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Event is what is known of a key at one time: a row, or an end.
type Event struct {
	End     bool
	Tracked string // what the row says in the columns whose change opens a version
	Rest    string // in the others
}

// Row is a row that a build brings.
type Row struct {
	Key, At int // At counts from any moment, in any unit
	Event
}

// Chains are the events of every key by their time.
type Chains map[int]map[int]Event

// Clone is a copy that is changed by itself.
func (c Chains) Clone() Chains {
	out := Chains{}
	for key, events := range c {
		out[key] = maps.Clone(events)
	}
	return out
}

// Read does what a build at a time of the clock does. closes says that what it does not bring is gone.
func (c Chains) Read(rows []Row, clock int, closes bool) {
	last := map[int]Row{}
	for _, r := range rows {
		c.put(r.Key, r.At, r.Event)
		if l, ok := last[r.Key]; !ok || r.At > l.At {
			last[r.Key] = r
		}
	}
	if closes {
		c.close(last, clock)
	}
	c.settle()
}

// close ends the keys that are not among those found, and opens again those that are and had ended.
func (c Chains) close(found map[int]Row, clock int) {
	for key := range c {
		e, ok := c.at(key, clock)
		r, there := found[key]
		switch {
		case ok && !e.End && !there:
			c.put(key, clock, Event{End: true})
		case ok && e.End && there && r.At <= clock:
			c.put(key, clock, r.Event)
		}
	}
}

// at is the last event of a key up to a time, ok false for none.
func (c Chains) at(key, t int) (e Event, ok bool) {
	last := -1
	for at := range c[key] {
		if at <= t && at > last {
			last = at
		}
	}
	e, ok = c[key][last]
	return e, ok
}

func (c Chains) put(key, at int, e Event) {
	if c[key] == nil {
		c[key] = map[int]Event{}
	}
	c[key][at] = e
}

// settle forgets ends with nothing before them that they could end: a table has no place for them.
func (c Chains) settle() {
	for _, events := range c {
		open := false
		for _, at := range slices.Sorted(maps.Keys(events)) {
			if events[at].End && !open {
				delete(events, at)
				continue
			}
			open = !events[at].End
		}
	}
}

// Versions replays all events in their order. A version is its key, tracked and other values, from, to and whether it is the
// current one, joined by spaces; to is "-" while it is open.
func (c Chains) Versions() (out []string) {
	for key, events := range c {
		times := slices.Sorted(maps.Keys(events))
		for i := 0; i < len(times); {
			e := events[times[i]]
			if e.End {
				i++
				continue
			}
			from := times[i]
			for i++; i < len(times) && !events[times[i]].End && events[times[i]].Tracked == e.Tracked; i++ {
				e = events[times[i]]
			}
			to, current := "-", "true"
			if i < len(times) {
				to, current = fmt.Sprint(times[i]), "false"
			}
			out = append(out, strings.Join([]string{fmt.Sprint(key), e.Tracked, e.Rest, fmt.Sprint(from), to, current}, " "))
		}
	}
	slices.Sort(out)
	return out
}
