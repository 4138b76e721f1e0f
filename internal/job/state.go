package job

// State is what an aggregate needs to know of one piece of a relation: a number, or NULL.
type State struct {
	Value float64
	Null  bool
}

// States are those of pieces, such as data files, by piece and aggregate.
type States map[string]map[string]State
