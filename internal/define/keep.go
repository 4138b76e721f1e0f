package define

import (
	"time"

	"weir/internal/project"
)

// Keep says how much of a table's past stays when weir maintain expires snapshots.
type Keep struct {
	Snapshots time.Duration // how long a snapshot stays after another took its place
	AtLeast   int           // how many stay, however old
}

// What stays where nothing is written.
const (
	keepSnapshots = 7 * 24 * time.Hour
	keepAtLeast   = 10
)

// keepKeys is keep. What a table does not write is the project's.
type keepKeys struct {
	Snapshots *time.Duration `yaml:"snapshots" doc:"how long a snapshot can be read after another took its place: 7d by default"`
	AtLeast   *int           `yaml:"at_least" doc:"how many snapshots stay, however old: 10 by default"`
}

// keep lays what is written over what else would be.
func (l *loader) keep(k keepKeys, otherwise Keep, at func(key string) project.Place) Keep {
	out := otherwise
	if k.Snapshots != nil {
		out.Snapshots = *k.Snapshots
	}
	if k.AtLeast != nil {
		out.AtLeast = *k.AtLeast
		if out.AtLeast < 1 {
			l.add(at("keep.at_least").Problem("at_least: %d is too few", out.AtLeast).WithHint("1 is the least: the current snapshot always stays"))
			out.AtLeast = 1
		}
	}
	return out
}
