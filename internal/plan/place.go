package plan

import (
	"errors"
	"strings"
	"unicode/utf8"

	"weir/internal/define"
	"weir/internal/model"
	"weir/internal/project"
)

// placeOf turns a byte offset in a table's SQL into a place in its file.
func placeOf(t *define.Table, offset int) project.Place {
	if offset < 0 || offset > len(t.SQL) {
		return project.Place{File: t.File, Line: t.SQLLine, Col: 1}
	}
	before := t.SQL[:offset]
	line := strings.Count(before, "\n")
	return project.Place{File: t.File, Line: t.SQLLine + line, Col: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
}

func paramPlace(t *define.Table, name string) project.Place {
	return placeOf(t, strings.Index(t.SQL, "$"+name))
}

// mistakes turns what is wrong with SQL into problems of its file; any other error is given back.
func mistakes(file string, firstLine int, err error) ([]project.Problem, error) {
	var many model.Mistakes
	var one *model.Mistake
	switch {
	case errors.As(err, &many):
	case errors.As(err, &one):
		many = model.Mistakes{*one}
	default:
		return nil, err
	}
	return problemsIn(file, firstLine, many), nil
}

// problemsIn places what is said of a SQL text in the file that holds it.
func problemsIn(file string, firstLine int, said model.Mistakes) (out []project.Problem) {
	for _, m := range said {
		out = append(out, project.Problem{Place: project.Place{File: file, Line: firstLine + m.Line - 1, Col: m.Col}, Message: m.Message, Hint: m.Hint})
	}
	return out
}
