package generate

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// write puts the day's files below the inbox.
func (d *day) write(inbox string) error {
	date := Date(d.number).Format(time.DateOnly)
	for _, f := range []struct {
		path string
		fill func(io.Writer) error
	}{
		{"customers/" + date + ".csv", d.writeCustomers},
		{"orders/" + date + ".csv", d.writeOrders},
		{"order_lines/" + date + ".csv", d.writeLines},
		{"receipts/" + date + ".json", d.writeReceipts},
		{"clicks/dt=" + date + "/part-0.ndjson.gz", d.writeClicks},
	} {
		if err := writeFile(filepath.Join(inbox, filepath.FromSlash(f.path)), f.fill); err != nil {
			return err
		}
	}
	return nil
}

// writeFile fills a file beside its place and moves it there, so that a reader never sees half of one.
func writeFile(path string, fill func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if err = fill(w); err == nil {
		err = w.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}

func pounds(pence int64) string {
	sign := ""
	if pence < 0 {
		sign, pence = "-", -pence
	}
	return fmt.Sprintf("%s%d.%02d", sign, pence/100, pence%100)
}

func writeCSV(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return c.Error()
}

// writeProducts writes the whole list; the shop has one file of it and writes it anew each night.
func writeProducts(inbox string, products []product) error {
	rows := [][]string{{"sku", "name", "category", "price"}}
	for _, p := range products {
		rows = append(rows, []string{p.sku, p.name, p.category, pounds(p.pence)})
	}
	return writeFile(filepath.Join(inbox, "products", "products.csv"), func(w io.Writer) error { return writeCSV(w, rows) })
}

func (d *day) writeCustomers(w io.Writer) error {
	rows := [][]string{{"customer_id", "name", "email", "city", "country", "created_at", "updated_at"}}
	for _, c := range d.customers {
		rows = append(rows, []string{strconv.Itoa(c.id), c.name, c.email, c.city, c.country, c.created.Format(stamp), c.updated.Format(stamp)})
	}
	return writeCSV(w, rows)
}

func (d *day) writeOrders(w io.Writer) error {
	rows := [][]string{{"order_id", "customer_id", "store_id", "status", "ordered_at", "updated_at", "total"}}
	drifted := d.number >= 5
	if drifted {
		rows[0] = append(rows[0], "channel")
	}
	for _, o := range d.orders {
		row := []string{strconv.Itoa(o.id), strconv.Itoa(o.customer), o.store, o.status, o.ordered, o.updated, pounds(o.total)}
		if drifted {
			row = append(row, o.channel)
		}
		rows = append(rows, row)
	}
	return writeCSV(w, rows)
}

func (d *day) writeLines(w io.Writer) error {
	rows := [][]string{{"order_id", "line_no", "sku", "quantity", "unit_price", "discount"}}
	for _, l := range d.lines {
		row := []string{strconv.Itoa(l.order), strconv.Itoa(l.number), l.sku}
		if !l.short {
			row = append(row, strconv.Itoa(l.quantity), pounds(l.price), pounds(l.discount))
		}
		rows = append(rows, row)
	}
	return writeCSV(w, rows)
}

// Documents are written field by field as tills and trackers write them: in this order, money with two decimals.
type (
	receiptDoc struct {
		ID      string          `json:"receipt_id"`
		Store   string          `json:"store_id"`
		Till    int             `json:"till"`
		Sold    string          `json:"sold_at"`
		Payment paymentDoc      `json:"payment"`
		Lines   []itemDoc       `json:"lines"`
		Total   json.RawMessage `json:"total"`
	}
	paymentDoc struct {
		Method string `json:"method"`
		Card   string `json:"last4,omitempty"`
	}
	itemDoc struct {
		SKU      string      `json:"sku"`
		Quantity int         `json:"quantity"`
		Price    json.Number `json:"unit_price"`
	}
	clickDoc struct {
		ID         string    `json:"event_id"`
		At         string    `json:"ts,omitempty"`
		Session    string    `json:"session_id"`
		Customer   *int      `json:"customer_id"`
		Kind       string    `json:"kind"`
		SKU        string    `json:"sku,omitempty"`
		Device     deviceDoc `json:"device"`
		Experiment string    `json:"experiment,omitempty"`
	}
	deviceDoc struct {
		OS     string `json:"os"`
		Mobile bool   `json:"mobile"`
	}
)

func (d *day) writeReceipts(w io.Writer) error {
	out := json.NewEncoder(w)
	for _, r := range d.receipts {
		doc := receiptDoc{ID: r.id, Store: r.store, Till: r.till, Sold: r.sold.Format("2006-01-02T15:04:05"), Payment: paymentDoc{Method: "cash"}}
		if r.card != "" {
			doc.Payment = paymentDoc{Method: "card", Card: r.card}
		}
		for _, l := range r.lines {
			doc.Lines = append(doc.Lines, itemDoc{SKU: l.sku, Quantity: l.quantity, Price: json.Number(pounds(l.price))})
		}
		doc.Total = json.RawMessage(pounds(r.total()))
		if r.comma {
			doc.Total = json.RawMessage(fmt.Sprintf(`"%d,%02d"`, r.total()/100, r.total()%100))
		}
		if err := out.Encode(doc); err != nil {
			return err
		}
	}
	return nil
}

func (d *day) writeClicks(w io.Writer) error {
	z := gzip.NewWriter(w)
	for _, c := range d.clicks {
		doc := clickDoc{ID: c.id, Session: c.session, Kind: c.kind, SKU: c.sku, Experiment: c.experiment,
			Device: deviceDoc{OS: c.os, Mobile: c.os == "ios" || c.os == "android"}}
		if !c.at.IsZero() {
			doc.At = c.at.Format("2006-01-02T15:04:05")
		}
		if c.customer != 0 {
			doc.Customer = &c.customer
		}
		line, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		if c.broken {
			line = line[:len(line)/2]
		}
		if _, err := z.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return z.Close()
}
