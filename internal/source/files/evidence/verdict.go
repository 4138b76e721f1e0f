package evidence

import (
	"fmt"
	"regexp"
	"strings"
)

// Verdict is the type chosen for a column and what speaks for it.
type Verdict struct {
	Type string // canonical, upper case
	Why  string // the evidence, for a person
	// Doubt is what was not sure, "" for nothing; At is the value it is about.
	Doubt           string
	At              *Place
	DateFormat      string // strptime format a DATE is written in, "" for ISO 8601
	TimestampFormat string // of a TIMESTAMP
	Null            []string
}

func text(why, doubt string) Verdict { return Verdict{Type: "VARCHAR", Why: why, Doubt: doubt} }

// decide chooses the type of a column of texts. whole says that every value of the table was looked at; a type chosen
// from a part leaves room.
func (v *values) decide(name string, whole bool) Verdict {
	d := v.choose(name, whole)
	if d.Type == "VARCHAR" {
		return d
	}
	d.Null = sortedKeys(v.null)
	return d
}

func (v *values) choose(name string, whole bool) Verdict {
	switch {
	case v.total == 0:
		return text("no value seen", "no value was seen, so its type is not known")
	case v.only(integers), v.only(integers, large), v.only(large):
		return v.wholeNumber(name)
	case v.only(integers, large, decimals):
		return v.decimal(whole)
	case v.count[floats] > 0 && v.only(integers, decimals, floats, specials):
		return Verdict{Type: "DOUBLE", Why: v.all("numbers") + ", some with an exponent"}
	case v.only(truths):
		return Verdict{Type: "BOOLEAN", Why: v.all("true or false")}
	case v.only(days):
		return Verdict{Type: "DATE", Why: v.all("dates")}
	case v.only(moments):
		return Verdict{Type: "TIMESTAMP", Why: v.all("timestamps without zone")}
	case v.only(zoned):
		return Verdict{Type: "TIMESTAMP WITH TIME ZONE", Why: v.all("timestamps with their zone")}
	case v.only(clocks):
		return Verdict{Type: "TIME", Why: v.all("times of day")}
	case v.only(ordered):
		return v.otherDate(v.day, "DATE")
	case v.only(stamps):
		return v.otherDate(v.stamp, "TIMESTAMP")
	}
	return v.mixed(name)
}

// all is the evidence of a column whose values are all alike.
func (v *values) all(what string) string {
	return fmt.Sprintf("%s of %s values are %s", Count(v.total), Count(v.total), what)
}

// notNumbers are names of columns whose digits count nothing: a zero in front may come with the next row.
var notNumbers = regexp.MustCompile(`(?i)(^|[_\s-])(phone|tel|telephone|mobile|fax|zip|zip_?code|post_?code|postal|postal_?code|plz|ssn|iban|bic|isbn|ean|gtin|upc|barcode|vat|tax_?id|iso|pin|account_?(no|nr|number)|card_?(no|nr|number))($|[_\s-])|(phone|postcode|zipcode|postalcode)$`)

func (v *values) wholeNumber(name string) Verdict {
	switch {
	case notNumbers.MatchString(name):
		return text(v.all("digits")+", but what the name says is no number", "")
	case v.count[large] == 0:
		why := v.all("whole numbers")
		if v.bits == v.total {
			why += ", 0 and 1 only"
		}
		return Verdict{Type: "BIGINT", Why: why}
	case v.short == v.long || v.long > 38:
		return text(fmt.Sprintf("%s, of up to %d digits: more than a bigint holds", v.all("digits"), v.long), "")
	}
	return Verdict{Type: "DECIMAL(38,0)", Why: fmt.Sprintf("%s, of up to %d digits", v.all("whole numbers"), v.long)}
}

