package tour

import (
	"reflect"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	readme := "# X\n```sh\n$ not this\n```\n```console\n$ one # exit 3\na\n\n> b\n$ cat <<END\n> x\n> END\nx\n$ three # not an exit\n```\n$ nor this\n"
	got, err := commands(readme)
	if err != nil {
		t.Fatal(err)
	}
	want := []command{
		{line: 6, text: "one", exit: 3, want: []string{"a", "", "> b"}},
		{line: 10, text: "cat <<END\nx\nEND", want: []string{"x"}},
		{line: 14, text: "three # not an exit"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, wrong := range []string{"```console\noutput\n```", "```console\n$ a\n"} {
		if _, err := commands(wrong); err == nil {
			t.Errorf("%q is taken for a tour", wrong)
		}
	}
}

// A README that says something else than the program is found.
func TestAgree(t *testing.T) {
	for _, c := range []struct {
		name      string
		want, got string
		agree     bool
	}{
		{"equal", "a\nb", "a\nb", true},
		{"nothing", "", "", true},
		{"a missing line", "a\nb", "a", false},
		{"a line more", "a", "a\nb", false},
		{"another count", "read 3 = 3 accepted", "read 3 = 2 accepted", false},
		{"another date in data", "2026-03-01  Leeds", "2026-03-02  Leeds", false},
		{"another place", "orders2.csv:3 total", "orders2.csv:4 total", false},
		{"another reject id", "id a46856fe3edeac1613a66085f4143215", "id b46856fe3edeac1613a66085f4143215", false},
		{"another folder", "/home/you/shop/lake", "/home/you/lake", false},
		{"another key", "columns: 3", "column: 3", false},
		{"durations", "done in 0.4 s: 2 built", "done in 1 m 12 s: 2 built", true},
		{"times", "run 1 · 2026-03-06 09:00:00 UTC", "run 1 · 2031-11-25 14:30:24 UTC", true},
		{"another run", "run 1 · 2026-03-06 09:00:00 UTC", "run 2 · 2026-03-06 09:00:00 UTC", false},
		{"snapshots", "(snapshot 6241165486617812794)", "(snapshot 241165486617812)", true},
		{"sizes and layout", "rows  787 B  run", "rows  1.2 kB    run", true},
		{"files a build wrote", "raw.orders  upsert  5  3  2.6 kB  5", "raw.orders  upsert  5  4  2.9 kB  5", true},
		{"files of a table", "rows  5 in 3 files, 2.6 kB", "rows  5 in 2 files, 2.6 kB", true},
		{"rows of a table", "raw.orders  upsert  5  3  2.6 kB  5", "raw.orders  upsert  4  3  2.6 kB  5", false},
		{"uuids", "00001-cffbbc47-8138-4bc5-8511-4deebe7431fd.json", "00001-f7e391fe-dd37-433e-85c3-b830014c7e8d.json", true},
		{"any lines", "a\n…\nz", "a\nb\nc\nz", true},
		{"any lines, none", "a\n…", "a", true},
		{"any lines, then another", "a\n…\nz", "a\nb\ny", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, got := lines(c.want), lines(c.got)
			if agree(want, got) != c.agree {
				t.Errorf("README %q, printed %q: agree is %v", c.want, c.got, !c.agree)
			}
			if !c.agree && strings.TrimSpace(differ(want, got)) == "" {
				t.Errorf("README %q, printed %q: nothing is said", c.want, c.got)
			}
		})
	}
}
