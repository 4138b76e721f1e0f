package define

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/quality"
)

func TestLoad(t *testing.T) {
	root := folder(t, map[string]string{
		"weir.yaml": `name: retail
lake: data/lake
timezone: Europe/London
memory: 2GB
connections:
  inbox: { type: files, path: "${WEIR_TEST_INBOX:-./inbox}" }
  shop:
    type: postgres
    url: postgres://u:hunter2@h/db
    password: ${secret:shop#password}
vars: { currency: GBP, rate: 1.5, n: 7, on: true, day: 2026-03-01 }
on_failure: notify
timeout: 2h
`,
		"tables/raw/clicks.yaml": `from: inbox
path: "clicks/**/*.ndjson.gz"
format: ndjson
columns:
  event_id: varchar
  ts: timestamp
  lines: "struct(sku text, \"unit price\" decimal(10, 2))[]"
  tags: { type: "map(string, int8)", description: of the page, required: true }
max_rejects: 0.1%
partition:
  - day(ts)
  - bucket(16, event_id)
  - truncate(4, sku)
  - country
sort: [ts desc nulls last, '"odd name"']
target_file_size: 64MB
tags: nightly
`,
		"tables/raw/orders.yaml": `from: shop.public."Order Lines"
key: order_id
cursor: updated_at
rules:
  - IsComplete   "order_id"
  - rule: ColumnValues "total" >= 0
    on_fail: quarantine
max_quarantined: unlimited
timeout: 5m
retries: 0
`,
		"tables/marts/daily.sql": `/* weir
description: |
  Sales by day
rules: |
  Rules = [
    RowCount > 0,
    IsPrimaryKey "day"
  ]
*/
select 1 as day
`,
		"tables/marts/v.sql":     "/* weir\nmode: view\n*/\nselect 1 as x\n",
		"tables/marts/keyed.sql": "/* weir\nkey: [day, '\"store id\"']\ndeletes: remove\n*/\nselect 1 as x\n",
		"seeds/stores.csv":       "id\n1\n",
		"seeds/stores.yaml":      "columns: { id: bigint }\nnull_values: NA\n",
		"pipelines/nightly.yaml": "schedule: rate(1 day)\ntables: [raw.*, +marts.daily]\nsla: 90m\n",
		"macros/m.sql":           "create macro a() as 1;\n",
	})
	p, err := Load(root, "", fakeKinds(), fakeSinks())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "retail" || p.Lake != filepath.Join(root, "data/lake") || p.Timezone != "Europe/London" || p.Memory != 2<<30 || p.Timeout != 2*time.Hour || p.Retries != 2 || p.OnFailure != "notify" || p.Publish {
		t.Errorf("settings %+v", p)
	}
	if want := (job.Params{"currency": "GBP", "rate": 1.5, "n": int64(7), "on": true, "day": "2026-03-01"}); !reflect.DeepEqual(p.Vars, want) {
		t.Errorf("vars %#v", p.Vars)
	}
	if c := p.Connections["inbox"]; c.Config.(*fakeFiles).Path != "./inbox" || c.Line != 6 || c.File != "weir.yaml" {
		t.Errorf("connection %+v", c)
	}

	clicks := p.Tables["raw.clicks"]
	if want := []job.Column{{Name: "event_id", Type: "VARCHAR"}, {Name: "ts", Type: "TIMESTAMP"},
		{Name: "lines", Type: `STRUCT("sku" VARCHAR, "unit price" DECIMAL(10,2))[]`},
		{Name: "tags", Type: "MAP(VARCHAR, BIGINT)", Required: true, Doc: "of the page"}}; !reflect.DeepEqual(clicks.Columns, want) {
		t.Errorf("columns %+v", clicks.Columns)
	}
	if want := []job.PartitionField{{Name: "ts_day", Column: "ts", Transform: "day"}, {Name: "event_id_bucket", Column: "event_id", Transform: "bucket", Width: 16},
		{Name: "sku_trunc", Column: "sku", Transform: "truncate", Width: 4}, {Name: "country", Column: "country", Transform: "identity"}}; !reflect.DeepEqual(clicks.Partition, want) {
		t.Errorf("partition %+v", clicks.Partition)
	}
	if got := fmt.Sprintln(clicks.Mode, clicks.Connection, clicks.Dataset, clicks.MaxRejects, clicks.Sort, clicks.FileBytes, clicks.Tags, clicks.Timeout); got !=
		`append inbox clicks/**/*.ndjson.gz {0 0.001 true false} ["ts" DESC NULLS LAST "odd name"] 67108864 [nightly] 2h0m0s`+"\n" {
		t.Errorf("clicks %s", got)
	}
	if r := clicks.Reader.(*fakeReader); len(r.columns) != 4 || r.Delimiter != "," || r.OnChangedFile != "replace" {
		t.Errorf("reader %+v", r)
	}

	orders := p.Tables["raw.orders"]
	if got := fmt.Sprintln(orders.Mode, orders.Key, orders.OrderBy, orders.Deletes, orders.Dataset, orders.MaxQuarantined.Any, orders.Timeout, orders.Retries); got !=
		`upsert [order_id] updated_at ignore public."Order Lines" true 5m0s 0`+"\n" {
		t.Errorf("orders %s", got)
	}
	if r := orders.Rules[0]; len(orders.Rules) != 2 || r.Text != `IsComplete "order_id"` || r.OnFail != quality.Stop || r.Line != 5 || r.Col != 5 || orders.Rules[1].OnFail != quality.Quarantine || orders.Rules[1].Line != 6 {
		t.Errorf("rules %+v", orders.Rules)
	}

	daily := p.Tables["marts.daily"]
	if daily.Mode != Replace || daily.Kind != FromSQL || daily.SQL != "select 1 as day\n" || daily.SQLLine != 10 || daily.Description != "Sales by day" {
		t.Errorf("daily %+v", daily)
	}
	if r := daily.Rules; len(r) != 2 || r[0].Line != 6 || r[0].Col != 5 || r[1].Line != 7 || r[1].File != "tables/marts/daily.sql" {
		t.Errorf("rules of a document %+v", r)
	}
	if v := p.Tables["marts.v"]; v.Mode != View {
		t.Errorf("view %+v", v)
	}
	if k := p.Tables["marts.keyed"]; k.Mode != Upsert || k.Deletes != Remove || k.Key[1] != "store id" {
		t.Errorf("keyed %+v", k)
	}
	seed := p.Tables["seeds.stores"]
	if seed.Kind != FromSeed || seed.Mode != Replace || seed.File != "seeds/stores.yaml" || seed.Reader.(*fakeReader).Path != "stores.csv" || p.Connections[seed.Connection].Config.(*fakeFiles).Path != "seeds" {
		t.Errorf("seed %+v", seed)
	}
	if pl := p.Pipelines["nightly"]; pl.Schedule != "rate(1 day)" || pl.Timezone != "Europe/London" || pl.SLA != 90*time.Minute || len(pl.Tables) != 2 {
		t.Errorf("pipeline %+v", pl)
	}
	if len(p.Macros) != 1 || p.Macros[0].File != "macros/m.sql" {
		t.Errorf("macros %+v", p.Macros)
	}
	for key, want := range map[string]string{"key": "tables/raw/orders.yaml:2:1", "rules": "tables/raw/orders.yaml:4:1", "nope": "tables/raw/orders.yaml:1:1", "": "tables/raw/orders.yaml:1:1"} {
		if got := orders.PlaceOf(key).String(); got != want {
			t.Errorf("place of %q is %s, want %s", key, got, want)
		}
	}
	if got := clicks.PlaceOf("columns.tags.type").String(); got != "tables/raw/clicks.yaml:8:11" {
		t.Errorf("place of columns.tags.type is %s", got)
	}
	if got := (&Table{File: "x.sql"}).PlaceOf("key").String(); got != "x.sql:1:1" {
		t.Errorf("place without a header is %s", got)
	}
	// Promise 9.
	if got := p.Redactor.Redact("cannot log in with hunter2"); got != "cannot log in with ***" {
		t.Errorf("redacted to %q", got)
	}
}