// decimal is exact: what has a point may be money. Only what is longer than any decimal a person writes is taken for
// what a program measured. Whole numbers with .0 and gaps between them come from programs that have no whole number for
// a gap.
func (v *values) decimal(whole bool) Verdict {
	if v.gaps && v.zeros == v.count[decimals] && v.behind == 1 && v.count[large] == 0 && v.before <= 18 {
		return Verdict{Type: "BIGINT", Why: v.all("whole numbers") + ", written with .0"}
	}
	scale := max(v.behind, 2) // 12.5 today is 12.55 tomorrow
	if !whole && v.least != v.behind && scale > 2 {
		scale += 2 // more digits may come in what was not read
	}
	const measured = 12
	why := fmt.Sprintf("%s, with at most %s before the point and %d behind it", v.all("decimal numbers"), plural(v.before, "digit", "digits"), v.behind)
	if v.behind >= measured && v.before+v.behind <= 17 {
		return Verdict{Type: "DOUBLE", Why: why + ", as of something measured"}
	}
	room := max(v.before+2, 10)
	if room+scale > 38 {
		room = max(v.before, 38-scale)
	}
	if room+scale > 38 {
		return text(why+": more than a decimal holds", "")
	}
	return Verdict{Type: fmt.Sprintf("DECIMAL(%d,%d)", room+scale, scale), Why: why}
}

func (v *values) otherDate(f format, typ string) Verdict {
	switch {
	case f == 0:
		return text(v.all("dates")+", not all written alike", "dates are written in several ways; text keeps them as they are")
	case !f.sure():
		return text(v.all("dates")+", day and month could be either", "day and month cannot be told apart; declare the type with date_format or timestamp_format where you know")
	}
	d := Verdict{Type: typ, Why: v.all("written " + f.strptime())}
	if typ == "DATE" {
		d.DateFormat = f.strptime()
	} else {
		d.TimestampFormat = f.strptime()
	}
	return d
}

// named are the classes as a person calls them, those that make a column worth a remark where something else is among them.
func named(c class) string {
	switch c {
	case integers, large:
		return "whole numbers"
	case codes:
		return "digits with a zero or a sign in front"
	case decimals, floats, specials:
		return "decimal numbers"
	case truths:
		return "true or false"
	case days, ordered:
		return "dates"
	case moments, stamps:
		return "timestamps"
	case zoned:
		return "timestamps with a zone"
	case precise:
		return "timestamps with nanoseconds"
	case clocks:
		return "times of day"
	}
	return "words"
}

// mixed says why a column of several classes is text, and remarks on it where nearly all are of one.
func (v *values) mixed(string) Verdict {
	if v.only(integers, large, codes) {
		return text(v.all("digits")+", some with a zero or a sign in front", "")
	}
	most := words
	for c := range classes {
		if c != tokens && v.count[c] > v.count[most] {
			most = c
		}
	}
	if most == words || v.count[most] == v.total {
		why := v.all(named(most))
		if most == words {
			why = fmt.Sprintf("%s, up to %s", plural(int(v.total), "value", "values"), plural(v.longest, "byte", "bytes"))
		}
		return text(why, "")
	}
	other := words
	for c := range classes {
		if c != most && c != tokens && v.count[c] > 0 && named(c) != named(most) && (v.count[other] == 0 || before(v.first[c].at, v.first[other].at)) {
			other = c
		}
	}
	if v.count[other] == 0 {
		return text(v.all(named(most)), "")
	}
	why := fmt.Sprintf("%s of %s values are %s", Count(v.count[most]), Count(v.total), named(most))
	d := text(why, "")
	d.Doubt = fmt.Sprintf("%s, the others not, as %q", why, v.first[other].text)
	if rare := v.total - v.count[most]; rare*100 <= v.total && v.total >= 100 {
		d.Doubt += "; declare the type, and max_rejects to turn the others away"
	}
	if most == codes || other == codes {
		d.Doubt = "" // a zero in front says what they are
	}
	at := v.first[other].at
	d.At = &at
	return d
}

func before(a, b Place) bool { return a.File < b.File || a.File == b.File && a.Line < b.Line }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(int64(n)) + " " + many
}

// Count writes a whole number with separators: 12,345.
func Count(n int64) string {
	s := fmt.Sprint(n)
	var b strings.Builder
	for i, c := range s {
		if i > 0 && c != '-' && (len(s)-i)%3 == 0 && s[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return b.String()
}
