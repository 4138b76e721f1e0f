package plan

import (
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/dqdl"
	"weir/internal/quality"
)

// TestTiesBetweenTables: what tells rows of an input apart is known from its mode, its rules and its own SQL.
func TestTiesBetweenTables(t *testing.T) {
	window := func(from, by string) string { return "select *, lag(x) over (order by " + by + ") as p from " + from }
	sql := map[string]string{
		"raw.up": "", "raw.past": "", "raw.log": "", "raw.held": "", "raw.hinted": "",
		"m.sums":  "select g, h, sum(x) as x from raw.log group by all",
		"m.view":  "view: select g as k, h, x from m.sums",
		"m.grown": "select g, sum(x) as x from raw.log group by all",
		"ok.1":    window("raw.up", "id"),
		"ok.2":    window("raw.past", "id, from_ts"),
		"ok.3":    window("raw.past where now_so", "id"),
		"ok.4":    window("raw.up u join raw.past p on p.id = u.other and u.ts >= p.from_ts and u.ts < coalesce(p.to_ts, u.ts)", "u.id"),
		"ok.5":    window("raw.held", "a, b"),
		"ok.6":    window("m.sums", "g, h"),
		"ok.7":    window("m.view", "h, k"),
		"ties.1":  window("raw.past", "id"),
		"ties.2":  window("raw.log", "id"),
		"ties.3":  window("raw.hinted", "a, b"),
		"ties.4":  window("raw.held", "a"),
		"ties.5":  window("m.view", "k"),
		"ties.6":  window("m.grown", "g"), // it appends: each build has its own sums
		"ties.7":  window("raw.up u join raw.past p on p.id = u.other", "u.id"),
	}
	p := projectOf(sql)
	p.Tables["raw.up"].Mode, p.Tables["raw.up"].Key = define.Upsert, []string{"ID"}
	past := p.Tables["raw.past"]
	past.Mode, past.Key, past.Versions = define.History, []string{"id"}, define.VersionNames{From: "from_ts", To: "to_ts", Current: "now_so"}
	p.Tables["m.grown"].Mode = define.Append
	rule, err := dqdl.ParseRule(`IsPrimaryKey "A" "b"`)
	if err != nil {
		t.Fatal(err)
	}
	p.Tables["raw.held"].Rules = []quality.Rule{{Text: rule.String(), Rule: rule, OnFail: quality.Stop}}
	p.Tables["raw.hinted"].Rules = []quality.Rule{{Text: rule.String(), Rule: rule, OnFail: quality.Warn}}
	warned := map[string]string{}
	for _, w := range graphOf(t, p).Warnings {
		warned[strings.TrimPrefix(w.File, "tables/")] = w.Hint
	}
	for name := range sql {
		if _, ok := warned[name]; ok != strings.HasPrefix(name, "ties.") {
			t.Errorf("%s: %q is warned of: %v", name, sql[name], ok)
		}
	}
	for name, hint := range map[string]string{"ties.1": "id, from_ts (the key of raw.past)", "ties.2": "a key of raw.log, or log for all its columns", "ties.4": "A, b (the key of raw.held)"} {
		if !strings.Contains(warned[name], hint) {
			t.Errorf("%s: hint %q, want %q", name, warned[name], hint)
		}
	}
	// Tables that need each other are told as such, and end.
	_, err = Read(t.Context(), projectOf(map[string]string{"m.a": window("m.b", "x"), "m.b": window("m.a", "x")}), session(t))
	if got := problemsOf(t, err); len(got) != 1 || !strings.Contains(got[0], "m.a") {
		t.Errorf("a cycle gives %q", got)
	}
}
