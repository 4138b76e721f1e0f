package layout

import (
	"strings"
)

// Folder is a folder of a table's path that parts its files: key=value, or a date.
type Folder struct {
	Key    string // of key=value; "" for a date
	Unit   string // of a date: Year, Month, Day, Hour, Date
	Values []string
}

// Folders are the partition folders of some files, with their values in the order they come.
func Folders(keys []string) []Folder {
	var out []Folder
	at := map[string]int{}
	seen := map[string]map[string]bool{}
	for _, key := range keys {
		all := strings.Split(key, "/")
		for _, p := range parts(all[:len(all)-1]) {
			if p.kind != hive && p.kind != dated {
				continue
			}
			i, ok := at[p.shape]
			if !ok {
				i = len(out)
				at[p.shape], seen[p.shape] = i, map[string]bool{}
				f := Folder{Unit: p.shape}
				if p.kind == hive {
					f = Folder{Key: strings.TrimSuffix(p.shape, "=")}
				}
				out = append(out, f)
			}
			value := p.text
			if p.kind == hive {
				_, value, _ = strings.Cut(p.text, "=")
			}
			if !seen[p.shape][value] {
				seen[p.shape][value] = true
				out[i].Values = append(out[i].Values, value)
			}
		}
	}
	return out
}
