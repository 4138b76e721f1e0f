package quality

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/dqdl"
	"weir/internal/fault"
)

// listing finds the files that a rule is about.
type listing struct {
	files  Files
	path   string
	uri    *regexp.Regexp // of those whose path it is found in; nil for all
	recent int            // so many of the latest; 0 for all
}

func (c *compiler) listing(r *dqdl.Rule, param int) (listing, error) {
	if c.Files == nil {
		return listing{}, unanswered{fault.New(fault.Usage, "rules about files are not judged here").WithHint("weir quality eval judges them")}
	}
	l := listing{files: c.Files}
	if param < len(r.Params) {
		l.path = r.Params[param].Value()
	}
	if text, given := r.Tag("uriRegex"); given {
		var err error
		if l.uri, err = regexp.Compile(text); err != nil {
			return l, badPattern(err)
		}
	}
	if text, given := r.Tag("recentFiles"); given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return l, fault.New(fault.Usage, "recentFiles: %q is not a number of files", text)
		}
		l.recent = n
	}
	return l, nil
}

func (l listing) list(ctx context.Context) ([]File, error) {
	files, err := l.files.List(ctx, l.path)
	if err != nil {
		return nil, err
	}
	if l.uri != nil {
		files = slices.DeleteFunc(files, func(f File) bool { return !l.uri.MatchString(f.Path) })
	}
	slices.SortStableFunc(files, func(a, b File) int {
		return cmp.Or(b.Modified.Compare(a.Modified), strings.Compare(a.Path, b.Path))
	})
	if l.recent > 0 {
		files = files[:min(l.recent, len(files))]
	}
	return files, nil
}

// withFiles gives a leaf a judge of files. That there are none, or that they cannot be read, makes the rule fail.
func (l *leaf) withFiles(from listing, judge func(context.Context, []File) (verdict, error)) {
	l.judge = func(ctx context.Context, _ *pass) (verdict, error) {
		files, err := from.list(ctx)
		if err == nil && len(files) == 0 {
			return verdict{reason: "there are no files", metrics: map[string]float64{fileCount: 0}}, nil
		}
		var v verdict
		if err == nil {
			v, err = judge(ctx, files)
		}
		if err != nil && ctx.Err() == nil {
			return verdict{reason: err.Error()}, nil
		}
		return v, err
	}
}

const fileCount = "Dataset.*.FileCount"

// compliance judges the share of files that satisfy a condition: all of them, or what a threshold wants.
func (l *leaf) compliance(ctx context.Context, name string, files []File, ok func(File) bool) verdict {
	var bad []string
	for _, f := range files {
		if !ok(f) {
			bad = append(bad, f.Path)
		}
	}
	n := float64(len(files))
	ratio := (n - float64(len(bad))) / n
	v := verdict{passed: len(bad) == 0}
	if !v.passed {
		v.reason = fmt.Sprintf("%d of %d files do not satisfy it, such as %s", len(bad), len(files), bad[0])
	}
	if l.rule.Threshold != nil {
		v = l.threshold(ctx, name, ratio)
	}
	v.metrics = map[string]float64{name: ratio, fileCount: n}
	return v
}

