// Package kinds is the one map of sinks: a new destination is one folder and one line here.
package kinds

import (
	"weir/internal/sink"
	"weir/internal/sink/mysql"
	"weir/internal/sink/postgres"
)

// All gives every kind of connection that tables can be published to, by the name it has in weir.yaml.
func All() map[string]sink.Kind {
	return map[string]sink.Kind{
		"mysql":    mysql.Kind(),
		"postgres": postgres.Kind(),
	}
}
