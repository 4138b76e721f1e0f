package lake

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
)

// CompactOptions say which files are worth rewriting.
type CompactOptions struct {
	FileBytes  int64    // target size of a data file; those below half of it are small
	GroupBytes int64    // bytes of files that are rewritten at once, about
	Sort       []string // SQL order terms the rows of each file should stand in; nil for any order
}

// What makes a file worth rewriting.
const (
	fewFiles    = 5    // so many small files of a partition are worth joining
	fewDeletes  = 5    // so many delete files of one data file slow every reader down
	deleteShare = 0.05 // of a file's rows; fewer rows taken out are left for later
)

// Group is a set of live data files of one partition that are rewritten together.
type Group struct {
	Files     []DataFile
	Partition map[string]*string // of all files, and of the files to come; nil where Spread
	// Spread says that the files were partitioned otherwise than new ones are: their rows may go to many partitions.
	Spread bool
	// Files by what makes them worth rewriting; a file may count for several.
	Small, Pruned, Unsorted, Moved int
	Bytes                          int64 // of all files

	state []string // what deletes rows of each file, as it was planned
}

// Paths are the locations of the group's files.
func (g Group) Paths() []string {
	out := make([]string, len(g.Files))
	for i, f := range g.Files {
		out[i] = f.Path
	}
	return out
}

// Compaction finds the files worth rewriting, in groups of one partition each: files below half of the target size where a
// partition has several, files that delete files take rows out of, files in another order than asked for, and files that are
// partitioned as the table no longer is. After they were rewritten it finds none of this again.
func (t *Table) Compaction(ctx context.Context, o CompactOptions) ([]Group, error) {
	live, err := t.liveFiles(ctx)
	if err != nil {
		return nil, err
	}
	parts := map[string]*part{}
	var order []string
	for _, f := range live {
		c, err := t.candidate(f, o)
		if err != nil {
			return nil, fmt.Errorf("compaction of %s: %w", t.name, err)
		}
		key := fmt.Sprint(c.file.Spec) + partitionText(c.file.Partition)
		if parts[key] == nil {
			parts[key] = &part{}
			order = append(order, key)
		}
		parts[key].add(c)
	}
	var out []Group
	for _, key := range order {
		out = append(out, parts[key].groups(o)...)
	}
	return out, nil
}

func partitionText(p map[string]*string) string {
	var b strings.Builder
	names := make([]string, 0, len(p))
	for name := range p {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if p[name] == nil {
			fmt.Fprintf(&b, "|%q", name)
			continue
		}
		fmt.Fprintf(&b, "|%q=%q", name, *p[name])
	}
	return b.String()
}

// candidate is a live file and what speaks for rewriting it.
type candidate struct {
	file                           DataFile
	state                          string
	small, pruned, unsorted, moved bool
}

func (c candidate) must() bool { return c.pruned || c.unsorted || c.moved }

func (t *Table) candidate(f liveFile, o CompactOptions) (c candidate, err error) {
	if c.file, err = t.dataFile(f); err != nil {
		return c, err
	}
	sorted, err := t.sortedAs(f.data, o.Sort)
	c.state = deleteKey(f)
	c.small = 2*c.file.Bytes < o.FileBytes
	c.pruned = worthPruning(f)
	c.unsorted = !sorted
	spec := t.ice.Spec()
	c.moved = c.file.Spec != spec.ID()
	return c, err
}

// worthPruning says whether delete files slow down the reading of a data file enough. How many rows equality deletes take out
// of one file is not known, but they are compared with every row of it.
func worthPruning(f liveFile) bool {
	var rows int64
	for _, d := range f.position {
		rows += d.Count()
	}
	return len(f.equality) > 0 || len(f.position) >= fewDeletes || float64(rows) >= deleteShare*float64(f.data.Count()) && rows > 0
}

// part are the candidates of one partition.
type part struct {
	must, small []candidate
	smallBytes  int64
}

