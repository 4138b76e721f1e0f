package secret

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRedact(t *testing.T) {
	r := &Redactor{}
	r.Remember("p@ss/w'rd")
	r.Remember("p@ss/w'rd-longer")
	r.Remember("ab")
	r.Remember("")
	r.Remember("-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\n-----END KEY-----\n")
	r.Learn("secret_key", "in-plain-text")
	r.Learn("url", "postgres://u:from-url@h/db")
	r.Learn("password", "${secret:x}")
	r.Learn("path", "./inbox")
	for text, want := range map[string]string{
		"login p@ss/w'rd failed":                      "login *** failed",
		"login p@ss/w'rd-longer failed":               "login *** failed",
		"select 'p@ss/w''rd'":                         "select '***'",
		"q=" + url.QueryEscape("p@ss/w'rd"):           "q=***",
		"table abc, ab and cab":                       "table abc, *** and cab",
		"line MIIEowIBAAKCAQEA of it":                 "line *** of it",
		"in-plain-text, from-url":                     "***, ***",
		"./inbox ${secret:x}":                         "./inbox ${secret:x}",
		"dial postgres://u:hunter2@h:5432/db":         "dial postgres://u:***@h:5432/db",
		"mysql://u:a:b@c@h/db?x=1 ok":                 "mysql://u:***@h/db?x=1 ok",
		"http://host:8080/path?mail=a@b":              "http://host:8080/path?mail=a@b",
		"https://host/path user:name@x":               "https://host/path user:name@x",
		"host=h password=hunter2 user=u":              "host=h password=*** user=u",
		"https://api?token=abc&x=1":                   "https://api?token=***&x=1",
		"s3://bucket/prefix":                          "s3://bucket/prefix",
		`order_by "password" is not there; nearest x`: `order_by "password" is not there; nearest x`,
	} {
		if got := r.Redact(text); got != want {
			t.Errorf("%s\nis      %s\nwant    %s", text, got, want)
		}
	}
	var none *Redactor
	none.Remember("x")
	if got := none.Redact("a://u:pw@h"); got != "a://u:***@h" {
		t.Errorf("without a redactor: %s", got)
	}
}

// Promise 9: a remembered value is in no redacted text, whatever stands around it and however it was written.
func TestRememberedValueIsGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[a-zA-Z0-9/@:'"&=+%!~ ]{4,30}`).Filter(func(s string) bool {
			return len(strings.TrimSpace(s)) >= short && !strings.Contains(Mask, strings.TrimSpace(s))
		}).Draw(t, "value")
		before, after := rapid.String().Draw(t, "before"), rapid.String().Draw(t, "after")
		r := &Redactor{}
		r.Remember(value)
		quoted, _ := json.Marshal(value)
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value), strings.ReplaceAll(value, "'", "''"), string(quoted[1 : len(quoted)-1])} {
			if got := r.Redact(before + form + after); strings.Contains(got, form) {
				t.Fatalf("%q is still in %q", form, got)
			}
		}
	})
}
