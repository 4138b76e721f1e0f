package files

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// glob is a compiled path pattern.
type glob struct {
	prefix string // folders before the first wild card, with a trailing slash; "" for none
	re     *regexp.Regexp
}

// compileGlob compiles a pattern: * and ? stay within a folder, ** stands for any folders, [ab] and {a,b} choose.
func compileGlob(pattern string) (glob, error) {
	clean := path.Clean("/" + pattern)[1:]
	if clean == "" || strings.HasPrefix(pattern, "/") || strings.Contains("/"+pattern+"/", "/../") {
		return glob{}, fmt.Errorf("path %q must lie below the connection's folder", pattern)
	}
	var re strings.Builder
	re.WriteString("^")
	depth := 0
	for i := 0; i < len(clean); i++ {
		switch c := clean[i]; {
		case strings.HasPrefix(clean[i:], "**/"):
			re.WriteString("(?:[^/]+/)*")
			i += 2
		case strings.HasPrefix(clean[i:], "**"):
			re.WriteString(".*")
			i++
		case c == '*':
			re.WriteString("[^/]*")
		case c == '?':
			re.WriteString("[^/]")
		case c == '[':
			n := strings.IndexByte(clean[i+1:], ']')
			if n < 1 {
				return glob{}, fmt.Errorf("path %q: a [ is not closed", pattern)
			}
			set := strings.ReplaceAll(clean[i+1:i+1+n], `\`, `\\`)
			if set[0] == '!' {
				set = "^" + set[1:]
			}
			re.WriteString("[" + set + "]")
			i += n + 1
		case c == '{':
			depth++
			re.WriteString("(?:")
		case c == '}' && depth > 0:
			depth--
			re.WriteString(")")
		case c == ',' && depth > 0:
			re.WriteString("|")
		default:
			re.WriteString(regexp.QuoteMeta(clean[i : i+1]))
		}
	}
	re.WriteString("$")
	if depth > 0 {
		return glob{}, fmt.Errorf("path %q: a { is not closed", pattern)
	}
	compiled, err := regexp.Compile("(?s)" + re.String())
	if err != nil {
		return glob{}, fmt.Errorf("path %q is not a pattern", pattern)
	}
	prefix := clean
	if i := strings.IndexAny(clean, "*?[{"); i >= 0 {
		prefix = clean[:i]
	}
	prefix = prefix[:strings.LastIndexByte(prefix, '/')+1]
	return glob{prefix: prefix, re: compiled}, nil
}

func (g glob) match(key string) bool { return g.re.MatchString(key) }

// hidden says whether a name or a folder on the way is a system file that patterns do not mean: .DS_Store, _SUCCESS.
func hidden(key, pattern string) bool {
	for part := range strings.SplitSeq(key, "/") {
		if strings.HasPrefix(part, ".") && !strings.Contains(pattern, "/.") && !strings.HasPrefix(pattern, ".") {
			return true
		}
	}
	base := path.Base(key)
	return strings.HasPrefix(base, "_") && !strings.Contains(base, ".")
}