func (p *part) add(c candidate) {
	switch {
	case c.must():
		p.must = append(p.must, c)
	case c.small:
		p.small = append(p.small, c)
		p.smallBytes += c.file.Bytes
	}
}

// groups packs what is worth rewriting. Small files join what is rewritten anyway; alone they are rewritten where they are
// several, or enough for a whole file.
func (p *part) groups(o CompactOptions) []Group {
	chosen := p.must
	if len(p.must) > 0 || len(p.small) >= fewFiles || len(p.small) > 1 && p.smallBytes >= o.FileBytes {
		chosen = append(chosen, p.small...)
	}
	var out []Group
	for _, c := range chosen {
		last := len(out) - 1
		if last < 0 || out[last].Bytes+c.file.Bytes > o.GroupBytes {
			out = append(out, Group{Partition: c.file.Partition, Spread: c.moved})
			last++
		}
		out[last].add(c)
	}
	if n := len(out); n > 1 && len(out[n-1].Files) == 1 && out[n-1].Small == 1 && !out[n-1].worth() {
		out = out[:n-1] // a single small file would be written again as it is
	}
	for i := range out {
		if out[i].Spread {
			out[i].Partition = nil
		}
	}
	return out
}

func (g Group) worth() bool { return g.Pruned+g.Unsorted+g.Moved > 0 }

func (g *Group) add(c candidate) {
	count := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	g.Files = append(g.Files, c.file)
	g.Bytes += c.file.Bytes
	g.state = append(g.state, c.state)
	count(&g.Small, c.small)
	count(&g.Pruned, c.pruned)
	count(&g.Unsorted, c.unsorted)
	count(&g.Moved, c.moved)
}

// Holds says whether a group that was planned on another version is what this version of the table has: all of its files are
// live, and no row was deleted from them since.
func (t *Table) Holds(ctx context.Context, g Group) (bool, error) {
	live, err := t.liveFiles(ctx)
	if err != nil {
		return false, err
	}
	state := make(map[string]string, len(live))
	for _, f := range live {
		state[f.data.FilePath()] = deleteKey(f)
	}
	for i, f := range g.Files {
		if now, ok := state[f.Path]; !ok || now != g.state[i] {
			return false, nil
		}
	}
	return true, nil
}

// Unpublished are the branches that can still be published: main has not moved since they left it. A compaction would be such a
// move.
func (t *Table) Unpublished() (out []string) {
	if t.snap == nil {
		return nil
	}
	for _, b := range t.Branches() {
		if t.real.Properties()[branchLedger(b.Name)] == "" {
			continue // another tool's, which Weir does not publish
		}
		for s := t.real.SnapshotByID(b.Snapshot); s != nil; s = t.real.SnapshotByID(*s.ParentSnapshotID) {
			if s.SnapshotID == t.snap.SnapshotID {
				out = append(out, b.Name)
			}
			if s.ParentSnapshotID == nil {
				break
			}
		}
	}
	return out
}

// deadDeletes are delete files of the snapshot that take rows out of no live data file: what they deleted from was rewritten.
func (t *Table) deadDeletes(ctx context.Context) ([]iceberg.DataFile, error) {
	live, err := t.liveFiles(ctx)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, f := range live {
		for _, d := range append(slices.Clone(f.position), f.equality...) {
			used[d.FilePath()] = true
		}
	}
	fio, err := t.ice.FS(ctx)
	if err != nil {
		return nil, err
	}
	manifests, err := t.snap.Manifests(fio)
	if err != nil {
		return nil, damaged("manifest list", t.snap.ManifestList, err)
	}
	var dead []iceberg.DataFile
	for _, m := range manifests {
		if m.ManifestContent() != iceberg.ManifestContentDeletes {
			continue
		}
		for e, err := range m.Entries(fio, true) {
			if err != nil {
				return nil, damaged("manifest", m.FilePath(), err)
			}
			if d := e.DataFile(); !used[d.FilePath()] {
				used[d.FilePath()] = true
				dead = append(dead, d)
			}
		}
	}
	return dead, nil
}
