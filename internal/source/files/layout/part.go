// Package layout puts files into groups that look like tables, by the names of their folders and files and by the columns
// they have, and writes the pattern that stands for a group. It knows names only; what is in the files its caller says.
package layout

import (
	"regexp"
	"strings"
)

// Marks that stand in a shape for what differs from file to file.
const mark = "#"

// varying are the parts of a name that differ between files of one table, the most telling first.
var varying = []*regexp.Regexp{
	regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
	regexp.MustCompile(`(?:19|20)\d\d[-_.]?[qQ][1-4]`),
	regexp.MustCompile(`(?:19|20)\d\d[-_.]?[wW]\d\d`),
	regexp.MustCompile(`(?:19|20)\d\d([-_.]?)\d\d(?:[-_.]?\d\d)?(?:[T_ -]\d\d[-_:.]?\d\d(?:[-_:.]?\d\d)?(?:\.\d+)?Z?)?`),
	regexp.MustCompile(`(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_ ]?(?:19|20)\d\d`),
	regexp.MustCompile(`(?i)(?:19|20)\d\d[-_ ]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\b`),
}

// checksum is a run of hexadecimal digits; one without a digit or without a letter is a number or a word.
var checksum = regexp.MustCompile(`[0-9a-f]{8,}`)

var digits = regexp.MustCompile(`\d+`)

var between = regexp.MustCompile(`[-_. ]*#[-_. #]*`)

// shape replaces what differs between files of one table by marks: orders_2026-03-01 is orders#.
func shape(name string) string {
	s := strings.ReplaceAll(name, mark, "_")
	for _, v := range varying {
		s = v.ReplaceAllString(s, mark)
	}
	s = checksum.ReplaceAllStringFunc(s, func(run string) string {
		if strings.ContainsAny(run, "0123456789") && strings.ContainsAny(run, "abcdef") {
			return mark
		}
		return run
	})
	s = digits.ReplaceAllString(s, mark)
	return between.ReplaceAllString(s, mark)
}

// words are what is left of a shape without marks: orders# is orders, part#c# is part_c.
func words(shape string) string {
	var parts []string
	for p := range strings.SplitSeq(shape, mark) {
		if p = strings.Trim(p, "-_. "); p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "_")
}

// empty are words that do not say what a table holds.
var empty = map[string]bool{"": true, "part": true, "part_c": true, "part_c_snappy": true, "data": true, "file": true, "files": true, "export": true,
	"exports": true, "chunk": true, "output": true, "out": true, "dump": true, "batch": true, "extract": true, "run": true, "page": true, "csv": true,
	"json": true, "ndjson": true, "parquet": true, "results": true, "result": true, "records": true, "rows": true, "shard": true, "segment": true, "load": true,
	"inbox": true, "input": true, "in": true, "raw": true, "landing": true, "import": true, "imports": true, "upload": true, "uploads": true,
	"incoming": true, "tmp": true, "drop": true, "bronze": true, "tables": true, "datasets": true, "backup": true}

func telling(words string) bool { return len(words) > 1 && !empty[strings.ToLower(words)] }

// tellingFolder is telling of a folder, which someone has named on purpose, if with one letter.
func tellingFolder(name string) bool { return !empty[strings.ToLower(name)] }

// part is one folder of a path.
type part struct {
	text  string // as it stands
	shape string // equal in all files of a table
	kind  partKind
}

type partKind int

const (
	plain   partKind = iota
	hive             // key=value
	dated            // a date, or a part of one
	counted          // a name that ends in a number, a checksum
)

var (
	year  = regexp.MustCompile(`^(?:19|20)\d\d$`)
	month = regexp.MustCompile(`^(?:0[1-9]|1[0-2])$`)
	day   = regexp.MustCompile(`^(?:0[1-9]|[12]\d|3[01])$`)
	hour  = regexp.MustCompile(`^(?:[01]\d|2[0-3])$`)
	date  = regexp.MustCompile(`^(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])(?:[-_.]?(?:0[1-9]|[12]\d|3[01]))?$`)
)

// Units of dated folders.
const (
	Year  = "yyyy"
	Month = "mm"
	Day   = "dd"
	Hour  = "hh"
	Date  = "date"
)

// parts takes a file's folders apart.
func parts(dirs []string) []part {
	out := make([]part, len(dirs))
	last := ""
	for i, d := range dirs {
		p := part{text: d}
		key, _, isHive := strings.Cut(d, "=")
		switch {
		case isHive && key != "":
			p.kind, p.shape = hive, key+"="
		case year.MatchString(d):
			p.kind, p.shape = dated, Year
		case last == Year && month.MatchString(d):
			p.kind, p.shape = dated, Month
		case last == Month && day.MatchString(d):
			p.kind, p.shape = dated, Day
		case (last == Day || last == Date) && hour.MatchString(d):
			p.kind, p.shape = dated, Hour
		case date.MatchString(d):
			p.kind, p.shape = dated, Date
		default:
			p.shape = shape(d)
			if strings.Contains(p.shape, mark) {
				p.kind = counted
			}
		}
		last = p.shape
		out[i] = p
	}
	return out
}
