package lake_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/blob"
	"weir/internal/blob/blobtest"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/record"
)

// A lake in S3 with its catalog here: the same commits, with files uploaded when they are sealed and copied here to be read.
func TestRemote(t *testing.T) {
	location, s3 := blobtest.Bucket(t)
	location += "/some/prefix"
	state := t.TempDir()
	r := newRig(t, lake.Config{Location: location, State: state, S3: s3})
	store, err := blob.Open(t.Context(), location, s3)
	ok(t, err)
	keys := func(prefix string) (keys []string) {
		objects, err := store.List(t.Context(), prefix)
		ok(t, err)
		for _, o := range objects {
			keys = append(keys, o.Key)
		}
		return keys
	}
	r.exec("CREATE TABLE src AS " + everyType)
	r.append("raw.every", "r1", "FROM src")
	b := r.begin("raw.every", "r2", "FROM src LIMIT 7")
	reject := r.write(b.stage.RejectsDir(), "SELECT "+rejectRow("x1"), record.RejectColumns(), nil)
	_, extra, err := b.stage.Seal(t.Context(), nil, []string{reject.Path})
	ok(t, err)
	b.in.Rejects = []lake.RejectFile{{Path: extra[0], Run: "r2", Rows: 1, Kind: record.KindReject}}
	_, err = b.commit()
	ok(t, err)
	got := r.rows("SELECT count(*), count(DISTINCT __weir_file), bool_and(starts_with(__weir_file, " + job.Literal(location) + ")) FROM " + r.scan("raw.every", lake.ScanOptions{Filename: true}))
	if got[0] != "208|2|true" || r.count("raw.every") != 208 {
		t.Fatalf("got %v", got)
	}
	local, err := r.l.Local(t.Context(), r.ledger("raw.every").Rejects[0].Path)
	ok(t, err)
	if got := r.rows("SELECT id FROM read_parquet(" + job.Literal(local) + ")"); got[0] != "x1" {
		t.Fatalf("rejects %v", got)
	}
	if k := keys("_stages/"); len(k) != 0 {
		t.Fatalf("stages %v", k)
	}
	if d, err := os.ReadDir(filepath.Join(state, "stage")); err == nil && len(d) != 0 {
		t.Fatalf("scratch %v", d)
	}
	remoteFailure(t, r, keys)
	ok(t, r.l.Drop(t.Context(), "raw.every", true))
	if k := keys(""); len(k) != 0 {
		t.Fatalf("purged lake holds %v", k)
	}
}

// remoteFailure: a build that fails after it uploaded leaves nothing.
func remoteFailure(t *testing.T, r *rig, keys func(string) []string) {
	b := r.begin("raw.failed", "r3", "SELECT 1 AS a")
	b.in.Plan = func(ctx context.Context, tb *lake.Table) (lake.Change, job.Counts, error) {
		_, _, err := b.plan(ctx, tb)
		ok(t, err)
		if k := keys("raw.db/failed/data/"); len(k) != 1 {
			t.Errorf("uploaded %v", k)
		}
		return lake.Change{}, job.Counts{}, fault.New(fault.Data, "a rule does not hold")
	}
	if _, err := b.commit(); fault.ClassOf(err) != fault.Data {
		t.Fatalf("got %v", err)
	}
	if k := keys("raw.db/failed"); len(k) != 0 {
		t.Fatalf("left %v", k)
	}
	// And what a killed process uploaded is found by its manifest.
	b = r.begin("raw.failed", "r4", "SELECT 1 AS a")
	_, _, err := b.stage.Seal(t.Context(), b.files, nil)
	ok(t, err)
	again := lakeAgain(t, r)
	ok(t, again.DiscardRun(t.Context(), "r4"))
	if k := keys("raw.db/failed"); len(k) != 0 {
		t.Fatalf("left %v", k)
	}
	ok(t, b.stage.Discard(t.Context()))
}

// lakeAgain opens the rig's lake once more, as another process does.
func lakeAgain(t *testing.T, r *rig) *lake.Lake {
	t.Helper()
	l, err := lake.Open(t.Context(), r.config)
	ok(t, err)
	t.Cleanup(func() { ok(t, l.Close()) })
	return l
}

func TestRemoteFaults(t *testing.T) {
	if _, err := lake.Open(t.Context(), lake.Config{Location: "s3://acme/x"}); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), "state") {
		t.Errorf("without a state folder: %v", err)
	}
	location, s3 := blobtest.Bucket(t)
	r := newRig(t, lake.Config{Location: location, State: t.TempDir(), S3: s3})
	r.append("raw.x", "r1", "SELECT 1 AS a")
	s3.Endpoint = "http://127.0.0.1:1"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, err := lake.Open(ctx, lake.Config{Location: location, State: r.config.State, S3: s3})
	ok(t, err)
	defer l.Close()
	if _, err := l.Table(ctx, "raw.x"); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("no service: %v (%s)", err, fault.ClassOf(err))
	}
}
