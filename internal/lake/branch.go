package lake

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"weir/internal/fault"
	"weir/internal/lake/commit"
)

var branchForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$`)

// Branch is the lake as a branch has it: a table that has the branch is what the branch made of it, any other is main's, and
// what is committed goes to the branch alone, which starts at main where a table does not have it yet. Readers of main see
// nothing of that. It is closed with the lake it comes from.
func (l *Lake) Branch(name string) (*Lake, error) {
	if !branchForm.MatchString(name) || name == table.MainBranch {
		return nil, fault.New(fault.Usage, "%q cannot be the name of a branch", name).WithHint("letters, digits, _, -, . and /; main is what everyone reads")
	}
	return &Lake{store: l.store, root: l.root, catalog: l.catalog, state: l.state, reads: l.reads, branch: name,
		stages: map[string]*Stage{}, withIDs: map[string]bool{}}, nil
}

// BranchName is the branch the lake is seen on, "" for main.
func (l *Lake) BranchName() string { return l.branch }

// branchLedger is the property that names the ledger of a branch's latest commit, as weir.ledger does for main.
func branchLedger(branch string) string { return summaryLedger + "." + branch }

// viewed is a version as a branch has it: as if the branch were main. ok is false where the version does not have the branch.
func viewed(ice *table.Table, branch string) (view *table.Table, ok bool, err error) {
	meta := ice.Metadata()
	for name, ref := range meta.Refs() {
		if name != branch {
			continue
		}
		if ref.SnapshotRefType != table.BranchRef {
			return nil, false, fault.New(fault.Usage, "%s is a tag of the table, not a branch", branch)
		}
		s := meta.SnapshotByID(ref.SnapshotID)
		if s == nil {
			return nil, false, fault.New(fault.Data, "the snapshot %d of branch %s has expired", ref.SnapshotID, branch).
				WithHint("weir branch drop %s takes the branch away", branch)
		}
		updates := append(pointedAt(meta, *s), ledgerNamed(meta, summaryLedger, meta.Properties()[branchLedger(branch)])...)
		as, err := table.UpdateTableMetadata(meta, updates, "")
		if err != nil {
			return nil, false, fmt.Errorf("see branch %s: %w", branch, err)
		}
		return table.New(ice.Identifier(), as, ice.MetadataLocation(), ice.FS, nil), true, nil
	}
	return ice, false, nil
}

// toBranch turns updates that would move main into those that move the lake's branch and leave main as it is. real is the
// version as it lies in the catalog, nil for a new table; view the one the updates were made for; after what they make of it.
func (l *Lake) toBranch(real, view, after table.Metadata, updates []table.Update) []table.Update {
	if l.branch == "" {
		return updates
	}
	var out []table.Update
	if real != nil {
		out = setupOf(view)
	}
	for _, u := range updates {
		if u.Action() != table.UpdateSetSnapshotRef {
			out = append(out, u)
		}
	}
	out = append(out, table.NewSetSnapshotRefUpdate(l.branch, after.CurrentSnapshot().SnapshotID, table.BranchRef, 0, 0, 0),
		table.NewSetPropertiesUpdate(iceberg.Properties{branchLedger(l.branch): after.Properties()[summaryLedger]}))
	if real == nil {
		return append(out, table.NewRemovePropertiesUpdate([]string{summaryLedger}))
	}
	return append(append(out, setupOf(real)...), ledgerNamed(after, summaryLedger, real.Properties()[summaryLedger])...)
}

// setupOf makes a version's schema, partitioning and sort order the ones that hold.
func setupOf(meta table.Metadata) []table.Update {
	return []table.Update{table.NewSetCurrentSchemaUpdate(meta.CurrentSchema().ID), table.NewSetDefaultSpecUpdate(meta.DefaultPartitionSpec()),
		table.NewSetDefaultSortOrderUpdate(meta.DefaultSortOrder())}
}

// Branch is one branch of a table beside main.
type Branch struct {
	Name     string
	Snapshot int64
}

// Branches are the table's branches beside main, by name. Tags are none.
func (t *Table) Branches() []Branch {
	var out []Branch
	for name, ref := range t.real.Metadata().Refs() {
		if name != table.MainBranch && ref.SnapshotRefType == table.BranchRef {
			out = append(out, Branch{Name: name, Snapshot: ref.SnapshotID})
		}
	}
	slices.SortFunc(out, func(a, b Branch) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// HasBranch says whether the table has a branch.
func (t *Table) HasBranch(name string) bool {
	return slices.ContainsFunc(t.Branches(), func(b Branch) bool { return b.Name == name })
}

// OnlyBranches says that the table was built on branches alone: on main there is nothing to read yet.
func (t *Table) OnlyBranches() bool { return t.snap == nil && len(t.Branches()) > 0 }

// Publish fast-forwards main to a branch, and takes the branch away, in one swap. It gives class conflict where main has moved
// on since the branch left it, class data where the branch's base has expired so that nobody can tell.
func (l *Lake) Publish(ctx context.Context, name, branch string) error {
	p, err := l.Publishable(ctx, name, branch)
	if err != nil {
		return err
	}
	m, err := l.mover(name)
	if err != nil {
		return err
	}
	t, err := l.Table(ctx, name)
	if err != nil {
		return err
	}
	m.extra = leaveBranch(t, branch)
	return m.move(ctx, "publish", p.Main, p.Branch)
}

// leaveBranch takes a branch out of a table's metadata.
func leaveBranch(t *Table, branch string) []table.Update {
	return append([]table.Update{table.NewRemoveSnapshotRefUpdate(branch)}, ledgerNamed(t.real.Metadata(), branchLedger(branch), "")...)
}

// Publication is what publishing a branch of one table would move.
type Publication struct {
	Main, Branch int64 // snapshots; Main is 0 where main has none
}

// Publishable says whether main can be fast-forwarded to a branch; errors as of Publish.
func (l *Lake) Publishable(ctx context.Context, name, branch string) (Publication, error) {
	on, err := l.Branch(branch)
	if err != nil {
		return Publication{}, err
	}
	t, err := on.Table(ctx, name)
	if err != nil {
		return Publication{}, err
	}
	if !t.HasBranch(branch) {
		return Publication{}, fault.New(fault.Usage, "table %s has no branch %s", name, branch)
	}
	ledger, err := t.Ledger(ctx)
	if err != nil {
		return Publication{}, err
	}
	if ledger.Limited > 0 {
		return Publication{}, fault.New(fault.Usage, "%s on branch %s was built with --limit %d: it is no complete build", name, branch, ledger.Limited).
			WithHint("weir run --branch %s +%s builds it whole", branch, name)
	}
	p := Publication{Branch: t.snap.SnapshotID}
	main := t.real.CurrentSnapshot()
	if main == nil {
		return p, nil
	}
	p.Main = main.SnapshotID
	descends, err := t.comesFrom(ctx, p.Main)
	if err != nil || descends {
		return p, err
	}
	return p, fault.New(fault.Conflict, "main of %s has moved since branch %s left it: main is at snapshot %d, which the branch does not have",
		name, branch, main.SequenceNumber).
		WithHint("build the branch again on what main is now: weir branch drop %s --table %s, then weir run --branch %s %s", branch, name, branch, name)
}

// comesFrom says whether the current snapshot descends from another. Where ancestors have expired, earlier metadata files may
// still tell, or the ledger, which names the snapshots of the commits before it.
func (t *Table) comesFrom(ctx context.Context, id int64) (bool, error) {
	for s := known(*t.snap); ; {
		if s.ID == id {
			return true, nil
		}
		if s.Parent == 0 {
			return false, nil
		}
		parent, _, ok, err := t.find(ctx, s.Parent)
		if err != nil {
			return false, err
		}
		if !ok {
			return t.baseExpired(ctx, id, s.Parent)
		}
		s = parent
	}
}

func (t *Table) baseExpired(ctx context.Context, id, missing int64) (bool, error) {
	l, err := t.Ledger(ctx)
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(l.Runs, func(r RunMark) bool { return r.Snapshot == id }) {
		return true, nil
	}
	return false, fault.New(fault.Data, "the base of branch %s of %s has expired: snapshot %d, which it came from, is gone, so nobody can tell whether main has moved since",
		t.lake.branch, t.name, missing).
		WithHint("build the branch again: weir branch drop %s --table %s, then weir run --branch %s %s", t.lake.branch, t.name, t.lake.branch, t.name)
}

// DropBranch takes a branch of a table away; its snapshots then expire as others do. A table that was built on this branch
// alone goes with it.
func (l *Lake) DropBranch(ctx context.Context, name, branch string) error {
	m, err := l.mover(name)
	if err != nil {
		return err
	}
	t, err := l.Table(ctx, name)
	if err != nil {
		return err
	}
	if !t.HasBranch(branch) {
		return fault.New(fault.Usage, "table %s has no branch %s", name, branch)
	}
	if t.OnlyBranches() && len(t.Branches()) == 1 {
		return l.Drop(ctx, name, true)
	}
	m.extra = leaveBranch(t, branch)
	return m.move(ctx, "drop branch "+branch+" of", commit.Anywhere, 0)
}
