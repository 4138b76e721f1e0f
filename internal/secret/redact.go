package secret

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Mask stands where a secret stood.
const Mask = "***"

// short is the length in bytes below which a value is masked only where it stands as a word of its own: masking every
// "a" of a text would hide the text and not the secret.
const short = 4

// Redactor remembers values that were given out and masks them in texts (promise 9). A nil Redactor masks only what it
// knows by its form. It is safe for concurrent use.
type Redactor struct {
	mu     sync.RWMutex
	values []string // longest first, so that a secret inside another leaves no rest
	seen   map[string]bool
}

// Remember masks a value from now on, in every form it may take in a text: plain, in a URL, in JSON, in SQL, line by line.
func (r *Redactor) Remember(value string) {
	if r == nil || strings.TrimSpace(value) == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	for _, form := range forms(value) {
		if !r.seen[form] && form != Mask {
			r.seen[form] = true
			r.values = append(r.values, form)
		}
	}
	slices.SortFunc(r.values, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
}

// Learn remembers what a setting written in plain gives away: the value of a key named like a secret, the password of a URL.
// References are no secrets.
func (r *Redactor) Learn(key, text string) {
	if HasReference(text) {
		return
	}
	if sensitive.MatchString(key) {
		r.Remember(text)
	}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		password, _ := u.User.Password()
		r.Remember(password)
	}
}

func forms(value string) []string {
	all := []string{value, strings.TrimSpace(value), url.QueryEscape(value), url.PathEscape(value),
		url.UserPassword("", value).String()[1:], strings.ReplaceAll(value, "'", "''"), strings.ReplaceAll(value, `"`, `""`)}
	if quoted, err := json.Marshal(value); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) >= 2*short {
				all = append(all, line)
			}
		}
	}
	return all
}

var (
	// userinfo is what may be a user and a password before the host of a URL. A password may hold nearly anything.
	userinfo  = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@"'<>]*):([^\s"'<>]*)@`)
	port      = regexp.MustCompile(`^[0-9]{1,5}[/?#]`)
	settings  = regexp.MustCompile(`(?i)\b(password|passwd|pwd|token|secret_key|client_secret|secretaccesskey)=([^\s&;,"']+)`)
	sensitive = regexp.MustCompile(`(?i)(password|passwd|pwd|secret|token)`)
)

// Redact masks remembered values, passwords in URLs and in settings such as password=….
func (r *Redactor) Redact(text string) string {
	text = userinfo.ReplaceAllStringFunc(text, func(match string) string {
		parts := userinfo.FindStringSubmatch(match)
		if parts[2] == "" || port.MatchString(parts[2]) {
			return match
		}
		return parts[1] + ":" + Mask + "@"
	})
	text = settings.ReplaceAllString(text, "$1="+Mask)
	if r == nil {
		return text
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, v := range r.values {
		if len(v) < short {
			text = maskWord(text, v)
			continue
		}
		text = strings.ReplaceAll(text, v, Mask)
	}
	return text
}

// maskWord masks a value where no letter or digit touches it.
func maskWord(text, word string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, word)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+len(word):])
		if i > 0 && wordRune(before) || len(text) > i+len(word) && wordRune(after) {
			b.WriteString(text[:i+1])
			text = text[i+1:]
			continue
		}
		b.WriteString(text[:i] + Mask)
		text = text[i+len(word):]
	}
}

func wordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