func TestEnvironments(t *testing.T) {
	root := folder(t, map[string]string{
		"weir.yaml": `lake: lake
connections:
  inbox: { type: files, path: inbox }
  shop: { type: postgres, url: "${WEIR_TEST_UNSET}", port: 1 }
vars: { a: 1, b: 2 }
timeout: 1h
on_failure: x
environments:
  prod:
    lake: { location: s3://acme/retail/, endpoint: "http://h:1", access_key: k, secret_key: "${secret:lake#key}" }
    connections:
      shop: { url: "pg://prod" }
      bi: { type: postgres, url: "pg://bi" }
    vars: { b: 3 }
    publish: on
    timeout: ~
    timezone: ${WEIR_TEST_ZONE}
  dev:
    lake: ${WEIR_TEST_NOT_SET_EITHER}
  none:
`,
		".env":           "WEIR_TEST_ZONE=Asia/Tokyo\nWEIR_SECRET_LAKE_KEY=hush-hush\n",
		"tables/a/b.sql": "select 1\n",
	})
	p, err := Load(root, "prod", fakeKinds(), fakeSinks())
	if err != nil {
		t.Fatal(err)
	}
	shop := p.Connections["shop"].Config.(*fakeDatabase)
	if p.Lake != "s3://acme/retail" || p.LakeS3.Endpoint != "http://h:1" || p.LakeS3.Region != "us-east-1" || !p.Publish || p.Timeout != 0 || p.OnFailure != "x" ||
		p.Timezone != "Asia/Tokyo" || shop.URL != "pg://prod" || shop.Port != 1 || p.Connections["bi"] == nil || p.Env != "prod" {
		t.Errorf("prod %+v %+v", p, shop)
	}
	if want := (job.Params{"a": int64(1), "b": int64(3)}); !reflect.DeepEqual(p.Vars, want) {
		t.Errorf("vars %v", p.Vars)
	}
	if got, err := p.Resolver.Resolve(t.Context(), p.LakeS3.SecretKey); err != nil || got != "hush-hush" {
		t.Errorf("secret of .env is %q, %v", got, err)
	}
	if got := p.Redactor.Redact("key hush-hush"); got != "key ***" {
		t.Errorf("redacted to %q", got)
	}
	if _, err := Load(root, "", fakeKinds(), fakeSinks()); err == nil || !strings.Contains(err.Error(), "weir.yaml:4:32: ${WEIR_TEST_UNSET} is not set") {
		t.Errorf("without an environment the variable is needed: %v", err)
	}
	_, err = Load(root, "pord", fakeKinds(), fakeSinks())
	if fault.ClassOf(err) != fault.Usage || fault.HintOf(err) != "nearest: prod" {
		t.Errorf("unknown environment: %v, %q", err, fault.HintOf(err))
	}
}

