package blob_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/blob"
	"weir/internal/blob/blobtest"
	"weir/internal/fault"
)

func open(t *testing.T, location string, s blob.S3) blob.Store {
	t.Helper()
	store, err := blob.Open(t.Context(), location, s)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestFolder(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, t.TempDir(), blob.S3{}) })
}

func TestBucket(t *testing.T) {
	location, s3 := blobtest.Bucket(t)
	blobtest.Run(t, func(t *testing.T) blob.Store {
		return open(t, location+"/"+strings.ReplaceAll(t.Name(), "/", "_")+"/deep/", s3)
	})
}

func TestLocations(t *testing.T) {
	for _, c := range []struct{ location, url, path string }{
		{"/lake/here/", "file:///lake/here/a/b", "/lake/here/a/b"},
		{"file:///lake/here", "file:///lake/here/a/b", "/lake/here/a/b"},
		{"s3://acme/x/y/", "s3://acme/x/y/a/b", ""},
		{"s3://acme", "s3://acme/a/b", ""},
	} {
		s := open(t, c.location, blob.S3{Region: "us-east-1"})
		path, local := s.LocalPath("a/b")
		if s.URL("a/b") != c.url || path != c.path || local != (c.path != "") {
			t.Errorf("%s gave %s, %q, %v", c.location, s.URL("a/b"), path, local)
		}
	}
	for _, bad := range []string{"", "relative/folder", "s3://", "s3:///x", "http://x/y"} {
		if _, err := blob.Open(t.Context(), bad, blob.S3{}); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%q gave %v", bad, err)
		}
	}
}

func TestFolderFaults(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	if _, err := open(t, filepath.Join(dir, "nowhere"), blob.S3{}).List(ctx, ""); fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("missing folder: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, file, blob.S3{}).List(ctx, ""); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a file as folder: %v", err)
	}
	if err := open(t, file, blob.S3{}).Put(ctx, "a", nil); fault.ClassOf(err) != fault.Usage {
		t.Errorf("write below a file: %v", err)
	}
}

func TestFolderFollowsLinks(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	s := open(t, root, blob.S3{})
	if err := os.WriteFile(filepath.Join(other, "x.csv"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"linked": other, "file.csv": filepath.Join(other, "x.csv"), "dangling": "/no/such", "circle": root} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.List(t.Context(), "")
	if err != nil || len(found) != 2 || found[0].Key != "file.csv" || found[1].Key != "linked/x.csv" {
		t.Fatalf("got %v, %v", found, err)
	}
}

func TestBucketFaults(t *testing.T) {
	location, s3 := blobtest.Bucket(t)
	ctx := t.Context()
	missing := open(t, location+"-missing", s3)
	_, serr := missing.Stat(ctx, "a")
	_, lerr := missing.List(ctx, "")
	_, gerr := missing.Get(ctx, "a")
	for _, err := range []error{serr, lerr, gerr, missing.Put(ctx, "a", nil)} {
		if fault.ClassOf(err) != fault.Usage || errors.Is(err, blob.ErrNotExist) || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("missing bucket: %v (%s)", err, fault.ClassOf(err))
		}
	}
	s3.Endpoint = "http://127.0.0.1:1"
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := open(t, location, s3).Get(ctx, "a"); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("no service: %v (%s)", err, fault.ClassOf(err))
	}
}

// A folder that nothing is synced in keeps all other promises.
func TestFleeting(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s, err := blob.OpenFleeting(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
	if _, err := blob.OpenFleeting("here"); err == nil {
		t.Error("a relative folder is opened")
	}
}
