// Package blobtest holds the conformance suite every blob.Store passes, and an S3 service to try stores on.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"weir/internal/blob"
	"weir/internal/fault"
)

// Run tries a store that open gives empty for each part of the suite.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Run("put, get, replace", func(t *testing.T) { putGet(t, open(t)) })
	t.Run("ranges", func(t *testing.T) { ranges(t, open(t)) })
	t.Run("absent", func(t *testing.T) { absent(t, open(t)) })
	t.Run("new has one winner", func(t *testing.T) { putNew(t, open(t)) })
	t.Run("files", func(t *testing.T) { files(t, open(t)) })
	t.Run("list", func(t *testing.T) { list(t, open(t)) })
	t.Run("bad keys", func(t *testing.T) { badKeys(t, open(t)) })
	t.Run("cancel", func(t *testing.T) { canceled(t, open(t)) })
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, s blob.Store, key, content string) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	ok(t, err)
	if string(got) != content {
		t.Fatalf("%s holds %q, want %q", key, got, content)
	}
}

func putGet(t *testing.T, s blob.Store) {
	ctx := t.Context()
	for _, content := range []string{"one", "", "two words\x00and bytes\xff"} {
		ok(t, s.Put(ctx, "a/b c/ü=1%20.txt", []byte(content)))
		want(t, s, "a/b c/ü=1%20.txt", content)
		o, err := s.Stat(ctx, "a/b c/ü=1%20.txt")
		ok(t, err)
		if o.Size != int64(len(content)) || o.Key != "a/b c/ü=1%20.txt" || o.Modified.IsZero() {
			t.Fatalf("stat gave %+v", o)
		}
	}
	ok(t, s.Sync(ctx, []string{"a/b c/ü=1%20.txt"}))
	ok(t, s.Delete(ctx, "a/b c/ü=1%20.txt"))
	ok(t, s.Delete(ctx, "a/b c/ü=1%20.txt"))
}

func absent(t *testing.T, s blob.Store) {
	ctx := t.Context()
	ok(t, s.Put(ctx, "folder/there", nil))
	for _, key := range []string{"missing", "folder/missing", "folder"} {
		_, gerr := s.Get(ctx, key)
		if key == "folder" && gerr == nil {
			t.Fatal("a folder is not an object")
		}
		_, serr := s.Stat(ctx, key)
		ferr := s.Fetch(ctx, key, filepath.Join(t.TempDir(), "f"))
		if key == "folder" {
			continue
		}
		for _, err := range []error{gerr, serr, ferr} {
			if !errors.Is(err, blob.ErrNotExist) || fault.ClassOf(err) != fault.Usage {
				t.Errorf("%s: got %v (%s)", key, err, fault.ClassOf(err))
			}
		}
	}
}

func putNew(t *testing.T, s blob.Store) {
	ctx := t.Context()
	const writers = 8
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = s.PutNew(ctx, "locks/one", fmt.Appendf(nil, "writer %d", i)) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("writers %d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, blob.ErrExists):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody won")
	}
	want(t, s, "locks/one", fmt.Sprintf("writer %d", winner))
	found, err := s.List(ctx, "locks/")
	ok(t, err)
	if len(found) != 1 {
		t.Fatalf("temporary objects stayed: %v", found)
	}
}

func files(t *testing.T, s blob.Store) {
	ctx := t.Context()
	for _, size := range []int{0, 1, 100_000, 20 << 20} {
		content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "deep", "er", "to")
		ok(t, os.WriteFile(from, content, 0o600))
		ok(t, s.PutFile(ctx, "data/file", from))
		ok(t, s.Fetch(ctx, "data/file", to))
		got, err := os.ReadFile(to)
		ok(t, err)
		if !bytes.Equal(got, content) {
			t.Fatalf("%d bytes came back as %d different ones", size, len(got))
		}
	}
	if err := s.PutFile(ctx, "x", filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Fatal("a missing local file was stored")
	}
}

func list(t *testing.T, s blob.Store) {
	ctx := t.Context()
	keys := []string{"a/1", "a/2", "a/b/3", "a.x", "ab", "b/c/d/e"}
	for _, k := range keys {
		ok(t, s.Put(ctx, k, []byte(k)))
	}
	for _, c := range []struct {
		prefix string
		want   []string
	}{
		{"", []string{"a.x", "a/1", "a/2", "a/b/3", "ab", "b/c/d/e"}},
		{"a", []string{"a.x", "a/1", "a/2", "a/b/3", "ab"}},
		{"a/", []string{"a/1", "a/2", "a/b/3"}},
		{"a/b", []string{"a/b/3"}},
		{"b/c/d/", []string{"b/c/d/e"}},
		{"nothing/here", nil},
	} {
		found, err := s.List(ctx, c.prefix)
		ok(t, err)
		var got []string
		for _, o := range found {
			got = append(got, o.Key)
			if o.Size != int64(len(o.Key)) {
				t.Errorf("%s has %d bytes", o.Key, o.Size)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("list %q gave %v, want %v", c.prefix, got, c.want)
		}
	}
}

func badKeys(t *testing.T, s blob.Store) {
	for _, key := range []string{"", "/abs", "../up", "a/../../up", "a//b", "a/", "./a", "a\x00b"} {
		if err := s.Put(t.Context(), key, nil); fault.ClassOf(err) != fault.Usage {
			t.Errorf("put %q gave %v", key, err)
		}
		if _, err := s.Get(t.Context(), key); fault.ClassOf(err) != fault.Usage {
			t.Errorf("get %q gave %v", key, err)
		}
	}
}

func canceled(t *testing.T, s blob.Store) {
	ok(t, s.Put(t.Context(), "a", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, gerr := s.Get(ctx, "a")
	_, lerr := s.List(ctx, "")
	for _, err := range []error{gerr, lerr, s.Put(ctx, "a", nil)} {
		if fault.ClassOf(err) != fault.Canceled {
			t.Errorf("got %v (%s)", err, fault.ClassOf(err))
		}
	}
}

func ranges(t *testing.T, s blob.Store) {
	r := s.(blob.Ranger)
	ok(t, s.Put(t.Context(), "a/b", []byte("0123456789")))
	for _, c := range []struct {
		offset, size int64
		want         string
	}{{0, 4, "0123"}, {4, 4, "4567"}, {8, 10, "89"}, {10, 5, ""}} {
		got, err := r.Range(t.Context(), "a/b", c.offset, c.size)
		ok(t, err)
		if string(got) != c.want {
			t.Errorf("%d bytes from %d are %q, want %q", c.size, c.offset, got, c.want)
		}
	}
	if _, err := r.Range(t.Context(), "a/c", 0, 1); !errors.Is(err, blob.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
}
