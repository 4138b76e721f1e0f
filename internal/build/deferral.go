package build

import (
	"context"
	"errors"
	"fmt"

	"weir/internal/fault"
	"weir/internal/lake"
)

// Deferral lets builds read what they are not concerned with from the lake of another environment, which is only ever read.
type Deferral struct {
	Env  string
	Lake *lake.Lake
	// Built are the tables that are built here: those are read here.
	Built map[string]bool
	// Definition gives the hash of a table's definition as it is here.
	Definition func(table string) string
}

// Deferred says where a build read an input instead of here.
type Deferred struct {
	Input    string `json:"input"`
	Env      string `json:"env"`
	Snapshot int64  `json:"snapshot"`
	Number   int64  `json:"number"`
	// Differs says that the other environment built it from another definition than the one here.
	Differs bool `json:"differs,omitempty"`
}

// Input loads a table that is read: this lake's or, where it is deferred, the other's. A table that is not built here is read
// there if there is one; one that was built here before too, if the definition here is the one it has there, for then it is
// what a build here would make. The error wraps lake.ErrNoTable where it is in neither.
func (b *Builder) Input(ctx context.Context, name string) (*lake.Table, *Deferred, error) {
	here, err := b.Lake.Table(ctx, name)
	if err == nil && here.OnlyBranches() {
		err = fault.New(fault.Usage, "table %s: %w", name, lake.ErrNoTable)
	}
	missing := errors.Is(err, lake.ErrNoTable)
	if err != nil && !missing || b.Defer == nil || b.Defer.Built[name] {
		return here, nil, err
	}
	there, terr := b.Defer.Lake.Table(ctx, name)
	if errors.Is(terr, lake.ErrNoTable) {
		return here, nil, err
	}
	if terr != nil {
		return nil, nil, fmt.Errorf("environment %s: %w", b.Defer.Env, terr)
	}
	snap, built := there.Snapshot()
	l, terr := there.Ledger(ctx)
	if terr != nil {
		return nil, nil, fmt.Errorf("environment %s: %w", b.Defer.Env, terr)
	}
	differs := l.Definition != b.Defer.Definition(name)
	if !built || differs && !missing {
		return here, nil, err
	}
	return there, &Deferred{Input: name, Env: b.Defer.Env, Snapshot: snap.ID, Number: snap.Number, Differs: differs}, nil
}

// position is the value of an input in a position. A deferred one names its lake, so that a version of this lake's table is never
// taken for it.
func (b *Builder) position(t *lake.Table, d *Deferred) string {
	if d == nil {
		return PositionOf(t)
	}
	return b.Defer.Lake.Location() + "@" + PositionOf(t)
}
