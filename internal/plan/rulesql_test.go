package plan

import (
	"strings"
	"testing"

	"weir/internal/define"
	"weir/internal/quality"
)

// A rule's SQL is a person's SQL: it reaches the rows it judges, not the file system.
func TestRuleSQLReachesItsRowsOnly(t *testing.T) {
	s := session(t)
	for text, want := range map[string]string{
		`CustomSql "select count(*) from primary where id > 1" = 0`:                                  "",
		`CustomSql "select now() > max(seen)::timestamptz from primary" = 1`:                         "",
		`IsComplete "id" where "id > 1 and id < 5"`:                                                  "",
		`CustomSql "select count(*) from read_text('/etc/passwd')" = 0`:                              "read_text(…) is not allowed",
		`CustomSql "select count(*) from '/etc/passwd'" = 0`:                                         "cannot be read here",
		`CustomSql "select 0; drop table primary" = 0`:                                               "second statement",
		`CustomSql "select count(*) from raw.other" = 0`:                                             "raw.other is not there for a rule",
		`IsComplete "id" where "exists(select * from glob('/etc/*'))"`:                               "glob(…) is not allowed",
		`IsComplete "id" where "1=1) or (getenv('HOME') = 'x'"`:                                      "getenv() is not allowed",
		`(IsComplete "id") and (CustomSql "select count(*) from read_csv('x.csv')" between 1 and 2)`: "read_csv(…) is not allowed",
	} {
		p := &define.Project{Tables: map[string]*define.Table{"raw.t": {Name: "raw.t", Kind: define.FromSource, Mode: define.Append, File: "tables/raw/t.yaml",
			Rules: []quality.Rule{{Text: text, File: "tables/raw/t.yaml", Line: 3, Col: 5}}}}}
		_, err := Read(t.Context(), p, s)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tables/raw/t.yaml:3:5")):
			t.Errorf("%s gave %v, want %s and its place", text, err, want)
		}
	}
}
