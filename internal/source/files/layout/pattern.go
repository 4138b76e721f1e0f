package layout

import (
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// escape writes a text so that a pattern takes it as it stands.
func escape(s string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]", "{", "[{]").Replace(s)
}

// patterns are ways to stand for a group's files, the nicest first.
func patterns(files []File, group []int, named bool) []string {
	if stem := files[group[0]].stem(); len(group) == 1 && (!strings.Contains(shape(stem), mark) || numbered.MatchString(stem)) && !varyingFolder(files[group[0]]) {
		return []string{escape(files[group[0]].Key)}
	}
	end := suffixes(files, group)
	base, deep := commonFolder(files, group)
	folders := []string{base}
	if deep {
		folders = []string{base + "**/", explicit(files, group, base)}
	}
	var out []string
	for _, dir := range folders {
		for _, stem := range stems(files, group, named) {
			if dir != "" || stem != "*" || !named {
				out = append(out, dir+stem+end)
			}
		}
	}
	const few = 10
	if len(group) <= few {
		out = append(out, listed(files, group))
	}
	return out
}

// listed names the files one by one. Signs that a list would take otherwise stand for any character.
func listed(files []File, group []int) string {
	base, deep := commonFolder(files, group)
	first := files[group[0]].Suffix
	var names []string
	inside := !deep
	for _, g := range group {
		inside = inside && files[g].Suffix == first
	}
	for _, g := range group {
		name := files[g].Key
		if inside {
			name = files[g].stem()
		}
		names = append(names, strings.NewReplacer(",", "?", "}", "?").Replace(escape(name)))
	}
	switch {
	case len(group) == 1:
		return escape(files[group[0]].Key)
	case inside:
		return base + "{" + strings.Join(names, ",") + "}" + escape(first)
	}
	return "{" + strings.Join(names, ",") + "}"
}

// numbered are names whose number belongs to the word: of a single file it says nothing of others.
var numbered = regexp.MustCompile(`^[A-Za-z_ -]*[A-Za-z]\d{1,3}[A-Za-z]*$`)

func varyingFolder(f File) bool {
	return slices.ContainsFunc(parts(f.folders()), func(p part) bool { return p.kind == hive || p.kind == dated })
}

// suffixes is how the files' names end: .csv, or .{csv,csv.gz}.
func suffixes(files []File, group []int) string {
	var all []string
	for _, g := range group {
		if s := files[g].Suffix; !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	sort.Strings(all)
	if len(all) == 1 {
		return escape(all[0])
	}
	for i, s := range all {
		all[i] = escape(strings.TrimPrefix(s, "."))
		if s == "" || s[0] != '.' {
			return "*"
		}
	}
	return ".{" + strings.Join(all, ",") + "}"
}

// commonFolder is the folder all files lie in, with a slash at its end; deep says that some lie further down, or would:
// below a folder that varies.
func commonFolder(files []File, group []int) (base string, deep bool) {
	common := files[group[0]].folders()
	for i, p := range parts(common) {
		if p.kind == hive || p.kind == dated {
			common, deep = common[:i], true
			break
		}
	}
	for _, g := range group[1:] {
		dirs := files[g].folders()
		n := 0
		for n < min(len(common), len(dirs)) && common[n] == dirs[n] {
			n++
		}
		deep = deep || n < len(common) || n < len(dirs)
		common = common[:n]
	}
	if len(common) == 0 {
		return "", deep
	}
	return escape(strings.Join(common, "/")) + "/", deep
}

// explicit names the folders below base one by one, with * for what differs.
func explicit(files []File, group []int, base string) string {
	first := parts(files[group[0]].folders())
	same := make([]bool, len(first))
	for i := range same {
		same[i] = true
	}
	for _, g := range group[1:] {
		dirs := files[g].folders()
		if len(dirs) != len(first) {
			return base + "**/"
		}
		for i, d := range dirs {
			same[i] = same[i] && d == first[i].text
		}
	}
	var b strings.Builder
	for i, p := range first {
		switch {
		case p.kind == hive:
			b.WriteString(escape(p.shape) + "*")
		case same[i] && p.kind != dated:
			b.WriteString(escape(p.text))
		default:
			b.WriteString("*")
		}
		b.WriteByte('/')
	}
	return b.String()
}

// stems stand for the files' names: any, where the folder is the table's own, else how all of them begin.
func stems(files []File, group []int, named bool) []string {
	first := files[group[0]].stem()
	prefix, end, equal := first, first, true
	for _, g := range group[1:] {
		s := files[g].stem()
		equal = equal && s == first
		prefix, end = commonPrefix(prefix, s), commonSuffix(end, s)
	}
	sh := shape(first)
	if equal && !strings.Contains(sh, mark) {
		if named {
			return []string{escape(first)}
		}
		return []string{"*", escape(first), "[!_]*"}
	}
	lead := lead(first, sh)
	if len(lead) > len(prefix) {
		lead = prefix
	}
	tail := ""
	if i := strings.LastIndex(sh, mark); i >= 0 {
		if tail = sh[i+1:]; len(tail) > len(end) || !strings.HasSuffix(first, tail) {
			tail = ""
		}
	}
	var out []string
	if !named {
		out = append(out, "*")
	}
	if lead != "" || tail != "" {
		out = append(out, escape(lead)+"*"+escape(tail))
	}
	if rest := first[len(lead):]; rest != "" && allDigit(files, group, len(lead)) {
		out = append(out, escape(lead)+"[0-9]*"+escape(tail))
	}
	if len(out) == 0 || named {
		out = append(out, "*")
	}
	return append(out, "[!_]*")
}

// lead is how a name begins up to what varies, with the sign between.
func lead(name, shape string) string {
	i := strings.Index(shape, mark)
	if i < 0 {
		return name
	}
	if i > len(name) || name[:i] != shape[:i] {
		return ""
	}
	for i < len(name) && strings.IndexByte("-_. ", name[i]) >= 0 {
		i++
	}
	return name[:i]
}

func allDigit(files []File, group []int, at int) bool {
	for _, g := range group {
		s := files[g].stem()
		if at >= len(s) || s[at] < '0' || s[at] > '9' {
			return false
		}
	}
	return true
}

func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

func commonSuffix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return a[len(a)-n:]
}

// below gives the indices in sorted of the keys that begin with prefix.
func below(sorted []string, prefix string) []string {
	from := sort.SearchStrings(sorted, prefix)
	to := from
	for to < len(sorted) && strings.HasPrefix(sorted[to], prefix) {
		to++
	}
	return sorted[from:to]
}

// literal is a pattern's beginning without wild cards, up to a slash.
func literal(pattern string) string {
	if i := strings.IndexAny(pattern, "*?[{"); i >= 0 {
		pattern = pattern[:i]
	}
	dir := path.Dir(pattern + "x")
	if dir == "." {
		return ""
	}
	return dir + "/"
}
