package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"weir/internal/postgres"
	"weir/internal/record"
	"weir/internal/sink"
)

// copyRows sends rows into a table.
func (a *applying) copyRows(ctx context.Context, into string, cols []placed, rows record.Reader, asText bool) (*sink.Pipe, error) {
	var lake []string
	for _, p := range cols {
		lake = append(lake, p.Name)
	}
	p := sink.NewPipe(newEncoder(cols, asText), signature, trailer, lake, a.d.Key, a.refusals)
	p.Start(ctx, rows)
	_, err := a.load.conn.PgConn().CopyFrom(ctx, p, "COPY "+into+" ("+names(cols)+") FROM STDIN (FORMAT binary)")
	if err != nil {
		err = fmt.Errorf("load rows into %s: %w", into, postgres.Classify(ctx, err))
	}
	return p, p.End(ctx, err)
}

func holds(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
