// Package modes is the conformance suite of build modes: what each does to a table, step by step, with the counts it
// reports. Every lake passes the same suite.
package modes

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"weir/test/env"
	"weir/test/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// step changes the inbox, builds, and says what must have come of it.
type step struct {
	files  map[string]string // "" removes the file
	args   []string          // of weir run
	rows   string            // select * … order by all, as CSV
	counts string            // of the build: see text below; "skipped" where nothing was to be done
}

type suite struct {
	name  string
	yaml  string // of raw.t
	sql   string // of raw.t instead, over raw.in
	query string // of its rows, in place of select *
	steps []step
}

const head = "id,v,at\n"

var suites = []suite{
	{name: "append", yaml: "mode: append\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, rows: "1,x,1\n2,y,1\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{rows: "1,x,1\n2,y,1\n", counts: "skipped"},
		{files: map[string]string{"b.csv": head + "2,y,1\n"}, rows: "1,x,1\n2,y,1\n2,y,1\n", counts: "read 1 accepted 1 before 2 inserted 1 after 3"},
		{files: map[string]string{"a.csv": head + "7,z,1\n"}, rows: "2,y,1\n7,z,1\n", counts: "read 1 accepted 1 before 3 inserted 1 deleted 2 after 2"},
		{files: map[string]string{"a.csv": ""}, rows: "2,y,1\n7,z,1\n", counts: "skipped"},
	}},
	{name: "append of changed files", yaml: "mode: append\non_changed_file: append\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n"}, rows: "1,x,1\n", counts: "read 1 accepted 1 inserted 1 after 1"},
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, rows: "1,x,1\n1,x,1\n2,y,1\n", counts: "read 2 accepted 2 before 1 inserted 2 after 3"},
	}},
	{name: "replace", yaml: "mode: replace\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, rows: "1,x,1\n2,y,1\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"b.csv": head + "3,z,1\n"}, rows: "1,x,1\n2,y,1\n3,z,1\n", counts: "read 3 accepted 3 before 2 inserted 3 deleted 2 after 3"},
		{files: map[string]string{"a.csv": ""}, rows: "3,z,1\n", counts: "read 1 accepted 1 before 3 inserted 1 deleted 3 after 1"},
		{rows: "3,z,1\n", counts: "skipped"},
	}},
	{name: "upsert", yaml: "key: id\norder_by: at\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,2\n2,old,1\n"}, rows: "1,x,1\n2,y,2\n", counts: "read 3 accepted 2 superseded 1 inserted 2 after 2"},
		{files: map[string]string{"b.csv": head + "1,stale,0\n2,new,3\n3,z,1\n"}, rows: "1,x,1\n2,new,3\n3,z,1\n", counts: "read 3 accepted 2 stale 1 before 2 inserted 1 updated 1 after 3"},
		{files: map[string]string{"c.csv": head + "3,z,1\n3,z,1\n"}, rows: "1,x,1\n2,new,3\n3,z,1\n", counts: "read 2 accepted 1 superseded 1 before 3 updated 1 after 3"},
		{files: map[string]string{"c.csv": head + "4,q,1\n"}, rows: "1,x,1\n2,new,3\n4,q,1\n", counts: "read 1 accepted 1 before 3 inserted 1 deleted 1 after 3"},
	}},
	{name: "upsert that removes on full reads", yaml: "key: id\ndeletes: remove\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, rows: "1,x,1\n2,y,1\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"a.csv": "", "b.csv": head + "2,z,1\n"}, args: []string{"--full"}, rows: "2,z,1\n", counts: "read 1 accepted 1 before 2 updated 1 deleted 1 after 1"},
	}},
	{name: "history", yaml: "mode: history\nkey: id\norder_by: at\n", query: versions, steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n1,z,5\n1,z,7\n2,y,1\n"}, rows: "1,x,1,5,false\n1,z,5,,true\n2,y,1,,true\n", counts: "read 5 accepted 4 superseded 1 inserted 3 after 3"},
		{rows: "1,x,1,5,false\n1,z,5,,true\n2,y,1,,true\n", counts: "skipped"},
		{files: map[string]string{"b.csv": head + "1,late,6\n3,w,2\n"}, rows: "1,x,1,5,false\n1,z,5,6,false\n1,late,6,7,false\n1,z,7,,true\n2,y,1,,true\n3,w,2,,true\n",
			counts: "read 2 accepted 2 before 3 inserted 3 updated 1 after 6"},
		{files: map[string]string{"c.csv": head + "1,z,6\n"}, rows: "1,x,1,5,false\n1,z,5,,true\n2,y,1,,true\n3,w,2,,true\n", counts: "read 1 accepted 1 before 6 updated 1 deleted 2 after 4"},
		{files: map[string]string{"c.csv": "", "d.csv": head + "2,y,1\n"}, rows: "1,x,1,5,false\n1,z,5,,true\n2,y,1,,true\n3,w,2,,true\n", counts: "read 1 accepted 1 before 4 after 4"},
	}},
	{name: "history that tracks some columns", yaml: "mode: history\nkey: id\norder_by: at\ntrack: [v]\npartition: [is_current]\n", query: "select id, v, \"at\", valid_from, valid_to, is_current from raw.t order by id, valid_from", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n1,x,3\n"}, rows: "1,x,3,1,,true\n", counts: "read 2 accepted 2 inserted 1 after 1"},
		{files: map[string]string{"b.csv": head + "1,y,2\n"}, rows: "1,x,1,1,2,false\n1,y,2,2,3,false\n1,x,3,3,,true\n", counts: "read 1 accepted 1 before 1 inserted 2 updated 1 after 3"},
	}},
	{name: "history of full reads", yaml: "mode: history\nkey: id\ndeletes: close\n", query: closes, steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, args: at(1), rows: "1,x,01,,true\n2,y,01,,true\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"a.csv": head + "1,x,1\n"}, args: at(2), rows: "1,x,01,,true\n2,y,01,02,false\n", counts: "read 1 accepted 1 before 2 updated 1 after 2"},
		{files: map[string]string{"b.csv": head + "2,y,1\n"}, args: at(3), rows: "1,x,01,,true\n2,y,01,02,false\n2,y,03,,true\n", counts: "read 2 accepted 2 before 2 inserted 1 after 3"},
		{files: map[string]string{"a.csv": "", "b.csv": head + "2,z,1\n"}, args: at(4), rows: "1,x,01,04,false\n2,y,01,02,false\n2,y,03,04,false\n2,z,04,,true\n", counts: "read 1 accepted 1 before 3 inserted 1 updated 2 after 4"},
	}},
	{name: "sql history", sql: "/* weir\nmode: history\nkey: id\ndeletes: close\n*/\nselect id, v from raw.input\n", query: closes, steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, args: at(1), rows: "1,x,01,,true\n2,y,01,,true\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"a.csv": head + "1,z,1\n3,w,1\n"}, args: at(2), rows: "1,x,01,02,false\n1,z,02,,true\n2,y,01,02,false\n3,w,02,,true\n",
			counts: "read 2 accepted 2 before 2 inserted 2 updated 2 after 4"},
	}},
	{name: "sql history of new rows", sql: "/* weir\nmode: history\nkey: id\norder_by: since\nincremental: { input: raw.input }\n*/\nselect id, v, \"at\" as since from raw.input\n", query: versions, steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n1,y,3\n"}, rows: "1,x,1,3,false\n1,y,3,,true\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"b.csv": head + "1,z,2\n"}, rows: "1,x,1,2,false\n1,z,2,3,false\n1,y,3,,true\n", counts: "read 1 accepted 1 before 2 inserted 1 updated 1 after 3"},
	}},
	{name: "partitions", yaml: "mode: partitions\npartition: [at]\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,2\n"}, rows: "1,x,1\n2,y,2\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"b.csv": head + "3,z,2\n4,w,\n"}, rows: "1,x,1\n3,z,2\n4,w,\n", counts: "read 2 accepted 2 before 2 inserted 2 deleted 1 after 3"},
		{files: map[string]string{"c.csv": head + "5,v,\n"}, rows: "1,x,1\n3,z,2\n5,v,\n", counts: "read 1 accepted 1 before 3 inserted 1 deleted 1 after 3"},
	}},
	{name: "sql replace", sql: "select v, count(*) as n from raw.input group by 1\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,x,1\n"}, rows: "x,2\n", counts: "read 1 accepted 1 inserted 1 after 1"},
		{rows: "x,2\n", counts: "skipped"},
		{files: map[string]string{"b.csv": head + "3,y,1\n"}, rows: "x,2\ny,1\n", counts: "read 2 accepted 2 before 1 inserted 2 deleted 1 after 2"},
	}},
	{name: "sql upsert", sql: "/* weir\nkey: id\ndeletes: remove\n*/\nselect id, v from raw.input where \"at\" = 1\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,y,1\n"}, rows: "1,x\n2,y\n", counts: "read 2 accepted 2 inserted 2 after 2"},
		{files: map[string]string{"a.csv": head + "1,x,1\n3,z,1\n"}, rows: "1,x\n3,z\n", counts: "read 2 accepted 2 before 2 inserted 1 deleted 1 after 2"},
	}},
	{name: "sql append", sql: "/* weir\nmode: append\n*/\nselect count(*) as n from raw.input\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n"}, rows: "1\n", counts: "read 1 accepted 1 inserted 1 after 1"},
		{files: map[string]string{"b.csv": head + "2,x,1\n"}, rows: "1\n2\n", counts: "read 1 accepted 1 before 1 inserted 1 after 2"},
	}},
	{name: "sql partitions", sql: "/* weir\nmode: partitions\npartition: [at]\n*/\nselect id, \"at\" from raw.input where id = (select max(id) from raw.input)\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n"}, rows: "1,1\n", counts: "read 1 accepted 1 inserted 1 after 1"},
		{files: map[string]string{"b.csv": head + "2,x,2\n"}, rows: "1,1\n2,2\n", counts: "read 1 accepted 1 before 1 inserted 1 after 2"},
		{files: map[string]string{"c.csv": head + "3,x,2\n"}, rows: "1,1\n3,2\n", counts: "read 1 accepted 1 before 2 inserted 1 deleted 1 after 2"},
	}},
	{name: "sql over a view", sql: "/* weir\n*/\nselect sum(id) as ids from staging.even\n", steps: []step{
		{files: map[string]string{"a.csv": head + "1,x,1\n2,x,1\n", "../tables/staging/even.sql": "/* weir\nmode: view\n*/\nselect * from raw.input where id % 2 = 0\n"}, rows: "2\n", counts: "read 1 accepted 1 inserted 1 after 1"},
		{files: map[string]string{"b.csv": head + "4,x,1\n"}, rows: "6\n", counts: "read 1 accepted 1 before 1 inserted 1 deleted 1 after 1"},
		{files: map[string]string{"../tables/staging/even.sql": "/* weir\nmode: view\n*/\nselect * from raw.input where id % 2 = 1\n"}, rows: "1\n", counts: "read 1 accepted 1 before 1 inserted 1 deleted 1 after 1"},
	}},
}

