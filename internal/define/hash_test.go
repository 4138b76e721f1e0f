package define

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func hashOf(t testing.TB, file, text string) string {
	t.Helper()
	p := load(t, map[string]string{file: text})
	for _, table := range p.Tables {
		return table.Hash
	}
	t.Fatal("no table")
	return ""
}

func TestHashIsOfTheMeaning(t *testing.T) {
	const sql = "/* weir\nkey: id\n*/\nselect id, 'A  b' as \"X y\" from raw.Orders -- note\nwhere a<=1"
	same := map[string]string{
		"layout":      "/* weir\n# a comment\nkey: [id]\n*/\n\n  SELECT id ,'A  b'   AS \"X y\"\nFROM raw . orders\nWHERE a <= 1 ;\n",
		"comments":    "/* weir\nkey: id\n*/\n/* a /* b */ */ select id, 'A  b' as \"X y\" from/**/raw.orders where a<=1",
		"description": "/* weir\nkey: id\ndescription: x\nowner: y\ntags: [z]\nrules: [RowCount > 0]\ntimeout: 5m\nretries: 1\nmax_quarantined: 5\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
		"arrangement": "/* weir\nkey: id\npartition: [day(ts)]\nsort: ts\ntarget_file_size: 64MB\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
		"convention":  "/* weir\nmode: upsert\nkey: id\ndeletes: ignore\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
	}
	other := map[string]string{
		"text":        "/* weir\nkey: id\n*/\nselect id, 'A b' as \"X y\" from raw.orders where a<=1",
		"case":        "/* weir\nkey: id\n*/\nselect id, 'A  b' as \"x y\" from raw.orders where a<=1",
		"sign":        "/* weir\nkey: id\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<1",
		"key":         "/* weir\nkey: [id, a]\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
		"order_by":    "/* weir\nkey: id\norder_by: a\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
		"mode":        "/* weir\nmode: append\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
		"columns":     "/* weir\nkey: id\ncolumns: {id: bigint}\n*/\nselect id, 'A  b' as \"X y\" from raw.orders where a<=1",
		"a name more": "/* weir\nkey: id\n*/\nselect id, 'A  b' as \"X y\" from raw.orders o where a<=1",
	}
	want := hashOf(t, "tables/a/x.sql", sql)
	for name, text := range same {
		if hashOf(t, "tables/a/x.sql", text) != want {
			t.Errorf("%s changes the meaning", name)
		}
	}
	seen := map[string]string{want: "the first"}
	for name, text := range other {
		h := hashOf(t, "tables/a/x.sql", text)
		if before, ok := seen[h]; ok {
			t.Errorf("%s means the same as %s", name, before)
		}
		seen[h] = name
	}

	const source = "from: inbox\npath: a\n"
	want = hashOf(t, "tables/a/x.yaml", source)
	for _, text := range []string{source + "mode: append\n", source + "delimiter: ','\n", source + "max_rejects: 5\n", source + "on_changed_file: stop\n", "# x\npath: 'a'\nfrom: inbox"} {
		if hashOf(t, "tables/a/x.yaml", text) != want {
			t.Errorf("%q changes the meaning", text)
		}
	}
	for _, text := range []string{source + "delimiter: ';'\n", source + "columns: {a: date}\n", "from: inbox\npath: b\n", source + "null_values: NA\n"} {
		if hashOf(t, "tables/a/x.yaml", text) == want {
			t.Errorf("%q does not change the meaning", text)
		}
	}
}

func TestTokens(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 'It''s -- no' , \"A\"\"B\"": `select|'It''s -- no'|,|"A""B"`,
		"select $$ A -- b $$, $t$ x $t$":    "select|$$ A -- b $$|,|$t$ x $t$",
		"select $Currency, e'a\\'b', E''":   "select|$Currency|,|e'a\\'b'|,|E''",
		"a->>'b'::INT;;":                    "a|-|>|>|'b'|:|:|int",
		"-- x":                              "",
		"/* open":                           "",
		"'open":                             "'open",
		"É1 = 1.5e3":                        "é1|=|1|.|5e3",
	} {
		if got := strings.Join(sqlTokens(sql), "|"); got != want {
			t.Errorf("%s is %s, want %s", sql, got, want)
		}
	}
}

// Comments and whitespace between tokens change nothing.
func TestTokensDoNotSeeLayout(t *testing.T) {
	parts := []string{"select", "A", "'x -- y'", `"Q /* z"`, "$p", ",", "(", ")", "=", "1", "$$ d $$", "from", "E'\\''"}
	gaps := []string{" ", "\n", "\t ", " -- c\n", "/* c */", " /* /* n */ */ ", "\r\n"}
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(rapid.SampledFrom(parts), 1, 20).Draw(t, "tokens")
		var b strings.Builder
		for _, token := range tokens {
			b.WriteString(token + rapid.SampledFrom(gaps).Draw(t, "gap"))
		}
		got, want := strings.Join(sqlTokens(b.String()), " "), strings.Join(sqlTokens(strings.Join(tokens, " ")), " ")
		if got != want {
			t.Fatalf("%q is %s, want %s", b.String(), got, want)
		}
	})
}

func FuzzTokens(f *testing.F) {
	for _, sql := range []string{"select 'a", "$$", "$a$b$a$", "e'\\", "/*/*/", "\"\"", "--"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		tokens := sqlTokens(sql)
		for _, token := range tokens {
			if token == "" || len(token) > len(sql)*2+8 {
				t.Fatalf("token %q of %q", token, sql)
			}
		}
	})
}
