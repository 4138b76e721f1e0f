package boundplan

import (
	"strings"
	"testing"

	"weir/internal/fault"
)

func TestParseRefusesWhatItDoesNotKnow(t *testing.T) {
	const get = `{"type":"LOGICAL_GET","name":"seq_scan","names":["a"],"column_indexes":[{"index":0}],"function_data":{"schema":"raw","table":"t"}}`
	for _, c := range []struct{ text, message string }{
		{`{"error":true,"error_message":"no such table"}`, "no such table"},
		{`{"error":false,"plans":[]}`, "0 plans"},
		{`{"error":false,"plans":[null]}`, "null"},
		{`{"error":false,"plans":[{"type":"LOGICAL_PROJECTION","children":[null]}]}`, "null"},
		{`{"error":false,"plans":[{"type":"LOGICAL_PROJECTION","children":[` + get + `],"expressions":[{"expression_class":"BOUND_MAGIC"}]}]}`, "BOUND_MAGIC"},
		{`{"error":false,"plans":[{"type":"LOGICAL_PROJECTION","children":[` + get + `],"expressions":[null]}]}`, "null"},
		{`{"error":false,"plans":[{"type":"LOGICAL_CTE_REF","cte_index":7}]}`, "CTE 7"},
		{`{"error":false,"plans":[{"type":"LOGICAL_DELIM_GET"}]}`, "belongs to no join"},
		{`{"error":false,"plans":[{"type":"LOGICAL_MATERIALIZED_CTE"}]}`, "0 parts"},
		{`{"error":false,"plans":[{"type":"LOGICAL_GET","projection_ids":[1]}]}`, "leaves out columns"},
		{`[`, "unexpected end"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %s", c.text, err, c.message)
		}
	}
	_, err := Parse([]byte(`{"error":true,"error_message":"x"}`))
	if fault.ClassOf(err) != fault.Usage {
		t.Errorf("a query that cannot be bound is %v", fault.ClassOf(err))
	}
	p, err := Parse([]byte(`{"error":false,"plans":[` + get + `]}`))
	if err != nil || p.Root.Table() != "raw.t" || !p.Root.Reads("RAW.T") || p.Root.Reads("raw.u") {
		t.Errorf("%+v %v", p, err)
	}
}

// FuzzParse holds the decoder to plans that are broken in any way: an error, and no panic, also in what walks the plan.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"error":false,"plans":[{"type":"LOGICAL_PROJECTION","children":[{"type":"LOGICAL_GET","name":"seq_scan","names":["a"],"column_indexes":[{"index":0}],"function_data":{"schema":"main","table":"t"}}],"expressions":[{"expression_class":"BOUND_REF","index":0}]}]}`))
	f.Add([]byte(`{"error":false,"plans":[{"type":"LOGICAL_DELIM_JOIN","join_type":"INNER","duplicate_eliminated_columns":[{"expression_class":"BOUND_REF","index":0}],"children":[{"type":"LOGICAL_DUMMY_SCAN"},{"type":"LOGICAL_DELIM_GET","chunk_types":[{"id":"INTEGER"}]}]}]}`))
	f.Add([]byte(`{"error":false,"plans":[{"type":"LOGICAL_MATERIALIZED_CTE","children":[{"type":"LOGICAL_DUMMY_SCAN"},{"type":"LOGICAL_CTE_REF"}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		p.Tables()
		p.Root.Reads("t")
		if _, err := p.Root.Width(); err != nil {
			return
		}
	})
}
