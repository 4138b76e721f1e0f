package journal

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/internal/fault"
)

// filledFile is a journal file of some size, closed.
func filledFile(t testing.TB, runs int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range runs {
		r := begin(t, j, Run{Project: "p"})
		put(t, j, Build{RunID: r.ID, Table: "raw.a", Attempt: 1, Status: BuildBuilt, Why: strings.Repeat("w", 300)})
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDamagedFile(t *testing.T) {
	sound, err := os.ReadFile(filledFile(t, 60))
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(from int, with byte) []byte {
		data := bytes.Clone(sound)
		for i := from; i < min(from+4096, len(data)); i++ {
			data[i] = with
		}
		return data
	}
	for name, data := range map[string][]byte{
		"text":               []byte("this is no database, only a text of more than a hundred bytes, so that it cannot be taken for an empty one, not at all"),
		"short text":         []byte("oops"),
		"header overwritten": spoil(0, 0xff),
		"header zeroed":      spoil(0, 0),
		"middle overwritten": spoil(5*4096, 0xff),
		"middle zeroed":      spoil(5*4096, 0),
		"cut in a page":      sound[:len(sound)-2000],
		"cut in half":        sound[:len(sound)/2],
		"another program's":  otherDatabase(t),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			j, err := Open(t.Context(), path)
			if err == nil {
				_ = j.Close()
			}
			if !errors.Is(err, ErrDamaged) || fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" || !strings.Contains(err.Error(), path) {
				t.Fatalf("opened with %v", err)
			}
			rebuilt, err := Rebuild(t.Context(), path, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer rebuilt.Close()
			aside, _ := filepath.Glob(path + ".damaged-*")
			var kept [][]byte
			for _, a := range aside {
				if !strings.HasSuffix(a, "-wal") && !strings.HasSuffix(a, "-shm") {
					k, _ := os.ReadFile(a)
					kept = append(kept, k)
				}
			}
			if len(kept) != 1 || !bytes.Equal(kept[0], data) {
				t.Errorf("the damaged file was not kept as it was: %v", aside)
			}
		})
	}
}

func otherDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := connect(path, "immediate")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE songs (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAnyDamage flips bytes anywhere: the journal opens and reads, or says that it is damaged, and never panics.
func TestAnyDamage(t *testing.T) {
	sound, err := os.ReadFile(filledFile(t, 30))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		data := bytes.Clone(sound)
		for range 1 + rng.IntN(40) {
			data[rng.IntN(len(data))] = byte(rng.Uint32())
		}
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", i))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := readAll(t, path); err != nil && fault.ClassOf(err) != fault.Usage {
			t.Errorf("case %d: %v is of class %s", i, err, fault.ClassOf(err))
		}
	}
}

func readAll(t *testing.T, path string) error {
	j, err := Open(t.Context(), path)
	if err != nil {
		return err
	}
	defer j.Close()
	runs, err := j.Runs(t.Context(), 0)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if _, err := j.Builds(t.Context(), r.ID); err != nil {
			return err
		}
	}
	_, err = j.History(t.Context(), "raw.a", 0)
	return err
}

// TestMigration takes a file of an earlier version forward, all the way or not at all.
func TestMigration(t *testing.T) {
	j, ctx := open(t, filledFile(t, 3)), t.Context()
	later := append(migrations(), "ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT 'nobody'", "CREATE INDEX runs_owner ON runs (owner)")
	try := func(steps []string) error {
		return j.write(ctx, "migrate", func(tx *sql.Tx) error { return migrate(ctx, tx, steps) })
	}
	if n := len(migrations()); try(append(later[:n:n], "CREATE nonsense")) == nil {
		t.Error("a wrong step was taken")
	}
	if v, err := version(ctx, j.db); v != len(migrations()) || err != nil {
		t.Errorf("after a step that failed the version is %d, %v", v, err)
	}
	if err := try(later); err != nil {
		t.Fatal(err)
	}
	var owned, v int
	err := errors.Join(j.db.QueryRow(`SELECT count(*) FROM runs WHERE owner = 'nobody'`).Scan(&owned), j.db.QueryRow(`PRAGMA user_version`).Scan(&v))
	if err != nil || owned != 3 || v != len(later) {
		t.Errorf("after the migration %d runs have an owner, version %d, %v", owned, v, err)
	}
	if err := try(later); !errors.Is(err, ErrNewer) {
		t.Errorf("an older program migrates a newer file: %v", err)
	}
}

func TestNewerVersion(t *testing.T) {
	path := filledFile(t, 1)
	db, err := connect(path, "immediate")
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(fmt.Sprintf("PRAGMA user_version = %d", len(migrations())+1))
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path)
	if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamaged) || fault.ClassOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Errorf("opened with %v", err)
	}
	if _, err = Rebuild(t.Context(), path, nil); !errors.Is(err, ErrNewer) {
		t.Errorf("a newer journal is rebuilt: %v", err)
	}
}

func TestPlacesThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"below a file": filepath.Join(file, "journal.db"), "a folder": dir} {
		if _, err := Open(t.Context(), path); fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), path[:len(dir)]) {
			t.Errorf("%s: %v of class %s", name, err, fault.ClassOf(err))
		}
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(locked, "probe")); err == nil {
		_ = f.Close()
		t.Skip("this user may write everywhere: a read-only folder cannot be made")
	}
	if _, err := Open(t.Context(), filepath.Join(locked, "journal.db")); fault.ClassOf(err) != fault.Usage {
		t.Errorf("a read-only folder: %v of class %s", err, fault.ClassOf(err))
	}
}

func TestPathsOfOddCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "50% of #1? & grüße", "a journal?mode=memory.db")
	first := open(t, path)
	begin(t, first, Run{})
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Fatalf("the journal is not where it was asked for: %v", err)
	}
	if rs, err := open(t, path).Runs(t.Context(), 0); err != nil || len(rs) != 1 {
		t.Errorf("opened again it holds %v, %v", rs, err)
	}
}

func TestFullDisk(t *testing.T) {
	j := fresh(t)
	r := begin(t, j, Run{})
	put(t, j, Build{RunID: r.ID, Table: "raw.a", Attempt: 1})
	// SQLite says the same of a file at its page limit as of a full disk.
	if _, err := j.db.Exec("PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 2; i < 200 && err == nil; i++ {
		err = j.Build(t.Context(), Build{RunID: r.ID, Table: "raw.a", Attempt: i, Error: strings.Repeat("e", 4000)})
	}
	if fault.ClassOf(err) != fault.Unavailable {
		t.Fatalf("a full disk gives %v of class %s", err, fault.ClassOf(err))
	}
	if bs, err := j.Builds(t.Context(), r.ID); err != nil || len(bs) == 0 || bs[0].Attempt != 1 {
		t.Errorf("after a full disk: %v, %v", bs, err)
	}
}
