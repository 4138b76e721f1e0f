package cli

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"weir/internal/fault"
)

//go:embed all:starter
var starter embed.FS

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{Use: "init [DIR]", Short: "Make a small project that runs", Args: cobra.MaximumNArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		dir := a.dir
		if len(args) == 1 {
			dir = args[0]
		}
		return a.initProject(dir)
	}}
}

// initProject writes the starter project. It never touches a folder that has one.
func (a *app) initProject(dir string) error {
	if exists(filepath.Join(dir, "weir.yaml")) {
		return fault.New(fault.Usage, "init: %s has a weir.yaml already", dir)
	}
	err := fs.WalkDir(starter, "starter", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel("starter", path)
		if err != nil {
			return err
		}
		data, err := starter.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		if exists(to) {
			return fault.New(fault.Usage, "init: %s is there already", to)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
	if err != nil {
		if fault.ClassOf(err) == fault.Internal {
			return fault.New(fault.Usage, "init: %w", err)
		}
		return err
	}
	fmt.Fprintf(a.out, "made a project in %s\n  weir -C %s run\n  weir -C %s query 'select * from marts.daily_sales'\n", dir, dir, dir)
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
