package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// records are the rows of a file, under its own header.
type records struct {
	columns []string
	rows    [][]string
}

// day is what the files of a day tell of the tables that the database keeps.
type day struct {
	products, customers, orders, lines records
}

func readDay(dir, date string) (d day, err error) {
	for _, f := range []struct {
		path string
		into *records
	}{
		{"products/products.csv", &d.products}, {"customers/" + date + ".csv", &d.customers},
		{"orders/" + date + ".csv", &d.orders}, {"order_lines/" + date + ".csv", &d.lines},
	} {
		if *f.into, err = readFile(filepath.Join(dir, "inbox", filepath.FromSlash(f.path))); err != nil {
			return day{}, err
		}
	}
	return d.clean(), nil
}

func readFile(path string) (records, error) {
	f, err := os.Open(path)
	if err != nil {
		return records{}, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1 // a line that ends too early is left out below
	all, err := r.ReadAll()
	if err != nil {
		return records{}, err
	}
	return records{columns: all[0], rows: all[1:]}, nil
}

// clean leaves out what such a database would not have let in: dates that are none, totals and quantities below what they
// may be, lines that end too early, and lines of orders that are left out.
func (d day) clean() day {
	refused := map[string]bool{}
	d.orders.rows = slices.DeleteFunc(d.orders.rows, func(row []string) bool {
		_, err := time.Parse(time.DateTime, row[d.orders.at("ordered_at")])
		bad := err != nil || strings.HasPrefix(row[d.orders.at("total")], "-")
		if bad {
			refused[row[0]] = true
		}
		return bad
	})
	d.lines.rows = slices.DeleteFunc(d.lines.rows, func(row []string) bool {
		return len(row) < len(d.lines.columns) || strings.HasPrefix(row[d.lines.at("quantity")], "-") || refused[row[0]]
	})
	return d
}

func (r records) at(column string) int { return slices.Index(r.columns, column) }

// part cuts orders into transactions, each with the lines that belong to its orders.
func (d day) part(orders int) []day {
	byOrder := map[string][][]string{}
	for _, l := range d.lines.rows {
		byOrder[l[0]] = append(byOrder[l[0]], l)
	}
	var parts []day
	for rows := range slices.Chunk(d.orders.rows, orders) {
		p := day{orders: records{d.orders.columns, rows}, lines: records{columns: d.lines.columns}}
		for _, o := range rows {
			p.lines.rows = append(p.lines.rows, byOrder[o[0]]...)
			delete(byOrder, o[0]) // an order that comes twice brings its lines once
		}
		parts = append(parts, p)
	}
	return parts
}
