package publish

import (
	"strings"
	"testing"

	"weir/test/env"
)

// TestPlanTells wants a plan to say what a run would bring where, and lineage to know the destinations.
func TestPlanTells(t *testing.T) {
	p := newPlace(t, env.Postgres(t), map[string]string{
		"tables/raw/orders.yaml":   "from: inbox\npath: \"o*.csv\"\nkey: id\npublish:\n  - bi.public.orders\n  - { to: bi.public.ids, columns: [id] }\n",
		"tables/marts/n.sql":       "/* weir\npublish: bi.public.n\n*/\nselect count(*) as n from raw.orders",
		"tables/marts/ordered.sql": "/* weir\nkey: id\n*/\nselect id from raw.orders",
		"inbox/o1.csv":             "id,total\n1,2\n2,3\n",
	})
	p.says(p.weir(0, "plan"), "to be published", "bi.public.orders  publish  all rows of raw.orders once it is built", "bi.public.n       publish  all rows of marts.n once it is built")
	p.bare(0, "run")
	p.says(p.weir(0, "plan"), "raw.orders  bi.public.ids     publish  2 rows · all rows: first load · makes the table")
	p.weir(0, "publish")
	p.says(p.weir(0, "plan"), "raw.orders  bi.public.orders  skip  unchanged since run 2")
	p.write(map[string]string{"inbox/o2.csv": "id,total\n3,4\n"})
	p.says(p.weir(0, "plan"), "raw.orders  bi.public.orders  publish  what is built in raw.orders")
	p.bare(0, "run")
	p.says(p.weir(0, "plan", "raw.orders"), "bi.public.orders  publish  1 row")
	p.says(p.weir(0, "plan", "--json"), `"destination": "bi.public.orders"`)

	p.says(p.weir(0, "lineage", "raw.orders", "--down"), "read by", "  bi:public.orders", "  bi:public.ids")
	p.says(p.weir(0, "lineage"), "bi:public.n", "gets marts.n")
	p.says(p.weir(0, "lineage", "bi:public.ids"), "(destination, 1 column)", "raw.orders")

	p.connection(`{ type: postgres, url: "postgres://someone:open-sesame@127.0.0.1:1/nowhere" }`)
	said := p.weir(4, "plan", "raw.orders")
	p.says(said, "bi.public.orders  error  connect to 127.0.0.1:1/nowhere: connection refused: no server listens there\n", "does it run, and are host and port")
	if strings.Contains(said, "sesame") {
		t.Errorf("the password is told:\n%s", said)
	}
}
