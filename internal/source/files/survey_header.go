package files

import (
	"regexp"
	"strings"
)

// nameForm is what a column's name looks like, as people and programs write them.
var nameForm = regexp.MustCompile(`^[\pL_#@$][\pL\pN_ .:()/%#&?€$£'+-]{0,79}$`)

// names says whether the first record names the columns, and whether that is sure. Glue's crawler takes a header only
// where a column is no text, and loses the names of all others.
func (f *found) names() (header, sure bool, why string) {
	if f.first == nil {
		return false, true, ""
	}
	cells := f.first.texts()
	seen := map[string]bool{}
	for _, c := range cells {
		c = strings.TrimSpace(c)
		_, number := exactNumber(c)
		_, _, _, moment := splitMoment(c)
		if number || moment {
			return false, true, ""
		}
		if c != "" && seen[strings.ToLower(c)] && !nameForm.MatchString(c) {
			return false, true, ""
		}
		seen[strings.ToLower(c)] = true
	}
	again := false
	for i, c := range cells {
		values, typed := 0, 0
		for _, rec := range f.rest {
			if i >= len(rec.fields) || rec.fields[i].text == "" {
				continue
			}
			values++
			t := strings.TrimSpace(rec.fields[i].text)
			again = again || t == strings.TrimSpace(c)
			_, number := exactNumber(t)
			_, _, _, moment := splitMoment(t)
			if _, truth := fitsBoolean(t); number || moment || truth && len(t) > 3 {
				typed++
			}
		}
		if values > 0 && typed*10 >= values*9 {
			return true, true, "" // a word over a column of numbers or times
		}
	}
	if again {
		return false, false, "all columns are text and the first line's values come again, so it was taken for a record; set header: true if it names the columns"
	}
	for _, c := range cells {
		if c = strings.TrimSpace(c); c != "" && !nameForm.MatchString(c) {
			return false, false, "all columns are text and the first line does not look like names; set header: true if it is"
		}
	}
	return true, false, "all columns are text; the first line was taken for their names; set header: false if it is a record"
}
