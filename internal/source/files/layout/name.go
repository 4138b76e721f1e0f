package layout

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// finish names the groups and finds a pattern for each.
func finish(files []File, units []*unit, others []string, fallback string, match func(string) (func(string) bool, error)) []Group {
	slices.SortStableFunc(units, func(a, b *unit) int { return strings.Compare(files[a.files[0]].Key, files[b.files[0]].Key) })
	shared, ofFormat := map[string]int{}, map[string]int{}
	for _, u := range units {
		shared[u.plainKey()]++
		ofFormat[u.plainKey()+"\x00"+u.format]++
	}
	keys := make([]string, len(files))
	for i, f := range files {
		keys[i] = f.Key
	}
	keys = append(keys, others...)
	slices.Sort(keys)
	named := uniqueNames(units, func(u *unit) []string { return nameOf(files, u, shared[u.plainKey()] > 1, fallback) })
	out := make([]Group, len(units))
	for i, u := range units {
		slices.Sort(u.files)
		g := Group{Name: named[i], Files: u.files, Format: u.format, Doubts: u.doubts}
		g.named = u.byWords || ofFormat[u.plainKey()+"\x00"+u.format] > 1 || lastPlain(u.parts) == ""
		g.Pattern, g.Beyond = choose(files, keys, u.files, g.named, match)
		if len(g.Beyond) > 0 {
			g.Doubts = append(g.Doubts, fmt.Sprintf("no path stands for these files alone; %s also stands for %s", g.Pattern, list(g.Beyond)))
		}
		out[i] = g
	}
	return out
}

// Without gives the pattern of a group without some of its files, which are named by their place in the list; false where
// none leaves them out.
func (g Group) Without(files []File, out map[int]bool, others []string, match func(string) (func(string) bool, error)) (string, bool) {
	keys := slices.Clone(others)
	for _, f := range files {
		keys = append(keys, f.Key)
	}
	slices.Sort(keys)
	rest := slices.DeleteFunc(slices.Clone(g.Files), func(f int) bool { return out[f] })
	if len(rest) == 0 {
		return "", false
	}
	pattern, beyond := choose(files, keys, rest, g.named, match)
	return pattern, len(beyond) == 0
}

// choose takes the first pattern that stands for all files of the group and no other; else the one with the fewest others.
func choose(files []File, keys []string, group []int, named bool, match func(string) (func(string) bool, error)) (pattern string, beyond []string) {
	ours := map[string]bool{}
	for _, g := range group {
		ours[files[g].Key] = true
	}
	best := -1
	for _, p := range patterns(files, group, named) {
		fits, err := match(p)
		if err != nil {
			continue
		}
		found := 0
		var others []string
		for _, k := range below(keys, literal(p)) {
			if !fits(k) {
				continue
			}
			if ours[k] {
				found++
			} else {
				others = append(others, k)
			}
		}
		if found < len(group) {
			continue
		}
		if best < 0 || len(others) < best {
			pattern, beyond, best = p, others, len(others)
		}
		if best == 0 {
			break
		}
	}
	if best < 0 {
		pattern = escape(files[group[0]].Key)
	}
	return pattern, beyond
}

// nameOf gives names for a group, the nicest first.
func nameOf(files []File, u *unit, shared bool, fallback string) []string {
	folder := lastPlain(u.parts)
	own := ""
	if len(u.words) == 1 && telling(u.words[0]) {
		own = u.words[0]
		if stem := files[u.files[0]].stem(); len(u.files) == 1 && (numbered.MatchString(stem) || !strings.ContainsFunc(stem, unicode.IsDigit)) {
			own = stem
		}
	}
	if u.exact && len(u.files) == 1 {
		own = files[u.files[0]].stem() // only its whole name tells it apart
	}
	var out []string
	switch {
	case own != "" && (folder == "" || shared || u.byWords):
		out = []string{own}
		if folder != "" {
			out = append(out, folder+"_"+own)
		}
	case folder != "":
		out = []string{folder}
		if i := slices.IndexFunc(u.parts, func(p part) bool { return p.text == folder }); i > 0 && u.parts[i-1].kind == plain && u.parts[i-1].text != "" {
			out = append(out, u.parts[i-1].text+"_"+folder)
		}
		if own != "" {
			out = append(out, folder+"_"+own)
		}
	case len(u.parts) > 0 && u.parts[len(u.parts)-1].kind == counted && u.parts[len(u.parts)-1].shape != "*":
		out = []string{u.parts[len(u.parts)-1].text}
	case u.words[0] != "":
		out = []string{u.words[0]}
	default:
		out = []string{fallback}
	}
	return append(out, out[0]+"_"+u.format)
}

func uniqueNames(units []*unit, names func(*unit) []string) []string {
	taken := map[string]bool{}
	out := make([]string, len(units))
	// The largest group of a name gets the plain one.
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(units[b].files) - len(units[a].files) })
	for _, i := range order {
		options := names(units[i])
		name := ""
		for _, o := range options {
			if o = Clean(o); !taken[o] {
				name = o
				break
			}
		}
		for n := 2; name == ""; n++ {
			if o := fmt.Sprintf("%s_%d", Clean(options[0]), n); !taken[o] {
				name = o
			}
		}
		taken[name], out[i] = true, name
	}
	return out
}

var (
	hump = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	odd  = regexp.MustCompile(`[^a-z0-9]+`)
)

// Clean makes a text a part of a table's name: OrderLines is order_lines.
func Clean(s string) string {
	s = hump.ReplaceAllString(s, "${1}_$2")
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	s = strings.Trim(odd.ReplaceAllString(strings.ToLower(b.String()), "_"), "_")
	const longest = 60
	if len(s) > longest {
		s = strings.Trim(s[:longest], "_")
	}
	switch {
	case s == "":
		return "files"
	case s[0] >= '0' && s[0] <= '9':
		return "t_" + s
	}
	return s
}
