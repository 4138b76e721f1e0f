package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestScratchOfTheDeadIsRemoved(t *testing.T) {
	base := filepath.Join(t.TempDir(), "scratch")
	dead := filepath.Join(base, "dead")
	if err := os.MkdirAll(filepath.Join(dead, "spill"), 0o755); err != nil {
		t.Fatal(err)
	}
	first, err := openScratch(base)
	if err != nil {
		t.Fatal(err)
	}
	if exists(dead) {
		t.Error("a folder nobody holds is still there")
	}
	second, err := openScratch(base)
	if err != nil {
		t.Fatal(err)
	}
	if first.dir == second.dir || !exists(first.dir) {
		t.Errorf("%s is in use and was removed or given away by %s", first.dir, second.dir)
	}
	for _, s := range []*scratch{first, second} {
		if err := os.WriteFile(s.part("x"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(base); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
