// Package meaning says what the values of a column seem to be: addresses of e-mail, numbers of cards, countries. It goes
// by the values, with their check digits where they have some, and by the column's name where values alone say too little.
package meaning

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
)

// Column is what is known of a column.
type Column struct {
	Name   string
	Values map[string]int64 // as text, and how often each comes; maybe of some of the rows
	Text   bool
	Whole  bool // whole numbers
	Number bool
	Time   bool
	Unique bool // no value comes twice
	Rows   int64
}

// Verdict is what the values seem to be.
type Verdict struct {
	Kind string `json:"kind"`
	// Share is the part of the values that have the form, 1 where only the name speaks for it.
	Share float64 `json:"share"`
	// Personal says that such values belong to a person.
	Personal bool   `json:"personal"`
	Why      string `json:"why"`
}

// kind is something that values can be.
type kind struct {
	name     string
	personal bool
	// is tests a value, trimmed.
	is func(string) bool
	// named is what the column's name says where values alone do not suffice: where they are fewer than sure different ones,
	// or, where sure is 0, always.
	named *regexp.Regexp
	sure  int
	why   string
	on    func(Column) bool
}

func texts(c Column) bool        { return c.Text }
func digitsToo(c Column) bool    { return c.Text || c.Whole }
func numbers(c Column) bool      { return c.Number || c.Text }
func textsOrTimes(c Column) bool { return c.Text || c.Time }

func word(alternatives string) *regexp.Regexp {
	return regexp.MustCompile(`(^|_)(` + alternatives + `)(_|$)`)
}

// kinds are tried in this order; the first that fits counts.
var kinds = sync.OnceValue(func() []kind {
	return []kind{
		{"UUID", false, isUUID, nil, 1, "8-4-4-4-12 hexadecimal digits", texts},
		{"e-mail address", true, isEmail, nil, 1, "name@domain", texts},
		{"IBAN", true, isIBAN, nil, 1, "the check digits are right", texts},
		{"card number", true, isCard, word("card|cc|pan|credit_?card|card_?(no|nr|num|number)|kreditkarte"), 5, "the check digit (Luhn) is right", digitsToo},
		{"URL", false, isURL, nil, 1, "scheme://host", texts},
		{"IP address", true, isIP, nil, 1, "of version 4 or 6", texts},
		{"MAC address", true, isMAC, nil, 1, "six pairs of hexadecimal digits", texts},
		{"social security number", true, isSSN, word("ssn|social.*|sozialvers.*"), 20, "999-99-9999 of the ranges given out", texts},
		{"birth date", true, isDated, word("birth_?da(y|te)|date_?of_?birth|dob|born|birth|geburtsdatum|geb"), 0, "dates, and the name", textsOrTimes},
		{"date", false, isDate, nil, 1, "dates as text", texts},
		{"phone number", true, isPhone, nil, 3, "a + or an area code in front", texts},
		{"phone number", true, isDialled, word("phone|tel|telephone|mobile|fax|cell|telefon|handy|phone_?(no|nr|num|number)"), 0, "7 to 15 digits, and the name", digitsToo},
		{"postcode", false, isPostcode, word("zip|zip_?code|post_?code|postal|postal_?code|plz|postleitzahl"), 0, "short codes with digits, and the name", digitsToo},
		{"postcode", false, isUKPostcode, nil, 5, "as British ones are", texts},
		{"country", false, isCountryName, nil, 2, "names of countries", texts},
		{"country code", false, isCountryCode, word("country|country_?code|nation|land|iso.*|cc"), 6, "ISO 3166", texts},
		{"latitude", true, within(90), word("lat|latitude|breite"), 0, "-90 to 90, and the name", numbers},
		{"longitude", true, within(180), word("lon|lng|long|longitude|laenge"), 0, "-180 to 180, and the name", numbers},
		{"name of a person", true, isName, word("(first|last|given|family|sur|full|middle|maiden|customer|contact|person|employee|passenger)_?name|surname|vorname|nachname|forename"), 0, "words, and the name", texts},
		{"postal address", true, isSentence, word("address|street|address_?(line)?_?[0-9]|street_?name|adresse|strasse"), 0, "the name", texts},
	}
})

// enough is the part of the values that must have the form.
const enough = 0.9

// Of says what a column's values seem to be, nil for nothing in particular.
func Of(c Column) *Verdict {
	name := plain(c.Name)
	for _, k := range kinds() {
		named := k.named != nil && k.named.MatchString(name)
		if !k.on(c) || k.sure == 0 && !named || len(c.Values) < k.sure && !named {
			continue
		}
		if share := share(c.Values, k.is); share >= enough {
			return &Verdict{Kind: k.name, Share: share, Personal: k.personal, Why: k.why}
		}
	}
	return identifier(c, name)
}

func share(values map[string]int64, is func(string) bool) float64 {
	var yes, all int64
	for text, n := range values {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		all += n
		if is(text) {
			yes += n
		}
	}
	if all == 0 {
		return 0
	}
	return math.Floor(1e4*float64(yes)/float64(all)) / 1e4
}

var (
	idName  = word("id|uid|guid|key|no|nr|num|number|code|sku|ref|reference")
	oneWord = regexp.MustCompile(`^[\pL\pN][\pL\pN._:/#-]{0,63}$`)
)

// identifier is what tells rows, or those of another table, apart.
func identifier(c Column, name string) *Verdict {
	if !c.Whole && !c.Text || len(c.Values) < 2 {
		return nil
	}
	named := idName.MatchString(name)
	words := share(c.Values, oneWord.MatchString)
	switch {
	case words < enough || c.Text && !named && !coded(c.Values):
		return nil
	case c.Unique && c.Rows >= 10 && (named || c.Text):
		return &Verdict{Kind: "identifier", Share: words, Why: "no value comes twice"}
	case named && strings.HasSuffix(name, "id"):
		return &Verdict{Kind: "identifier", Share: words, Why: "the name"}
	}
	return nil
}

// coded says whether most texts have digits.
func coded(values map[string]int64) bool {
	return share(values, func(s string) bool { return strings.ContainsAny(s, "0123456789") }) >= enough
}

// plain writes a name in small letters with _ between its words: customerEmail is customer_email.
func plain(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(r + 'a' - 'A')
			lower = false
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 127:
			b.WriteRune(r)
			lower = true
		default:
			b.WriteByte('_')
			lower = false
		}
	}
	return b.String()
}

// String writes a verdict for a person.
func (v *Verdict) String() string {
	text := v.Kind
	if v.Share < 1 {
		text += fmt.Sprintf(" (%.4g %%)", 100*v.Share)
	}
	return text
}
