// Package script runs weir as a person would: each file of testdata is a story of commands and what they print.
package script

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"weir/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"weir": func() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}
