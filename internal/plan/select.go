package plan

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// Selectable is a table as a selection sees it.
type Selectable struct {
	Name  string
	Tags  []string
	Needs []string // tables it reads; those that are not among the nodes do not count
}

// Select gives the tables that any of the patterns means and none of exclude does, in the order of all. No patterns
// means every table.
//
// A pattern is a name (marts.daily), a glob over whole names, where * passes over dots (marts.*), or tag:x, which may be
// a glob too. +p adds all that p needs and p+ all that needs it; 2+p and p+2 go that many steps far. Several patterns
// may stand in one text, apart by spaces or commas; a name with odd characters is quoted as in SQL (raw."Order Lines").
// A pattern that means no table, of exclude too, is an error of class usage with the nearest that would.
func Select(all []Selectable, patterns, exclude []string) ([]string, error) {
	if len(all) == 0 {
		return nil, fault.New(fault.Usage, "the project has no tables").WithHint("a file such as tables/raw/orders.yaml defines one")
	}
	s := newSelector(all)
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	chosen, err := s.union(patterns)
	if err != nil {
		return nil, err
	}
	out, err := s.union(exclude)
	if err != nil {
		return nil, err
	}
	var names []string
	for i, n := range all {
		if chosen[i] && !out[i] {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Usage, "nothing is left of %s without %s", strings.Join(patterns, " "), strings.Join(exclude, " "))
	}
	return names, nil
}

// selector knows the tables by their places in a list.
type selector struct {
	all    []Selectable
	place  map[string]int
	needs  [][]int
	needed [][]int // of those that need it
}

func newSelector(all []Selectable) *selector {
	s := &selector{all: all, place: map[string]int{}, needs: make([][]int, len(all)), needed: make([][]int, len(all))}
	for i, n := range all {
		s.place[n.Name] = i
	}
	for i, n := range all {
		for _, name := range n.Needs {
			if need, ok := s.place[name]; ok {
				s.needs[i] = append(s.needs[i], need)
				s.needed[need] = append(s.needed[need], i)
			}
		}
	}
	return s
}

// union marks the tables that any of the texts means.
func (s *selector) union(texts []string) ([]bool, error) {
	chosen := make([]bool, len(s.all))
	for _, text := range texts {
		if i, ok := s.place[text]; ok { // a name as it is, whatever characters it has
			chosen[i] = true
			continue
		}
		terms := split(text)
		if len(terms) == 0 {
			return nil, fault.New(fault.Usage, "a selection is empty").WithHint("'*' means every table")
		}
		for _, t := range terms {
			if err := s.add(chosen, t); err != nil {
				return nil, err
			}
		}
	}
	return chosen, nil
}

// add marks what one term means.
func (s *selector) add(chosen []bool, t term) error {
	core, up, down := t, 0, 0
	if _, ok := s.place[t.text]; !ok {
		core, up, down = t.reach()
	}
	found, err := s.match(core)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return s.none(core.text)
	}
	for _, i := range found {
		chosen[i] = true
	}
	spread(chosen, found, s.needs, up)
	spread(chosen, found, s.needed, down)
	return nil
}

// match finds the tables of a pattern without its reach.
func (s *selector) match(t term) (found []int, err error) {
	if i, ok := s.place[t.text]; ok {
		return []int{i}, nil
	}
	if t.quoted {
		return nil, nil
	}
	glob, ofTags := strings.CutPrefix(t.text, "tag:")
	if _, err := path.Match(glob, ""); err != nil {
		return nil, fault.New(fault.Usage, "selection %q: %w", t.text, err).WithHint("quote a name that has such characters: '\"%s\"'", t.text)
	}
	fits := func(name string) bool {
		ok, _ := path.Match(glob, name) // the pattern was tried above
		return ok
	}
	for i, n := range s.all {
		if !ofTags && fits(n.Name) || ofTags && slices.ContainsFunc(n.Tags, fits) {
			found = append(found, i)
		}
	}
	return found, nil
}

// none says that a pattern means no table, and which similar one would mean some.
func (s *selector) none(pattern string) error {
	var folders, names, tags []string
	for _, n := range s.all {
		if dot := strings.LastIndexByte(n.Name, '.'); dot > 0 {
			folders = append(folders, n.Name[:dot]+".*")
		}
		names = append(names, n.Name)
		for _, tag := range n.Tags {
			tags = append(tags, "tag:"+tag)
		}
	}
	among := slices.Concat(folders, names)
	if strings.HasPrefix(pattern, "tag:") {
		among = tags
	}
	err := fault.New(fault.Usage, "no table matches %q", pattern)
	if hint := nearestHint(pattern, among); hint != "" {
		return err.WithHint("%s", hint)
	}
	return err
}

// spread marks what edges lead to, up to a number of steps away; -1 is any number.
func spread(chosen []bool, from []int, edges [][]int, steps int) {
	seen := make([]bool, len(edges))
	for _, i := range from {
		seen[i] = true
	}
	for ; steps != 0 && len(from) > 0; steps-- {
		var next []int
		for _, i := range from {
			for _, k := range edges[i] {
				if !seen[k] {
					seen[k], chosen[k] = true, true
					next = append(next, k)
				}
			}
		}
		from = next
	}
}

// term is one pattern of a text, its quotes taken off.
type term struct {
	text   string
	quoted bool // some of it was quoted: it is a name and no glob
}

// split takes a text apart at spaces and commas that are not inside quotes. Two quotes inside quotes are one.
func split(text string) (terms []term) {
	var b strings.Builder
	var t term
	inside := false
	end := func() {
		if t.text = b.String(); t.text != "" {
			terms = append(terms, t)
		}
		b.Reset()
		t = term{}
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' && inside && strings.HasPrefix(text[i+1:], `"`):
			b.WriteByte(c)
			i++
		case c == '"':
			inside, t.quoted = !inside, true
		case !inside && strings.IndexByte(" ,\t\r\n", c) >= 0:
			end()
		default:
			b.WriteByte(c)
		}
	}
	end()
	return terms
}

// reach takes the pluses off a term: how many steps it goes towards what it needs and towards what needs it, -1 for all
// the way.
func (t term) reach() (core term, up, down int) {
	parts := regexp.MustCompile(`^(?:(\d{0,9})(\+))?(.*?)(?:(\+)(\d{0,9}))?$`).FindStringSubmatch(t.text)
	if parts == nil { // a line break inside a quoted name
		return t, 0, 0
	}
	steps := func(plus, number string) int {
		if plus == "" {
			return 0
		}
		if n, err := strconv.Atoi(number); err == nil {
			return n
		}
		return -1
	}
	return term{text: parts[3], quoted: t.quoted}, steps(parts[2], parts[1]), steps(parts[4], parts[5])
}
