package meaning

import (
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	uuidForm    = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	emailForm   = regexp.MustCompile(`^[^\s@<>(),;:"\[\]]{1,64}@([\pL\pN]([\pL\pN-]*[\pL\pN])?\.)+[\pL]{2,24}$`)
	macForm     = regexp.MustCompile(`^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$`)
	ssnForm     = regexp.MustCompile(`^(\d{3})-(\d{2})-(\d{4})$`)
	ukForm      = regexp.MustCompile(`^[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}$`)
	postForm    = regexp.MustCompile(`^[A-Z0-9][A-Z0-9 -]{1,9}$`)
	phoneForm   = regexp.MustCompile(`^(\+[1-9][0-9 ().\-/]*|\(0?[0-9]{2,5}\)[0-9 .\-/]+|00[1-9][0-9 ().\-/]+|[2-9][0-9]{2}-[0-9]{3}-[0-9]{4})(\s*(x|ext\.?)\s*[0-9]{1,6})?$`)
	dialledForm = regexp.MustCompile(`^[+(]?[0-9][0-9 ().\-/]*(\s*(x|ext\.?)\s*[0-9]{1,6})?$`)
	nameForm    = regexp.MustCompile(`^[\pL][\pL\pM .,'’-]{0,80}$`)
	dateLike    = regexp.MustCompile(`^[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([ T][0-9:.+Zz -]+)?$`)
)

func isUUID(s string) bool { return uuidForm.MatchString(s) }

func isEmail(s string) bool {
	return strings.IndexByte(s, '@') > 0 && len(s) <= 254 && !strings.Contains(s, "..") && emailForm.MatchString(s)
}

func isMAC(s string) bool { return macForm.MatchString(s) }

func isIP(s string) bool {
	if !strings.ContainsAny(s, ".:") {
		return false
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

func isURL(s string) bool {
	if !strings.Contains(s, "://") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && !strings.ContainsAny(s, " \t\n")
}

// digitsOf takes the separators out of a number; false where there is something else in it.
func digitsOf(s, separators string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case !strings.ContainsRune(separators, r):
			return "", false
		}
	}
	return b.String(), true
}

// isCard says whether a text is the number of a payment card: 13 to 19 digits of a range that is given out for cards, the
// last of which checks the others.
func isCard(s string) bool {
	d, ok := digitsOf(s, " -")
	return ok && len(d) >= 13 && len(d) <= 19 && d[0] >= '2' && d[0] <= '6' && luhn(d)
}

// luhn adds the digits up from the right, every second one doubled.
func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// ibanLength is how long an account number of a country is.
var ibanLength = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28,
	"CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18,
	"GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32,
	"LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
	"PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
	"ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// isIBAN says whether a text is an account number of ISO 13616: moved around and with letters as numbers, it leaves 1 when
// divided by 97.
func isIBAN(s string) bool {
	s = strings.ToUpper(strings.ReplaceAll(s, " ", ""))
	if len(s) < 15 || ibanLength[s[:2]] != len(s) {
		return false
	}
	left := 0
	for _, c := range []byte(s[4:] + s[:4]) {
		switch {
		case c >= '0' && c <= '9':
			left = (left*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			left = (left*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return left == 1
}

func isSSN(s string) bool {
	m := ssnForm.FindStringSubmatch(s)
	return m != nil && m[1] != "000" && m[1] != "666" && m[1] < "900" && m[2] != "00" && m[3] != "0000"
}

func isPhone(s string) bool { return phoneForm.MatchString(s) && dials(s) }

func isDialled(s string) bool { return dialledForm.MatchString(s) && dials(s) }

func dials(s string) bool {
	n := 0
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n >= 7 && n <= 15
}

func isPostcode(s string) bool {
	return postForm.MatchString(strings.ToUpper(s)) && strings.ContainsAny(s, "0123456789")
}

func isUKPostcode(s string) bool { return ukForm.MatchString(strings.ToUpper(s)) }

var dates = []string{time.DateOnly, "2.1.2006", "2/1/2006", "1/2/2006", "2006/1/2", "2-1-2006", "2-Jan-2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006",
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02 15:04", "2.1.2006 15:04", "2/1/2006 15:04", "1/2/2006 15:04", "2.1.2006 15:04:05"}

func isDate(s string) bool {
	if len(s) < 8 || !dateLike.MatchString(s) && !strings.ContainsAny(s, "JFMASOND") {
		return false
	}
	for _, layout := range dates {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// isDated takes what a date or a timestamp is as text, too.
func isDated(s string) bool { return isDate(s) || len(s) >= 10 && isDate(s[:10]) }

func within(bound float64) func(string) bool {
	return func(s string) bool {
		f, err := strconv.ParseFloat(s, 64)
		return err == nil && f >= -bound && f <= bound
	}
}

func isName(s string) bool { return nameForm.MatchString(s) }

func isSentence(s string) bool { return len(s) > 4 && strings.ContainsAny(s, " ,") }
