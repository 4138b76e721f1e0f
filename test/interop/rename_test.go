package interop

import (
	"testing"

	"weir/test/env"
	"weir/test/program"
)

// TestPyIcebergReadsRenamedColumns: files written under a column's earlier name, and under none, give its values under the
// name it has now, and the types it has now.
func TestPyIcebergReadsRenamedColumns(t *testing.T) {
	python := env.Python(t)
	dir := t.TempDir()
	write := func(files map[string]string) {
		program.Write(t, dir, files)
		program.Must(t, "-C", dir, "run")
	}
	const def = "from: inbox\npath: '*.csv'\ncolumns:\n  id: bigint\n"
	write(map[string]string{
		"weir.yaml":            "name: interop\nlake: lake\nconnections: { inbox: { type: files, path: inbox } }\n",
		"tables/raw/t.yaml":    def + "  city: varchar\n  n: integer\n",
		"inbox/a.csv":          "id,city,n\n1,Rome,7\n",
		"tables/marts/t.sql":   "/* weir\nkey: id\n*/\nselect id, city, n from raw.t",
		"tables/marts/log.sql": "/* weir\nmode: append\n*/\nselect id, city from raw.t",
	})
	write(map[string]string{
		"tables/raw/t.yaml":    def + "  town: { type: varchar, was: city }\n  n: bigint\n",
		"inbox/b.csv":          "id,town,n\n2,Bari,5000000000\n",
		"tables/marts/t.sql":   "/* weir\nkey: id\ncolumns: { town: { was: city } }\n*/\nselect id, town, n from raw.t",
		"tables/marts/log.sql": "/* weir\nmode: append\ncolumns: { town: { was: city } }\n*/\nselect id, town from raw.t where id > 1",
	})
	for table, order := range map[string]string{"raw.t": "n", "marts.t": "n", "marts.log": ""} {
		got := read(t, python, dir, table, "id")
		if len(got.Rows) != 2 || got.Rows[0]["town"] != "Rome" || got.Rows[1]["town"] != "Bari" {
			t.Errorf("%s: PyIceberg reads %v", table, got.Rows)
		}
		for _, c := range got.Columns {
			if c.Name == "city" || c.Name == order && c.Type != "long" {
				t.Errorf("%s: PyIceberg sees %+v", table, got.Columns)
			}
		}
	}
}
