package page

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"weir/internal/quality/profile"
	"weir/internal/quality/profile/meaning"
)

func TestPage(t *testing.T) {
	low, high, d := "1", "<b>9</b>", 2.5
	p := &profile.Profile{Name: "raw.<orders>", Rows: 1000, Looked: 100, Columns: []profile.Column{
		{Name: "a\"><script>", Type: "BIGINT", Kind: profile.Numbers, Completeness: 0.5, Missing: 500, Distinct: 7, Min: &low, Max: &high,
			Number: &profile.Number{Min: 1, Max: 9, Mean: 5, StdDev: &d, Count: 500}, Estimated: true,
			Histogram: []profile.Bin{{From: 1, To: 5, Count: 300}, {From: 5, To: 9, Count: 200}},
			Top:       []profile.Value{{Value: "</div><script>alert(1)</script>", Count: 30, Share: 0.06}},
			Meaning:   &meaning.Verdict{Kind: "phone number", Personal: true, Share: 1}},
		{Name: "b", Type: "DOUBLE", Kind: profile.Numbers, Completeness: 1},
	}, Correlations: []profile.Correlation{{A: "a\"><script>", B: "b", R: -0.75}}}
	var b strings.Builder
	if err := Write(&b, p, []string{"a <note>"}, time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"raw.&lt;orders&gt;", "a &lt;note&gt;", "25 %", "-0.75", "≈ 7", "phone number", "<svg", "2026-03-01 09:00 UTC", "500"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "ZgotmplZ", "<b>9"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	dec := xml.NewDecoder(strings.NewReader(page))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := dec.Token(); err != nil {
			if err.Error() != "EOF" {
				t.Error(err)
			}
			return
		}
	}
}
