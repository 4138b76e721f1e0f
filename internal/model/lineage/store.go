package lineage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"weir/internal/job"
)

// Table is what the analysis of one SQL table found out.
type Table struct {
	Hash    string       `json:"hash"` // of the definition and its inputs' columns
	Columns []job.Column `json:"columns"`
	Lineage *Lineage     `json:"lineage"`
}

// storeVersion changes with the file and with what an analysis gives; what another version wrote is analysed again.
const storeVersion = 1

// Store keeps the last analysis of each table in one file, so that only changed definitions are analysed. It is a cache: a
// file that is missing, damaged or of another version costs time and nothing else, and of two writers the last one wins.
type Store struct {
	path    string
	tables  map[string]Table
	changed bool
}

type storeFile struct {
	Version int              `json:"version"`
	Tables  map[string]Table `json:"tables"`
}

// OpenStore reads the file at a path.
func OpenStore(path string) *Store {
	s := &Store{path: path, tables: map[string]Table{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return s
	}
	var f storeFile
	if json.Unmarshal(text, &f) == nil && f.Version == storeVersion {
		for name, t := range f.Tables {
			if t.Lineage != nil && len(t.Lineage.Columns) == len(t.Columns) {
				s.tables[name] = t
			}
		}
	}
	return s
}

// Get gives a table's analysis where its hash is still the same.
func (s *Store) Get(name, hash string) (Table, bool) {
	t, ok := s.tables[name]
	return t, ok && t.Hash == hash
}

// Put keeps an analysis instead of an older one.
func (s *Store) Put(name string, t Table) {
	s.tables[name] = t
	s.changed = true
}

// Keep forgets all tables but those named.
func (s *Store) Keep(names map[string]bool) {
	for name := range s.tables {
		if !names[name] {
			delete(s.tables, name)
			s.changed = true
		}
	}
}

// Close writes the file if anything changed, whole or not at all.
func (s *Store) Close() error {
	if !s.changed {
		return nil
	}
	text, err := json.Marshal(storeFile{storeVersion, s.tables})
	if err != nil {
		return fmt.Errorf("keep lineage: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), ".lineage-*")
	if err != nil {
		return fmt.Errorf("keep lineage: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("keep lineage: %w", err)
	}
	s.changed = false
	return nil
}