const (
	versions = "select id, v, valid_from, valid_to, is_current from raw.t order by id, valid_from"
	closes   = "select id, v, strftime(valid_from, '%d'), strftime(valid_to, '%d'), is_current from raw.t order by id, valid_from"
)

// at has a run take a day of March as its logical time.
func at(day int) []string { return []string{"--time", fmt.Sprintf("2026-03-%02dT12:00:00Z", day)} }

const source = "from: inbox\npath: \"*.csv\"\ncolumns: { id: bigint, v: varchar, at: integer }\n"

func TestLocal(t *testing.T) { run(t, func(*testing.T) string { return "lake: lake\n" }) }

func TestS3(t *testing.T) {
	url := env.S3(t)
	run(t, func(t *testing.T) string {
		bucket := bucket(t, url)
		return fmt.Sprintf("lake:\n  location: s3://%s/lake\n  endpoint: %s\n  region: us-east-1\n  access_key: test\n  secret_key: test\n", bucket, url)
	})
}

// bucket makes a bucket of the test's own.
func bucket(t *testing.T, url string) string {
	t.Helper()
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRegion("us-east-1"),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err != nil {
		t.Fatal(err)
	}
	c := s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = aws.String(url), true })
	name := "modes-" + uuid.NewString()
	if _, err := c.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(t *testing.T, lake func(t *testing.T) string) {
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			files := map[string]string{"weir.yaml": "name: modes\n" + lake(t) + "connections:\n  inbox: { type: files, path: inbox }\n"}
			if s.sql == "" {
				files["tables/raw/t.yaml"] = source + s.yaml
			} else {
				files["tables/raw/input.yaml"], files["tables/raw/t.sql"] = source, s.sql
			}
			program.Write(t, dir, files)
			for i, st := range s.steps {
				st.check(t, dir, i+1, cmp.Or(s.query, "select * from raw.t order by all"))
			}
		})
	}
}

