// Weir: extract, transform, check and load, on a laptop and on AWS, from one folder of table definitions.
package main

import (
	"os"

	"weir/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
