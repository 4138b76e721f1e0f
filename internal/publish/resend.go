package publish

import (
	"context"
	"fmt"
	"strings"

	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/lake"
	"weir/internal/sink"
)

// Tables of the session that hold what is sent again.
const (
	againTable  = "__weir_again"  // keys of rows that the destination refused
	resendTable = "__weir_resend" // the rows that the table has of them now
	regoneTable = "__weir_regone" // those that it has no row of
)

// resends says whether refused rows are to be sent again beside what the destination has.
func (w *work) resends(b bringing) bool { return len(w.t.Again) > 0 && !b.full }

// resend brings the rows of the table whose keys the destination refused, as they are now, and deletes the keys that are gone: what
// was refused may be older than what is there, and is not sent itself. Sent twice, they are the same rows.
func (w *work) resend(ctx context.Context, d sink.Delivery) (sink.Delivery, error) {
	scan, err := w.table.Scan(ctx, lake.ScanOptions{})
	if err != nil {
		return d, err
	}
	if err := w.againKeys(ctx); err != nil {
		return d, err
	}
	err = w.exec(ctx, "CREATE OR REPLACE TABLE "+resendTable+" AS SELECT "+w.items()+" FROM ("+scan.SQL+") AS t SEMI JOIN "+againTable+" AS a ON "+w.on("t", "a"),
		"CREATE OR REPLACE TABLE "+regoneTable+" AS SELECT "+w.key("a.")+" FROM "+againTable+" AS a ANTI JOIN ("+scan.SQL+") AS t ON "+w.on("t", "a"))
	if err != nil {
		return d, err
	}
	if w.out.Rows, err = w.s.Int(ctx, "SELECT count(*) FROM "+resendTable); err != nil {
		return d, err
	}
	if w.out.Gone, err = w.s.Int(ctx, "SELECT count(*) FROM "+regoneTable); err != nil {
		return d, err
	}
	if w.out.Rows > 0 {
		d.Rows = w.rows("SELECT * FROM " + resendTable)
	}
	if w.out.Gone > 0 {
		d.Gone = w.rows("SELECT " + w.key("") + " FROM " + regoneTable)
	}
	d.Limit = func(int64, int64) bool { return false } // what is refused again stays among the rejects, and keeps no other row
	return d, nil
}

// againKeys makes againTable of the refused rows, which are kept as JSON.
func (w *work) againKeys(ctx context.Context) error {
	var items, parts, complete []string
	for _, k := range w.t.To.Key {
		typ := ""
		for _, c := range w.table.Columns() {
			if strings.EqualFold(c.Name, k) {
				typ = c.Type
			}
		}
		items = append(items, job.Quote(k)+" "+typ)
		parts = append(parts, "TRY_CAST(json_extract_string(raw, "+job.Literal(`$."`+k+`"`)+") AS "+typ+")")
		complete = append(complete, job.Quote(k)+" IS NOT NULL")
	}
	if err := w.exec(ctx, "CREATE OR REPLACE TABLE "+againTable+" ("+strings.Join(items, ", ")+")"); err != nil {
		return err
	}
	const each = 200
	for from := 0; from < len(w.t.Again); from += each {
		var raws []string
		for _, r := range w.t.Again[from:min(from+each, len(w.t.Again))] {
			raws = append(raws, job.Literal(r.Raw))
		}
		err := w.exec(ctx, "INSERT INTO "+againTable+" SELECT DISTINCT "+strings.Join(parts, ", ")+" FROM (SELECT unnest(["+strings.Join(raws, ", ")+"]) AS raw) WHERE json_valid(raw)")
		if err != nil {
			return err
		}
	}
	n, err := w.s.Int(ctx, "SELECT count(*) FROM "+againTable+" WHERE "+strings.Join(complete, " AND "))
	if err != nil {
		return fmt.Errorf("read keys of refused rows: %w", err)
	}
	if n == 0 {
		return fault.New(fault.Data, "nothing was published: no key can be told from the refused rows that were kept").WithHint("weir publish %s --full brings all rows", w.t.Table.Name)
	}
	return nil
}
