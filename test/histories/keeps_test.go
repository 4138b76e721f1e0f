package histories

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"weir/internal/build/historytest"
	"weir/internal/define"
)

// row is a row's values as texts, with none for null.
type row []string

const none = "-"

func texts(rows []row) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = strings.Join(r, " ")
	}
	slices.Sort(out)
	return out
}

// state is what a table must hold after a build, and what that build saw.
type state struct {
	rows   []row
	chains historytest.Chains // in the place of rows, of a history
	now    []row              // what the SQL gave
	in     map[string]row     // the input's rows by id, as id, g and all of it
}

func (s state) texts() []string {
	if s.chains != nil {
		return s.chains.Versions()
	}
	return texts(s.rows)
}

// built is what a build saw and did.
type built struct {
	form  form
	now   []row // what the SQL gives over the inputs as they are
	is    []row // what the table holds
	in    map[string]row
	full  bool // everything was computed
	why   string
	clock int // µs since 1970
}

// keeping replays a build: it gives what a table must hold after it, by what it held and what the build saw.
type keeping func(was state, b built) state

func gives(_ state, b built) state { return state{rows: b.now} }

// adds is mode append over SQL that is computed whole.
func adds(was state, b built) state { return state{rows: slices.Concat(was.rows, b.now)} }

// addsUnseen is mode append over new rows, which carry their id first.
func addsUnseen(was state, b built) state {
	if b.full {
		return gives(was, b)
	}
	return state{rows: slices.Concat(was.rows, unseen(b.now, 0, was.in))}
}

// unseen are the rows whose id is not among those of an earlier build.
func unseen(rows []row, id int, in map[string]row) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return in[r[id]] != nil })
}

// partitions is mode partitions by the first column, and upsert by it where no two rows have it in common.
func partitions(was state, b built) state {
	fresh := map[string]bool{}
	for _, r := range b.now {
		fresh[r[0]] = true
	}
	stay := slices.DeleteFunc(slices.Clone(was.rows), func(r row) bool { return fresh[r[0]] })
	return state{rows: append(stay, b.now...)}
}

func overlays(was state, b built) state { return partitions(was, b) }

// overlaysLatest takes the latest row of each key, whatever was there: where rows were taken back it is older.
func overlaysLatest(was state, b built) state {
	b.now = winners(b.now)
	return partitions(was, b)
}

func latestOnly(_ state, b built) state { return state{rows: winners(b.now)} }

// overlaysInOrder never takes a row for one that is later.
func overlaysInOrder(was state, b built) state {
	stored := map[string]row{}
	for _, r := range was.rows {
		stored[r[0]] = r
	}
	b.now = slices.DeleteFunc(winners(b.now), func(r row) bool {
		s, ok := stored[r[0]]
		return ok && number(r[1]) < number(s[1])
	})
	return partitions(was, b)
}

// winners are the latest row of each key: k, then the time, then values that tell rows of one time apart.
func winners(rows []row) []row {
	best := map[string]row{}
	for _, r := range rows {
		if b, ok := best[r[0]]; !ok || slices.CompareFunc(r[1:], b[1:], func(x, y string) int { return cmp.Compare(number(x), number(y)) }) > 0 {
			best[r[0]] = r
		}
	}
	out := make([]row, 0, len(best))
	for _, r := range best {
		out = append(out, r)
	}
	return out
}

// number is a whole number; null is less than any other.
func number(s string) int {
	if s == none {
		return -1
	}
	n, _ := strconv.Atoi(s)
	return n
}

// windows replaces the days that the build says it computed.
func windows(was state, b built) state {
	if b.full {
		return gives(was, b)
	}
	_, span, _ := strings.Cut(b.why, " from ")
	from, to, _ := strings.Cut(span, " to ")
	inside := func(r row) bool { return r[0] >= from && r[0] < to }
	stay := slices.DeleteFunc(slices.Clone(was.rows), inside)
	come := slices.DeleteFunc(slices.Clone(b.now), func(r row) bool { return !inside(r) })
	return state{rows: append(stay, come...)}
}

// touchedGroups computes the groups of changed rows again, by g. Others stay as they are, although another input changed: the
// build may have computed them too, where a commit wrote a row that another took back.
func touchedGroups(was state, b built) state {
	if b.full {
		return gives(was, b)
	}
	touched := map[string]bool{}
	for _, pair := range [][2]map[string]row{{was.in, b.in}, {b.in, was.in}} {
		for id, r := range pair[0] {
			if !slices.Equal(r, pair[1][id]) {
				touched[r[1]] = true
			}
		}
	}
	is, now := byGroup(b.is), byGroup(b.now)
	computed := func(r row) bool { return touched[r[0]] || slices.Equal(is[r[0]], now[r[0]]) }
	stay := slices.DeleteFunc(slices.Clone(was.rows), computed)
	come := slices.DeleteFunc(slices.Clone(b.now), func(r row) bool { return !computed(r) })
	return state{rows: append(stay, come...)}
}

func byGroup(rows []row) map[string][]string {
	out := map[string][]string{}
	for _, r := range rows {
		out[r[0]] = append(out[r[0]], strings.Join(r, " "))
	}
	for _, g := range out {
		slices.Sort(g)
	}
	return out
}

// replays is mode history: every row is something that happened to its key.
func replays(was state, b built) state {
	chains := historytest.Chains{}
	if was.chains != nil {
		chains = was.chains.Clone()
	}
	rows := make([]historytest.Row, len(b.now))
	for i, r := range b.now {
		rows[i] = b.form.happens(r, b.clock)
	}
	chains.Read(rows, b.clock, b.form.delete == define.Close)
	return state{chains: chains}
}

// replaysUnseen is a history of new rows, with their id behind the key and one more column.
func replaysUnseen(was state, b built) state {
	if !b.full {
		b.now = unseen(b.now, 2, was.in)
	}
	return replays(was, b)
}

// happens is a row as a history takes it: k, at where rows have a time, tracked and other columns, and then the time in µs.
func (f form) happens(r row, clock int) historytest.Row {
	key, _ := strconv.Atoi(r[0])
	out := historytest.Row{Key: key, At: clock}
	r = r[1:]
	var rest row
	if f.order != "" {
		out.At, _ = strconv.Atoi(r[len(r)-1])
		rest, r = row{r[0]}, r[1:len(r)-1]
	}
	n := len(r)
	if len(f.track) > 0 {
		n = len(f.track)
	}
	out.Tracked, out.Rest = strings.Join(r[:n], " "), strings.Join(append(rest, r[n:]...), " ")
	return out
}

// version is a stored version as historytest writes it: its columns, and then from and to in µs and whether it is current.
func (f form) version(r row) row {
	end := len(r) - 3
	data := slices.Clone(r[:end])
	if f.order != "" {
		data = append(data, r[end]) // any time; what is stored has none of its own
	}
	h := f.happens(data, 0)
	return append(row{r[0], h.Tracked, h.Rest}, r[end:]...)
}
