package quality

import "weir/internal/dqdl"

// UserSQL gives the SQL a person wrote into a rule, each text as one SELECT over the relation "primary", for the caller to
// judge what it reaches and whether it binds. A rule that does not parse has none.
func UserSQL(r Rule) []string {
	parsed := r.Rule
	if parsed == nil {
		var err error
		if parsed, err = dqdl.ParseRule(r.Text); err != nil {
			return nil
		}
	}
	var out []string
	parsed.Leaves(func(l *dqdl.Rule) {
		if l.Name == "CustomSql" && len(l.Params) > 0 {
			out = append(out, rewriteSQL(l.Params[0].Value()))
		}
		if scope := scopeOf(l); scope != "" {
			out = append(out, `SELECT 1 AS one FROM "primary" WHERE `+scope)
		}
	})
	return out
}
