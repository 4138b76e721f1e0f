// Package retail holds the project of the retail example. Its inbox is made by package generate.
package retail

import (
	"embed"
	"io/fs"
)

//go:embed weir.yaml tables tests pipelines macros seeds
var files embed.FS

// Files are the project's files: all of it but the inbox.
func Files() fs.FS { return files }