func (s step) check(t *testing.T, dir string, n int, query string) {
	t.Helper()
	for name, text := range s.files {
		path := filepath.Join(dir, "inbox", name)
		if text == "" {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		program.Write(t, dir, map[string]string{filepath.Join("inbox", name): text})
	}
	var rep struct {
		Tables []struct {
			Table, Status string
			Counts        struct {
				Read, Accepted, Rejected, Superseded, Stale, Before, Inserted, Updated, Deleted, After int64
			}
		}
	}
	program.JSON(t, &rep, append([]string{"-C", dir, "run", "--json"}, s.args...)...)
	got := "not in the report"
	for _, r := range rep.Tables {
		if r.Table != "raw.t" {
			continue
		}
		c := r.Counts
		got = text("read", c.Read) + text("accepted", c.Accepted) + text("rejected", c.Rejected) + text("superseded", c.Superseded) + text("stale", c.Stale) +
			text("before", c.Before) + text("inserted", c.Inserted) + text("updated", c.Updated) + text("deleted", c.Deleted) + text("after", c.After)
		if r.Status == "skipped" {
			got = "skipped"
		}
	}
	if got = strings.TrimSpace(got); got != s.counts {
		t.Errorf("step %d: counts are %q, want %q", n, got, s.counts)
	}
	columns := program.Query(t, dir, query)
	if rows := withoutFile(columns); rows != s.rows {
		t.Errorf("step %d: the table holds %q, want %q", n, rows, s.rows)
	}
}

// withoutFile cuts the column _file, the last one of a table over files.
func withoutFile(csv string) string {
	var b strings.Builder
	for line := range strings.Lines(csv) {
		if i := strings.LastIndexByte(line, ','); i >= 0 && strings.HasSuffix(line, ".csv\n") {
			line = line[:i] + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

func text(word string, n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s %d ", word, n)
}
