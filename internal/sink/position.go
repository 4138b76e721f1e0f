package sink

import "time"

// Position says what a destination holds: it is stored there, in the transaction that brought the rows (promise 1).
type Position struct {
	Version  int               `json:"version"`
	Table    string            `json:"table"` // of the lake
	UUID     string            `json:"uuid"`  // the table's; another table of the same name has another one
	Snapshot int64             `json:"snapshot"`
	Number   int64             `json:"number"` // of the snapshot: counts those of a table
	Run      string            `json:"run"`
	Mode     Mode              `json:"mode"`
	Sole     bool              `json:"sole"` // the destination holds nothing but what loads brought
	Rows     int64             `json:"rows"` // of the last load
	At       time.Time         `json:"at"`
	Columns  []PublishedColumn `json:"columns"`
}

// PositionVersion is the version of the JSON of a Position.
const PositionVersion = 1

// PublishedColumn is a column as it was published.
type PublishedColumn struct {
	ID   int    `json:"id"` // Iceberg field id
	Name string `json:"name"`
	Type string `json:"type"`
}

// Published finds a column by its field id.
func (p Position) Published(id int) (PublishedColumn, bool) {
	for _, c := range p.Columns {
		if c.ID == id {
			return c, true
		}
	}
	return PublishedColumn{}, false
}