func TestDefaultsOfAnEmptyProject(t *testing.T) {
	root := folder(t, map[string]string{"weir.yaml": ""})
	p, err := Load(root, "", fakeKinds(), fakeSinks())
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != filepath.Base(root) || p.Lake != filepath.Join(root, "lake") || p.Timezone != "UTC" || p.LakeS3.Region != "us-east-1" {
		t.Errorf("%+v", p)
	}
	if _, err := Load(t.TempDir(), "", fakeKinds(), fakeSinks()); fault.ClassOf(err) != fault.Usage {
		t.Errorf("no project: %v", err)
	}
}

func TestProblemsAreSortedAndComplete(t *testing.T) {
	p, err := Load(folder(t, map[string]string{"tables/b/x.yaml": "from: inbox\npath: a\nkeyy: a\nmodee: b\n", "tables/a/x.sql": "/* weir\nkyy: a\n*/\nselect 1"}), "", fakeKinds(), fakeSinks())
	var problems Problems
	if !errors.As(err, &problems) || fault.ClassOf(err) != fault.Usage {
		t.Fatalf("%v", err)
	}
	want := `tables/a/x.sql:2:1: unknown key "kyy"; nearest: key
tables/b/x.yaml:3:1: unknown key "keyy"; nearest: key
tables/b/x.yaml:4:1: unknown key "modee"; nearest: mode`
	if err.Error() != want {
		t.Errorf("says\n%s\nwant\n%s", err, want)
	}
	if p.Tables["a.x"].SQL != "select 1" {
		t.Error("what could be understood is not there")
	}
	if NewProblems(nil) != nil {
		t.Error("no problems are an error")
	}
}

func TestKeep(t *testing.T) {
	p, err := Load(folder(t, map[string]string{
		"weir.yaml":        "keep: { snapshots: 30d }\nconnections:\n  inbox: { type: files, path: inbox }\n",
		"tables/a/x.sql":   "/* weir\nkeep: { at_least: 3 }\n*/\nselect 1",
		"tables/a/y.sql":   "select 1",
		"tables/a/z.yaml":  "from: inbox\npath: a\nkeep: { snapshots: 36h, at_least: 1 }\n",
		"seeds/s/one.csv":  "a\n1\n",
		"seeds/s/one.yaml": "keep: { at_least: 2 }\n",
	}), "", fakeKinds(), fakeSinks())
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	for name, want := range map[string]Keep{"a.x": {30 * day, 3}, "a.y": {30 * day, 10}, "a.z": {36 * time.Hour, 1}} {
		if got := p.Tables[name].Keep; got != want {
			t.Errorf("%s keeps %+v, want %+v", name, got, want)
		}
	}
	_, err = Load(folder(t, map[string]string{
		"weir.yaml":      "keep: { at_least: 0, snapshot: 7d }\n",
		"tables/a/x.sql": "/* weir\nmode: view\nkeep: { at_least: 3 }\n*/\nselect 1",
		"tables/a/y.sql": "/* weir\nkeep: { snapshots: a week, at_least: -1 }\n*/\nselect 1",
	}), "", fakeKinds(), fakeSinks())
	got := fmt.Sprint(err)
	for _, want := range []string{
		"weir.yaml:1:9: at_least: 0 is too few", `weir.yaml:1:22: unknown key "snapshot"; nearest: snapshots`,
		"tables/a/x.sql:3:1: keep has no meaning with mode view", "tables/a/y.sql:2:20: snapshots: expected a duration", "tables/a/y.sql:2:28: at_least: -1 is too few",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("says\n%s\nwithout %q", got, want)
		}
	}
}
