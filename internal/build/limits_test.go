package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/define"
	"weir/internal/job"
	"weir/internal/lake"
)

func TestLimitText(t *testing.T) {
	for _, c := range []struct {
		limit define.Limit
		want  string
	}{
		{define.Limit{}, "0"},
		{define.Limit{Rows: 12}, "12"},
		{define.Limit{IsRatio: true, Ratio: 0.001}, "0.1%"},
		{define.Limit{IsRatio: true, Ratio: 0.5}, "50%"},
		{define.Limit{Any: true}, "unlimited"},
	} {
		if got := LimitText(c.limit); got != c.want {
			t.Errorf("%+v reads %s, want %s", c.limit, got, c.want)
		}
	}
}

// TestAllowLetsItPass: what a failed build proposes lets the next one through.
func TestAllowLetsItPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 100000).Draw(t, "total")
		n := rapid.Int64Range(1, total).Draw(t, "n")
		text := allow(n, total)
		var l define.Limit
		if percent, ok := strings.CutSuffix(text, "%"); ok {
			l.IsRatio = true
			fmt.Sscan(percent, &l.Ratio)
			l.Ratio /= 100
		} else {
			fmt.Sscan(text, &l.Rows)
		}
		if l.Exceeded(n, total) {
			t.Errorf("%d of %d are over the proposed %s", n, total, text)
		}
	})
	if got := allow(3, 0); got != "3" {
		t.Errorf("3 of nothing: %s", got)
	}
}

func TestMovedKeepsWhatChanges(t *testing.T) {
	from := job.Position{"a": "1", "b": "2", "gone": "3"}
	base, next := moved(from, job.Position{"a": "1", "b": "20", "c": "4", "gone": "3"})
	if want := (job.Position{"b": "2", "c": ""}); !reflect.DeepEqual(base, want) {
		t.Errorf("base %v, want %v", base, want)
	}
	if want := (job.Position{"b": "20", "c": "4"}); !reflect.DeepEqual(next, want) {
		t.Errorf("next %v, want %v", next, want)
	}
	if base, next := moved(from, from); len(base)+len(next) > 0 {
		t.Errorf("nothing moves, but %v becomes %v", base, next)
	}
}

func TestPartitionKeysDiffer(t *testing.T) {
	text := func(s string) *string { return &s }
	fields := []job.PartitionField{{Name: "a"}, {Name: "b"}}
	values := []map[string]*string{
		{"a": nil, "b": nil}, {"a": text("null"), "b": nil}, {"a": text("null;"), "b": nil}, {"a": text(""), "b": nil}, {"a": nil, "b": text("")},
		{"a": text(`";"`), "b": nil}, {"a": text(`"`), "b": text(`"`)}, {"a": text(`";null;"`), "b": text("x")}, {"a": text("1"), "b": text("2")}, {"a": text("2"), "b": text("1")},
	}
	seen := map[string]int{}
	for i, v := range values {
		key := partitionKey(fields, v)
		if other, twice := seen[key]; twice {
			t.Errorf("partitions %d and %d have one key, %s", other, i, key)
		}
		seen[key] = i
		if again := partitionKey(fields, map[string]*string{"a": v["a"], "b": v["b"], "c": text("not a field")}); again != key {
			t.Errorf("one partition has keys %s and %s", key, again)
		}
	}
}

func TestWhySource(t *testing.T) {
	is := state{table: &lake.Table{}}
	for _, c := range []struct {
		splits, changed int
		gone            bool
		task            Task
		st              state
		want            string
	}{
		{2, 0, false, Task{Full: true}, is, "full read of 2 files"},
		{0, 0, false, Task{}, state{}, "first build, nothing to read yet"},
		{1, 0, false, Task{}, state{}, "first build, 1 file"},
		{0, 0, false, Task{}, is, "nothing new"},
		{0, 0, true, Task{}, is, "files are gone"},
		{3, 2, true, Task{}, is, "3 files, 2 of them changed"},
		{3, 0, true, Task{}, is, "3 files new"},
		{3, 0, true, Task{Table: &define.Table{Mode: define.Replace}}, is, "read again, 3 files"},
	} {
		if c.task.Table == nil {
			c.task.Table = &define.Table{Mode: define.Append}
		}
		if got := whySource(c.splits, c.changed, c.gone, c.task, c.st); got != c.want {
			t.Errorf("%d splits, %d changed, gone %t: %q, want %q", c.splits, c.changed, c.gone, got, c.want)
		}
	}
}

func TestFirstNullOfAKey(t *testing.T) {
	if got, want := first([]string{"a", `b"c`}), `CASE WHEN "a" IS NULL THEN 'a' WHEN "b""c" IS NULL THEN 'b"c' END`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNumbersAsText(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:      `{}`,
		`{"a":1}`: `{"a":"1"}`,
		`{"a":-1.50e+10,"b":[1,2.0,null,true],"c":{"d":0}}`: `{"a":"-1.50e+10","b":["1","2.0",null,true],"c":{"d":"0"}}`,
		`{"a":[NaN,-Infinity],"b":Infinity,"c":"NaN"}`:      `{"a":["NaN","-Infinity"],"b":"Infinity","c":"NaN"}`,
		`{"a":1`: `{"a":"1"`, `"`: `"`, `"\\`: `"\\`, `-`: `"-"`,
		`{"1":"2","a\"3":"4\\"}`: `{"1":"2","a\"3":"4\\"}`,
	} {
		if got := numbersAsText(in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

// FuzzNumbersAsText: valid JSON stays valid, without numbers, and otherwise the same.
func FuzzNumbersAsText(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `[-1.5e3,"x\"1",null]`, `"\\"`, `{"é":"日本 12"}`, `0`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if !json.Valid([]byte(in)) {
			t.Skip()
		}
		out := numbersAsText(in)
		if got, want := textsOf(t, out), textsOf(t, in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s becomes %s", in, out)
		}
	})
}

// textsOf are the tokens of JSON with numbers as texts.
func textsOf(t *testing.T, text string) (out []string) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		out = append(out, fmt.Sprint(token))
	}
}
