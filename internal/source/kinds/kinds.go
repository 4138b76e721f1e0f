// Package kinds is the one map of sources: a new connector is one folder and one line here.
package kinds

import (
	"weir/internal/source"
	"weir/internal/source/files"
	"weir/internal/source/mysql"
	"weir/internal/source/postgres"
)

// All gives every kind of connection by the name it has in weir.yaml.
func All() map[string]source.Kind {
	return map[string]source.Kind{
		"files":    files.Kind(),
		"mysql":    mysql.Kind(),
		"postgres": postgres.Kind(),
	}
}
