package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/internal/blob/blobtest"
	"weir/internal/source"
	"weir/internal/source/sourcetest"
)

// fixture is a folder or bucket of CSV and NDJSON files: 6 records, 2 of them bad, one of them only for a careful eye.
func fixture(t *testing.T, config *Config) sourcetest.Fixture {
	env := source.Env{Root: t.TempDir(), Scratch: t.TempDir()}
	o, err := config.Open(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	store := o.(*opened).store
	write := func(t *testing.T, key, text string) {
		if err := store.Put(t.Context(), key, pack(t, key, text)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "a/1.csv", "id,total\n1,1.50\nx,1\n")
	write(t, "a/2.csv.gz", "id,total\n2,2.50\n")
	write(t, "b/3.ndjson", `{"id":3,"total":3.5}`+"\n"+`{"id":4,"total":1.239}`+"\n"+`{"id":5}`)
	write(t, "other.txt", "no")
	of := func(path string) source.Source {
		r := &Reader{Path: path}
		r.SetColumns(cols("id", "BIGINT", "total", "DECIMAL(12,2)"))
		s, err := o.Dataset(r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	f := sourcetest.Fixture{
		Source: of("?/**"), Missing: of("nowhere/*.csv"), Records: 6, Bad: 2,
		Engine: func(t *testing.T) source.Engine { return newEngine(t) },
		Change: func(t *testing.T, split string) int64 {
			write(t, split, "id,total\n7,7\n8,8\n9,9\n")
			return 3
		},
		Add: func(t *testing.T) (string, int64) {
			write(t, "c/9.csv", "id,total\n10,10\n")
			return "c/9.csv", 1
		},
		Remove: func(t *testing.T, split string) {
			if err := store.Delete(t.Context(), split); err != nil {
				t.Fatal(err)
			}
		},
		Touch: func(t *testing.T, split string) {
			data, err := store.Get(t.Context(), split)
			if err == nil {
				err = store.Put(t.Context(), split, data)
			}
			if path, ok := store.LocalPath(split); ok && err == nil {
				err = os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour))
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
	return f
}

func TestConformanceFolder(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture {
		return fixture(t, &Config{Path: filepath.Join(t.TempDir(), "in box")})
	})
}

func TestConformanceBucket(t *testing.T) {
	location, s3 := blobtest.Bucket(t)
	n := 0
	sourcetest.Run(t, func(t *testing.T) sourcetest.Fixture {
		n++
		return fixture(t, &Config{Path: location + "/" + string(rune('a'+n)), Endpoint: s3.Endpoint, Region: s3.Region, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey})
	})
}
