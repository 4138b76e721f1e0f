package files

import (
	"fmt"
	"slices"
	"strings"

	"weir/internal/job"
	"weir/internal/source"
	"weir/internal/source/files/evidence"
	"weir/internal/source/files/layout"
)

// typeOf is the type of a column and what speaks for it.
func (s *sampled) typeOf(c *sampledColumn) evidence.Verdict {
	if c.fixed != nil {
		return *c.fixed
	}
	return c.Decide(s.whole)
}

// report writes down what the sample showed.
func (s *sampled) report(t source.Surveyed) source.Surveyed {
	for _, e := range s.members {
		t.Parts++
		t.Bytes += e.Size
	}
	verdicts := s.verdicts()
	folders := s.folders(&t)
	for i, c := range s.columns {
		if indexSurveyed(folders, c.Name) >= 0 {
			s.doubts = append(s.doubts, fmt.Sprintf("%s is a column of the files and a folder; the files' own is taken", c.Name))
			folders = slices.DeleteFunc(folders, func(f source.SurveyedColumn) bool { return strings.EqualFold(f.Name, c.Name) })
		}
		t.Columns = append(t.Columns, s.columnReport(c, verdicts[i]))
	}
	t.Columns = append(t.Columns, folders...)
	t.Rows, t.Whole, t.Keys, t.Bad, t.BadAt = s.rows, s.whole, s.found, s.bad, s.badAt
	t.Advice = s.advice()
	if len(t.Columns) > 0 {
		s.remarks()
	}
	t.Format = s.formatText()
	t.Options = append(t.Options, s.options...)
	t.Doubts = append(t.Doubts, s.doubts...)
	t.Breaks = s.breaks
	t.Reader = s.readerOf(t.Columns)
	return t
}

// readerOf is a reader with all that was found.
func (s *sampled) readerOf(cols []source.SurveyedColumn) *Reader {
	r := *s.reader
	r.columns = nil
	for _, c := range cols {
		r.columns = append(r.columns, job.Column{Name: c.Name, Type: c.Type})
	}
	return &r
}

func indexSurveyed(cols []source.SurveyedColumn, name string) int {
	return slices.IndexFunc(cols, func(c source.SurveyedColumn) bool { return strings.EqualFold(c.Name, name) })
}

