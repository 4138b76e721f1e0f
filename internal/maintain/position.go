package maintain

import (
	"context"
	"strconv"

	"weir/internal/job"
	"weir/internal/lake"
)

func (u *Upkeep) position(ctx context.Context, name string) (job.Position, error) {
	t, err := u.Lake.Table(ctx, name)
	if err != nil {
		return nil, err
	}
	led, err := t.Ledger(ctx)
	return led.Position, err
}

// reading is a reader at the value of its position for an input. One that has not read the input yet will read all of it.
func reading(name, value string, damaged error) (lake.Reader, bool) {
	if damaged != nil {
		return lake.Reader{Table: name}, true
	}
	id, err := strconv.ParseInt(value, 10, 64)
	return lake.Reader{Table: name, Snapshot: id}, err == nil && id != 0
}
