package meaning

import (
	"strings"
	"testing"
)

func values(text string) map[string]int64 {
	out := map[string]int64{}
	for v := range strings.SplitSeq(text, "|") {
		out[v]++
	}
	return out
}

func TestMeanings(t *testing.T) {
	for _, c := range []struct{ column, values, want string }{
		{"contact", "ann@example.com|b.o'neil+x@mail.example.co.uk|jürgen@müller.de", "e-mail address"},
		{"x", "3f2504e0-4f89-11d3-9a0c-0305e82c3301|3F2504E0-4F89-11D3-9A0C-0305E82C3302", "UUID"},
		{"account", "GB82 WEST 1234 5698 7654 32|DE89370400440532013000", "IBAN"},
		{"account", "GB82 WEST 1234 5698 7654 33|DE89370400440532013001", ""},
		{"payment", "4111111111111111|5555 5555 5555 4444|378282246310005|6011111111111117|3530111333300000", "card number"},
		{"card_no", "4111-1111-1111-1111", "card number"},
		{"card_no", "4111-1111-1111-1112", ""},
		{"payment", "4111111111111111|5555555555554444", ""}, // too few to be no accident, and the name says nothing
		{"link", "https://example.org/a?b=c|http://x.de", "URL"},
		{"host", "192.168.1.1|10.0.0.255|::1", "IP address"},
		{"version", "1.2.3|1.10.0", ""},
		{"device", "00:1A:2B:3C:4D:5E|00-1a-2b-3c-4d-5e", "MAC address"},
		{"ssn", "123-45-6789|219-09-9999", "social security number"},
		{"ssn", "000-45-6789|666-09-9999", ""},
		{"born", "1980-02-03|1999-12-31", "birth date"},
		{"delivered", "03.02.2026|28.02.2026", "date"},
		{"delivered", "31.02.2026|40.01.2026", ""},
		{"contact", "+44 20 7946 0958|+49 (30) 123-456|(030) 1234567", "phone number"},
		{"mobile_no", "0171 2345678|030/123456", "phone number"},
		{"amount", "1234567|2345678", ""},
		{"zip", "10115|01067", "postcode"},
		{"code", "SW1A 1AA|EC1A 1BB|M1 1AE|B33 8TH|CR2 6XH", "postcode"},
		{"country", "DE|GB", "country code"},
		{"state", "CA|AL", ""},
		{"origin", "United Kingdom|Germany|EIRE", "country"},
		{"lat", "52.5|-13.25", "latitude"},
		{"lat", "52.5|-130", ""},
		{"lastName", "O'Neil|Müller-Lüdenscheidt", "name of a person"},
		{"name", "Widget 3000|Gadget", ""},
		{"street", "10 Downing Street|Unter den Linden 1", "postal address"},
		{"customerId", "C-1|C-2|C-1", "identifier"},
		{"colour", "red|green", ""},
	} {
		v := Of(Column{Name: c.column, Values: values(c.values), Text: true, Rows: 3})
		got := ""
		if v != nil {
			got = v.Kind
		}
		if got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.column, c.values, got, c.want)
		}
	}
}

func TestOneInTenMayBeWrong(t *testing.T) {
	v := Of(Column{Name: "x", Text: true, Values: map[string]int64{"a@example.com": 95, "none": 5, "": 50}})
	if v == nil || v.Share != 0.95 || !v.Personal {
		t.Errorf("%+v", v)
	}
	if v := Of(Column{Name: "x", Text: true, Values: map[string]int64{"a@example.com": 85, "none": 15}}); v != nil {
		t.Errorf("%+v", v)
	}
}

func TestIdentifier(t *testing.T) {
	unique := map[string]int64{"A1": 1, "A2": 1, "A3": 1}
	for _, c := range []struct {
		column Column
		want   bool
	}{
		{Column{Name: "order_no", Text: true, Values: unique, Unique: true, Rows: 1000}, true},
		{Column{Name: "x", Text: true, Values: unique, Unique: true, Rows: 1000}, true},
		{Column{Name: "x", Text: true, Values: unique, Rows: 1000}, false},
		{Column{Name: "id", Whole: true, Number: true, Values: map[string]int64{"1": 1, "2": 1}, Unique: true, Rows: 1000}, true},
		{Column{Name: "amount", Whole: true, Number: true, Values: map[string]int64{"1": 1, "2": 1}, Unique: true, Rows: 1000}, false},
	} {
		if got := Of(c.column) != nil; got != c.want {
			t.Errorf("%+v: %v", c.column, got)
		}
	}
}