// verdicts are the columns' types. Options that hold for all columns are settled here: a text that stands for null, the
// format of dates. Where a column would lose by one, the column that needs it is text.
func (s *sampled) verdicts() []evidence.Verdict {
	out := make([]evidence.Verdict, len(s.columns))
	for i, c := range s.columns {
		out[i] = s.typeOf(c)
	}
	if s.claim != nil || s.format() == formatParquet {
		return out
	}
	s.settleNulls(out)
	s.settleFormat(out, "date_format", func(v *evidence.Verdict) *string { return &v.DateFormat }, &s.reader.DateFormat, "DATE")
	s.settleFormat(out, "timestamp_format", func(v *evidence.Verdict) *string { return &v.TimestampFormat }, &s.reader.TimestampFormat, "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
	return out
}

// settleNulls declares the texts that stand for null in columns of numbers and times, but none that a text column has, too:
// there it may be a word.
func (s *sampled) settleNulls(verdicts []evidence.Verdict) {
	words := map[string]string{}
	for i, v := range verdicts {
		if v.Type != "VARCHAR" {
			continue
		}
		for _, token := range s.columns[i].Tokens() {
			words[token] = s.columns[i].Name
		}
	}
	var nulls []string
	for i := range verdicts {
		v := &verdicts[i]
		for _, token := range v.Null {
			if other, taken := words[token]; taken && token != `\N` {
				v.Type, v.DateFormat, v.TimestampFormat = "VARCHAR", "", ""
				v.Doubt = fmt.Sprintf("%q may stand for null, but is a value of %s, too; null_values would take both", token, other)
				break
			}
		}
		if v.Type == "VARCHAR" {
			continue
		}
		for _, token := range v.Null {
			if !slices.Contains(nulls, token) {
				nulls = append(nulls, token)
			}
		}
	}
	if len(nulls) > 0 {
		slices.Sort(nulls)
		s.reader.NullValues = nulls
		s.option(source.Option{Key: "null_values", Value: nulls, List: true})
	}
}

// settleFormat declares a format where all columns of its types are written by it; a table has one.
func (s *sampled) settleFormat(verdicts []evidence.Verdict, key string, of func(*evidence.Verdict) *string, to *string, types ...string) {
	format := ""
	for i := range verdicts {
		v := &verdicts[i]
		f := of(v)
		if !slices.Contains(types, v.Type) {
			continue
		}
		if format == "" && *f != "" && !slices.ContainsFunc(verdicts, func(v evidence.Verdict) bool { return slices.Contains(types, v.Type) && *of(&v) == "" }) {
			format = *f
		}
		if *f != "" && *f != format {
			v.Type = "VARCHAR"
			v.Doubt = fmt.Sprintf("written %s, while other columns are written otherwise; a table has one %s", *f, key)
		}
	}
	if format != "" {
		*to = format
		s.option(source.Option{Key: key, Value: []string{format}})
	}
}

func (s *sampled) columnReport(c *sampledColumn, v evidence.Verdict) source.SurveyedColumn {
	out := source.SurveyedColumn{Name: c.Name, Type: v.Type, Why: v.Why}
	if v.Doubt != "" && (s.claim == nil || c.declared == "") {
		doubt := c.Name + ": " + v.Doubt
		if v.At != nil {
			doubt += " (" + s.place(*v.At) + ")"
		}
		s.doubts = append(s.doubts, doubt)
	}
	if c.first > 0 {
		out.Late = s.sample[c.first].Key
	}
	if c.last < len(s.sample)-1 {
		out.Gone = s.sample[c.last+1].Key
	}
	if c.misfit.Count > 0 {
		m := c.misfit
		m.Of = s.rows - c.Empty()
		out.Misfit = &m
	}
	return out
}

// remarks are what was not sure of the whole.
func (s *sampled) remarks() {
	if s.bad > 0 && s.claim == nil {
		s.doubts = append(s.doubts, fmt.Sprintf("%s would be rejected, the first at %s; max_rejects says how many may be", plural(s.bad, "record"), s.badAt))
	}
	if s.notUTF8 > 0 && s.reader.Encoding == "" {
		s.doubts = append(s.doubts, plural(s.notUTF8, "line")+" of mostly UTF-8 text are not; they would be rejected")
	}
	if len(s.columns) >= mostColumns {
		s.doubts = append(s.doubts, "there are more columns than "+evidence.Count(mostColumns)+"; those are all that were looked at")
	}
	if !s.whole {
		s.doubts = append(s.doubts, fmt.Sprintf("%s of %d of %s were read: a value that was not may not fit", plural(s.rows, "row"), len(s.sample), plural(int64(len(s.members)), "file")))
	}
	if s.format() == formatJSON && s.rows == int64(len(s.sample)) && s.rows > 0 {
		for _, c := range s.columns {
			if strings.HasPrefix(s.typeOf(c).Type, "STRUCT") && strings.HasSuffix(s.typeOf(c).Type, "[]") {
				s.doubts = append(s.doubts, "each file is one record; the rows may be the elements of "+c.Name)
				break
			}
		}
	}
}

// folders are the partition folders; those named key=value are columns.
func (s *sampled) folders(t *source.Surveyed) (out []source.SurveyedColumn) {
	keys := make([]string, len(s.members))
	for i, e := range s.members {
		keys[i] = e.Key
	}
	hive := &scan{files: &files{reader: s.reader}}
	values := map[string][]string{}
	for _, key := range keys {
		for _, k := range hive.hiveKeys(key) {
			values[k.name] = append(values[k.name], k.value)
		}
	}
	for _, f := range layout.Folders(keys) {
		slices.Sort(f.Values)
		r := source.Folder{Name: f.Unit, Values: len(f.Values), First: f.Values[0], Last: f.Values[len(f.Values)-1]}
		if all, ok := values[f.Key]; f.Key != "" && ok {
			r.Name, r.Column, r.Type = f.Key, true, folderType(f.Key, all)
			out = append(out, s.folderColumn(r, all))
		} else if f.Key != "" {
			continue // hive: false
		}
		t.Folders = append(t.Folders, r)
	}
	return out
}

func (s *sampled) folderColumn(r source.Folder, values []string) source.SurveyedColumn {
	c := source.SurveyedColumn{Name: r.Name, Type: r.Type, Folder: true, Why: fmt.Sprintf("of folders, %s", plural(int64(r.Values), "value"))}
	known := s.newColumn(r.Name, 0)
	if known.typ == nil {
		return c
	}
	for _, v := range values {
		if v == hiveNull {
			continue
		}
		if _, ok := known.typ.fits(v); !ok {
			if c.Misfit == nil {
				c.Misfit = &source.Misfit{Of: int64(len(values)), Example: v, Place: "folder " + r.Name + "=" + v}
			}
			c.Misfit.Count++
		}
	}
	return c
}

// folderType is the type of a folder's values. Parts of dates are numbers, though written 01.
func folderType(key string, values []string) string {
	most := map[string]int{"year": 9999, "yyyy": 9999, "month": 12, "mm": 12, "day": 31, "dd": 31, "hour": 23, "hh": 23, "minute": 59, "week": 53, "quarter": 4}[strings.ToLower(key)]
	if most > 0 && !slices.ContainsFunc(values, func(v string) bool {
		n := 0
		if v == "" || len(v) > 4 || strings.Trim(v, "0123456789") != "" {
			return true
		}
		for _, c := range v {
			n = n*10 + int(c-'0')
		}
		return n > most
	}) {
		return "BIGINT"
	}
	return hiveType(values)
}

// formatText is the format for a person: csv, gzip.
func (s *sampled) formatText() string {
	formats, packed := map[string]bool{}, map[string]bool{}
	for _, e := range s.members {
		formats[s.formatOf(e)], packed[e.compression] = true, true
	}
	text := strings.Join(sortedNames(formats), " and ")
	switch {
	case len(packed) > 1:
		text += ", " + strings.ReplaceAll(strings.Join(sortedNames(packed), " and "), "none", "unpacked")
	case !packed["none"]:
		text += ", " + strings.Join(sortedNames(packed), "")
	}
	return text
}

func sortedNames(set map[string]bool) (out []string) {
	for n := range set {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