// fileFreshness judges when files were last written.
func fileFreshness(c *compiler, l *leaf) error {
	from, err := c.listing(l.rule, 0)
	if err != nil {
		return err
	}
	cond, ok := l.rule.Condition.(*dqdl.DateCondition)
	if !ok {
		return noAnalyzer(l)
	}
	zone := time.UTC
	if name, given := l.rule.Tag("timeZone"); given {
		if zone, err = time.LoadLocation(name); err != nil {
			return fault.New(fault.Usage, "time zone: %w", err)
		}
	}
	var at []float64
	for _, m := range cond.Operands {
		t, err := m.At(c.Now, zone)
		if err != nil {
			return fault.New(fault.Usage, "%w", err)
		}
		at = append(at, unixSeconds(t))
	}
	l.withFiles(from, func(ctx context.Context, files []File) (verdict, error) {
		return l.compliance(ctx, "Dataset.*.FileFreshness.Compliance", files, func(f File) bool {
			return dqdl.Compare(cond.Op, unixSeconds(f.Modified), at)
		}), nil
	})
	return nil
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// fileSize judges how large files are.
func fileSize(c *compiler, l *leaf) error {
	from, err := c.listing(l.rule, 0)
	if err != nil {
		return err
	}
	cond, ok := l.rule.Condition.(*dqdl.SizeCondition)
	if !ok {
		return noAnalyzer(l)
	}
	l.withFiles(from, func(ctx context.Context, files []File) (verdict, error) {
		v := l.compliance(ctx, "Dataset.*.FileSize.Compliance", files, func(f File) bool { return cond.Holds(f.Bytes) })
		bySize := func(a, b File) int { return cmp.Compare(a.Bytes, b.Bytes) }
		v.metrics["Dataset.*.MinimumFileSize"] = float64(slices.MinFunc(files, bySize).Bytes)
		v.metrics["Dataset.*.MaximumFileSize"] = float64(slices.MaxFunc(files, bySize).Bytes)
		return v, nil
	})
	return nil
}

// digests gives the files of each content.
func digests(ctx context.Context, from Files, files []File, algorithm string) (map[string][]string, error) {
	all := map[string][]string{}
	for _, f := range files {
		h, err := from.Hash(ctx, f, algorithm)
		if err != nil {
			return nil, err
		}
		all[h] = append(all[h], f.Path)
	}
	return all, nil
}

// fileUniqueness is the share of files whose content no other file has.
func fileUniqueness(c *compiler, l *leaf) error {
	from, err := c.listing(l.rule, 0)
	if err != nil {
		return err
	}
	l.withFiles(from, func(ctx context.Context, files []File) (verdict, error) {
		contents, err := digests(ctx, c.Files, files, "SHA-256")
		if err != nil {
			return verdict{}, err
		}
		once := 0
		for _, same := range contents {
			if len(same) == 1 {
				once++
			}
		}
		v := l.metric(ctx, "Dataset.*.FileUniquenessRatio", float64(once)/float64(len(files)))
		v.metrics[fileCount] = float64(len(files))
		return v, nil
	})
	return nil
}

// fileMatch compares the content of files with digests, or with the files of another path.
func fileMatch(c *compiler, l *leaf) error {
	from, err := c.listing(l.rule, 0)
	if err != nil {
		return err
	}
	algorithm := "SHA-256"
	if text, given := l.rule.Tag("hashAlgorithm"); given {
		algorithm = strings.ToUpper(text)
	}
	if algorithm != "SHA-256" && algorithm != "SHA-1" && algorithm != "MD5" {
		return fault.New(fault.Usage, "hashAlgorithm: %q is not known", algorithm).WithHint("SHA-256, SHA-1 or MD5")
	}
	if len(l.rule.Params) == 2 {
		to, err := c.listing(l.rule, 1)
		if err != nil {
			return err
		}
		l.withFiles(from, func(ctx context.Context, files []File) (verdict, error) { return alike(ctx, to, files) })
		return nil
	}
	cond, ok := l.rule.Condition.(*dqdl.StringCondition)
	if !ok {
		return noAnalyzer(l)
	}
	_, wanted := cond.Values()
	for i := range wanted {
		wanted[i] = strings.ToLower(wanted[i])
	}
	l.withFiles(from, func(ctx context.Context, files []File) (verdict, error) {
		v := verdict{passed: true, metrics: map[string]float64{fileCount: float64(len(files))}}
		for _, f := range files {
			h, err := c.Files.Hash(ctx, f, algorithm)
			if err != nil {
				return v, err
			}
			in := slices.Contains(wanted, h)
			if in == (cond.Op == dqdl.NotEqual || cond.Op == dqdl.NotIn) {
				v.passed, v.reason = false, "the digest of "+f.Path+" is "+h
				return v, nil
			}
		}
		return v, nil
	})
	return nil
}

// alike wants two lists of files to have the same contents, each as often.
func alike(ctx context.Context, to listing, files []File) (verdict, error) {
	v := verdict{metrics: map[string]float64{fileCount: float64(len(files))}}
	theirs, err := to.list(ctx)
	if err != nil {
		return v, err
	}
	a, err := digests(ctx, to.files, files, "SHA-256")
	if err != nil {
		return v, err
	}
	b, err := digests(ctx, to.files, theirs, "SHA-256")
	if err != nil {
		return v, err
	}
	for h, same := range a {
		if len(b[h]) != len(same) {
			v.reason = same[0] + " has no counterpart"
			return v, nil
		}
	}
	if len(files) != len(theirs) {
		v.reason = fmt.Sprintf("there are %d files and %d", len(files), len(theirs))
		return v, nil
	}
	v.passed = true
	return v, nil
}
