package generate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Truth is what was put into the files, known without reading them.
type Truth struct {
	Scale int   `json:"scale"`
	Days  []Day `json:"days"`
	// Sales are what order lines and receipts of all days together sold, by the day of the sale, with rejected and
	// quarantined records left out and cancelled orders and copies not counted.
	Sales []Sale `json:"sales"`
}

// Day is one day's files, by the table that reads them: raw.orders and so on. Products are one list that is read whole
// and not counted here.
type Day struct {
	Day    int              `json:"day"`
	Date   string           `json:"date"`
	Tables map[string]Count `json:"tables"`
}

// Count says what a build reports that reads this day's file after all earlier days were built one by one. Building
// several days at once, read, rejected, quarantined and after are the same sums; what was stale or updated is then
// superseded.
type Count struct {
	Read        int64          `json:"read"`
	Rejected    int64          `json:"rejected"`
	Quarantined int64          `json:"quarantined"`
	Superseded  int64          `json:"superseded"` // upserts: another record of the file has the same key and won
	Stale       int64          `json:"stale"`      // upserts: an earlier day sent a newer row of the key
	Inserted    int64          `json:"inserted"`
	Updated     int64          `json:"updated"`
	After       int64          `json:"after"`             // rows of the table
	Copies      int64          `json:"copies"`            // exact copies of another record of the file
	Late        int64          `json:"late"`              // records that belong to an earlier day
	Reasons     map[string]int `json:"reasons,omitempty"` // rejected and quarantined, by what is wrong
}

func (c *Count) because(reason string) {
	if c.Reasons == nil {
		c.Reasons = map[string]int{}
	}
	c.Reasons[reason]++
}

// Sale is one day's sales.
type Sale struct {
	Date  string `json:"date"`
	Lines int64  `json:"lines"`
	Cents int64  `json:"cents"`
}

// sales sums what was sold, by day.
func (s *shop) sales() []Sale {
	byDate := map[string]Sale{}
	add := func(date string, lines, cents int64) {
		sale := byDate[date]
		byDate[date] = Sale{Date: date, Lines: sale.Lines + lines, Cents: sale.Cents + cents}
	}
	for _, o := range s.orders {
		if o.taken && o.status != "cancelled" {
			add(o.ordered.Format("2006-01-02"), o.lines, o.cents)
		}
	}
	for date, sale := range s.tills {
		add(date, sale.Lines, sale.Cents)
	}
	out := make([]Sale, 0, len(byDate))
	for _, sale := range byDate {
		out = append(out, sale)
	}
	slices.SortFunc(out, func(a, b Sale) int { return strings.Compare(a.Date, b.Date) })
	return out
}

func (t Truth) write(path string) error {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}

// Read reads the truth.json that Days wrote.
func Read(dir string) (Truth, error) {
	var t Truth
	data, err := os.ReadFile(filepath.Join(dir, "truth.json"))
	if err != nil {
		return t, fmt.Errorf("read truth: %w", err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("read truth: %w", err)
	}
	return t, nil
}
