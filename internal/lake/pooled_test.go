package lake

import (
	"testing"

	"github.com/apache/iceberg-go"
)

// Position deletes are looked up together only where each is for all of the files that it names.
func TestPooledDeletes(t *testing.T) {
	file := func(content iceberg.ManifestEntryContent, path, low, high string) iceberg.DataFile {
		b, err := iceberg.NewDataFileBuilder(*iceberg.UnpartitionedSpec, content, path, iceberg.ParquetFile, nil, nil, nil, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if low != "" {
			b.LowerBoundValues(map[int][]byte{pathField: []byte(low)}).UpperBoundValues(map[int][]byte{pathField: []byte(high)})
		}
		return b.Build()
	}
	data := func(path string, position ...iceberg.DataFile) liveFile {
		return liveFile{data: file(iceberg.EntryContentData, path, "", ""), position: position}
	}
	deletes := func(path, low, high string) iceberg.DataFile {
		return file(iceberg.EntryContentPosDeletes, path, low, high)
	}
	ofA, ofB, both, untold := deletes("1", "a", "a"), deletes("2", "b", "b"), deletes("3", "a", "b"), deletes("4", "", "")
	for name, c := range map[string]struct {
		live []liveFile
		want bool
	}{
		"each its own":              {[]liveFile{data("a", ofA), data("b", ofB), data("c")}, true},
		"one of both":               {[]liveFile{data("a", both), data("b", both, ofB), data("c")}, true},
		"added again after its own": {[]liveFile{data("a"), data("b", ofB), data("c", ofA)}, false},
		"added again after one":     {[]liveFile{data("a", both), data("b")}, false},
		"no bounds, of all":         {[]liveFile{data("a", untold), data("b", untold)}, true},
		"no bounds, not of all":     {[]liveFile{data("a", untold), data("b")}, false},
	} {
		if got := pooled(c.live); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
