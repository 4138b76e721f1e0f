// Package substrait stands in for the module of the same name. iceberg-go reads that module's tables of functions, some
// thousand lines of YAML, whenever a program starts that imports it: 50 ms and 30 MB, half of what a command of Weir
// needs. Here are the functions alone that iceberg-go filters rows by, in the form of Substrait's extension files
// (https://substrait.io/extensions). A function that is missing is an error of iceberg-go, never a wrong answer.
package substrait

import "embed"

//go:embed extensions/*
var extensions embed.FS

// GetSubstraitExtensionsFS gives the folder of the tables.
func GetSubstraitExtensionsFS() embed.FS { return extensions }
