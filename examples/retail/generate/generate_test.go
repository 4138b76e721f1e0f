package generate

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// contents reads every file below a folder, by its path.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSameBytesHoweverItIsCalled(t *testing.T) {
	once, twice := t.TempDir(), t.TempDir()
	for _, c := range []struct {
		dir      string
		from, to int
	}{{once, 1, 5}, {twice, 1, 4}, {twice, 5, 5}} {
		if err := Days(c.dir, c.from, c.to, 1); err != nil {
			t.Fatal(err)
		}
	}
	a, b := contents(t, once), contents(t, twice)
	if len(a) != 27 {
		t.Errorf("%d files, want 5 days of 5 files, products and truth", len(a))
	}
	if !maps.Equal(a, b) {
		for _, name := range slices.Sorted(maps.Keys(a)) {
			if a[name] != b[name] {
				t.Errorf("%s differs", name)
			}
		}
	}
}

func TestProductsSayTheSameOnDay5(t *testing.T) {
	dir := t.TempDir()
	versions := map[int]string{}
	for _, day := range []int{1, 2, 3, 4, 5} {
		if err := Days(dir, day, day, 1); err != nil {
			t.Fatal(err)
		}
		versions[day] = contents(t, dir)["inbox/products/products.csv"]
	}
	if versions[1] != versions[2] || versions[2] == versions[3] || versions[3] != versions[4] || versions[4] != versions[5] {
		t.Error("the list must change on day 3 and on no other day")
	}
}

// Each count adds up by itself (promise 2), and its records are the file's lines.
func TestTruthAddsUp(t *testing.T) {
	for _, scale := range []int{1, 3} {
		dir := t.TempDir()
		if err := Days(dir, 1, 5, scale); err != nil {
			t.Fatal(err)
		}
		truth, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		files := contents(t, dir)
		after := map[string]int64{}
		for _, d := range truth.Days {
			for table, c := range d.Tables {
				after[table] += c.Inserted
				if taken := c.Inserted + c.Updated; c.Read != taken+c.Rejected+c.Quarantined+c.Superseded+c.Stale {
					t.Errorf("scale %d, day %d, %s: read does not add up: %+v", scale, d.Day, table, c)
				}
				if c.After != after[table] {
					t.Errorf("scale %d, day %d, %s: after is %d, want %d", scale, d.Day, table, c.After, after[table])
				}
				var reasons int64
				for _, n := range c.Reasons {
					reasons += int64(n)
				}
				if reasons != c.Rejected+c.Quarantined {
					t.Errorf("scale %d, day %d, %s: reasons do not add up: %+v", scale, d.Day, table, c)
				}
				if got := records(t, files, table, d.Date); got != c.Read {
					t.Errorf("scale %d, day %d, %s: %d records in the file, want %d", scale, d.Day, table, got, c.Read)
				}
			}
		}
	}
}

// records counts the lines of a table's file of a day, headers not counted.
func records(t *testing.T, files map[string]string, table, date string) int64 {
	t.Helper()
	name := strings.TrimPrefix(table, "raw.")
	for path, data := range files {
		if !strings.HasPrefix(path, "inbox/"+name+"/") || !strings.Contains(path, date) {
			continue
		}
		if strings.HasSuffix(path, ".gz") {
			z, err := gzip.NewReader(strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			var plain bytes.Buffer
			if _, err := plain.ReadFrom(z); err != nil {
				t.Fatal(err)
			}
			data = plain.String()
		}
		n := int64(strings.Count(data, "\n"))
		if strings.HasSuffix(path, ".csv") {
			n--
		}
		return n
	}
	t.Errorf("no file for %s on %s", table, date)
	return -1
}

func TestEveryFaultIsThere(t *testing.T) {
	dir := t.TempDir()
	if err := Days(dir, 1, 5, 1); err != nil {
		t.Fatal(err)
	}
	truth, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]int{}
	var copies, late, stale, updated int64
	for _, d := range truth.Days {
		for _, c := range d.Tables {
			for reason, n := range c.Reasons {
				reasons[reason] += n
			}
			copies, late, stale, updated = copies+c.Copies, late+c.Late, stale+c.Stale, updated+c.Updated
		}
	}
	want := map[string]int{BadDate: 1, NegativeTotal: 1, ShortLine: 1, BadQuantity: 2, CommaTotal: 2, BrokenJSON: 2, NoTime: 1}
	if !maps.Equal(reasons, want) {
		t.Errorf("reasons are %v, want %v", reasons, want)
	}
	if copies != 5*(5+10+4+8) || stale != 9 || late < 900 || updated < 1000 {
		t.Errorf("copies %d, stale %d, late %d, updated %d", copies, stale, late, updated)
	}
}

func TestDriftOnDay5Only(t *testing.T) {
	dir := t.TempDir()
	if err := Days(dir, 4, 5, 1); err != nil {
		t.Fatal(err)
	}
	files := contents(t, dir)
	for date, drifted := range map[string]bool{"2026-03-04": false, "2026-03-05": true} {
		header, _, _ := strings.Cut(files["inbox/orders/"+date+".csv"], "\n")
		if strings.HasSuffix(header, ",channel") != drifted {
			t.Errorf("%s: header %s", date, header)
		}
	}
	if _, ok := files["inbox/orders/2026-03-03.csv"]; ok {
		t.Error("day 3 was not asked for")
	}
}

func TestDaysOutsideTheStoryAreRefused(t *testing.T) {
	for _, c := range [][3]int{{0, 1, 1}, {1, 6, 1}, {3, 2, 1}, {1, 1, 0}} {
		if err := Days(t.TempDir(), c[0], c[1], c[2]); err == nil {
			t.Errorf("days %d to %d at scale %d were made", c[0], c[1], c[2])
		}
	}
}
