// Package floors holds the plan of the house: who may import whom, and what no package may do.
package floors

import (
	"fmt"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// house lists the rooms of internal/ floor by floor, the highest first. A package may import packages of lower floors
// only; what stands below a room (engine/duckdb) is part of it. A room need not be there yet.
var house = [][]string{
	{"cli"},
	{"server", "deploy"},
	{"workflow", "schedule", "alert", "lineage"},
	{"run", "cases", "publish"},
	{"plan", "build", "maintain", "crawl", "verify"},
	{"define", "quality", "model", "engine", "source", "sink", "function", "diff", "dbt"},
	{"lake", "journal", "feed"},
	{"job", "record", "junit", "dqdl", "asl", "project", "blob", "secret", "access", "postgres", "mysql"},
	{"fault"},
}

// neighbours are the imports allowed on one floor, each with its reason.
var neighbours = map[[2]string]string{
	{"plan", "build"}:     "a plan says what each build would do, and asks the build itself",
	{"define", "quality"}: "a definition holds its rules",
	{"define", "source"}:  "a definition holds its dataset's options as the source decodes them",
	{"define", "sink"}:    "a definition names destinations, and only some kinds of connection are one",
	{"engine", "source"}:  "an engine's session is what a source reads itself with",
	{"record", "job"}:     "rejects and batches are typed by job's columns",
}

// seams are the rooms with vendors: each folder below is one, but for the map that lists them and the conformance suites.
var seams = []string{"source", "engine", "sink"}

// typeless are the places that may hold a map[string]any, by file.
var typeless = map[string]string{
	"internal/job/job.go":       "Params are values bound to the $names of SQL",
	"internal/quality/judge.go": "the one row an aggregate query of many measures answers with, by measure",
	"internal/quality/pass.go":  "the one row an aggregate query of many measures answers with, by measure",
}

// emptyWords name nothing: a package is named for what it holds.
var emptyWords = []string{"util", "utils", "common", "type", "types", "helper", "helpers", "misc", "shared", "constants", "base", "lib"}

func TestTheHouseStands(t *testing.T) {
	folders := readModule(t, "../..")
	if len(folders) < 10 {
		t.Fatalf("only %d packages found", len(folders))
	}
	for _, f := range folders {
		for _, wrong := range inspect(f) {
			t.Error(wrong)
		}
	}
}

// inspect says what is wrong with a package, a sentence each.
func inspect(f *folder) []string {
	wrong := slices.Concat(climbs(f), vendors(f), names(f))
	for _, place := range f.inits {
		wrong = append(wrong, place+": func init(): say it where it is used; vendors are listed in one map a seam")
	}
	for _, u := range f.blank {
		wrong = append(wrong, u.place+": blank import of "+u.path+": vendors are listed in one map a seam")
	}
	for _, place := range f.anyMaps {
		file, _, _ := strings.Cut(place, ":")
		if _, ok := typeless[file]; !ok && strings.HasPrefix(f.path, "internal/") {
			wrong = append(wrong, place+": map[string]any: rows are Arrow or inside DuckDB, configuration and results are typed")
		}
	}
	return wrong
}

// climbs finds imports that do not run downward.
func climbs(f *folder) (wrong []string) {
	from, ok := roomOf(f.path)
	if !ok {
		return nil // cmd, test, bench and examples stand outside and may see all
	}
	at := floorOf(from)
	if at < 0 {
		return []string{fmt.Sprintf("%s: the room %s is on no floor of test/floors", f.path, from)}
	}
	for _, u := range f.imports {
		to, inside := roomOf(u.path)
		_, allowed := neighbours[[2]string{from, to}]
		switch {
		case !inside:
			wrong = append(wrong, fmt.Sprintf("%s: %s imports %s, which is outside internal/", u.place, f.path, u.path))
		case to != from && !allowed && floorOf(to) <= at:
			wrong = append(wrong, fmt.Sprintf("%s: %s imports %s, which is not on a lower floor", u.place, f.path, u.path))
		}
	}
	return wrong
}

// vendors finds imports of a vendor by others than its seam's map, the wiring in cli, and itself. Its seam's own packages are
// no exception. What stands outside internal/ (tests, benchmarks) may name vendors.
func vendors(f *folder) (wrong []string) {
	if _, inside := roomOf(f.path); !inside {
		return nil
	}
	for _, u := range f.imports {
		vendor, ok := vendorOf(u.path)
		if !ok || f.path == "internal/cli" || isWithin(f.path, vendor) || isMap(f.path, vendor) {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("%s: %s imports the vendor %s: only its seam's map and cli may", u.place, f.path, vendor))
	}
	return wrong
}

func names(f *folder) (wrong []string) {
	for _, word := range append(strings.Split(f.path, "/"), f.name) {
		if slices.Contains(emptyWords, word) {
			wrong = append(wrong, fmt.Sprintf("%s: %q says nothing about what the package holds", f.path, word))
		}
	}
	return slices.Compact(wrong)
}

// roomOf is the first folder below internal/.
func roomOf(path string) (room string, inside bool) {
	rest, inside := strings.CutPrefix(path, "internal/")
	room, _, _ = strings.Cut(rest, "/")
	return room, inside
}

// floorOf is a room's floor, 0 the highest; -1 where it has none.
func floorOf(room string) int {
	return slices.IndexFunc(house, func(rooms []string) bool { return slices.Contains(rooms, room) })
}

// vendorOf is the vendor's folder a path lies in: internal/source/files of internal/source/files/csv.
func vendorOf(path string) (string, bool) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || parts[0] != "internal" || !slices.Contains(seams, parts[1]) {
		return "", false
	}
	if name := parts[2]; name == "kinds" || strings.HasSuffix(name, "test") {
		return "", false
	}
	return strings.Join(parts[:3], "/"), true
}

func isWithin(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// isMap says whether a package is the map that lists the vendor's seam: internal/source/kinds of internal/source/files.
func isMap(path, vendor string) bool {
	seam := vendor[:strings.LastIndex(vendor, "/")]
	return path == seam+"/kinds"
}

// Each rule finds a breach of it, and lets pass what is allowed.
func TestRulesFindBreaches(t *testing.T) {
	for _, c := range []struct {
		name, path, source string
		want               string // part of the one sentence; "" where nothing is wrong
	}{
		{"downward", "internal/build", `package build; import "weir/internal/lake"`, ""},
		{"downward past floors", "internal/cli", `package cli; import "weir/internal/fault"`, ""},
		{"upward", "internal/lake", `package lake; import "weir/internal/build"`, "not on a lower floor"},
		{"beside", "internal/lake", `package lake; import "weir/internal/journal"`, "not on a lower floor"},
		{"allowed neighbour", "internal/plan", `package plan; import "weir/internal/build"`, ""},
		{"the other way round", "internal/build", `package build; import "weir/internal/plan"`, "not on a lower floor"},
		{"the same room", "internal/lake/commit", `package commit; import "weir/internal/lake"`, ""},
		{"the floor of a folder below a room", "internal/source/files", `package files; import "weir/internal/plan"`, "not on a lower floor"},
		{"a room without a floor", "internal/attic", `package attic`, "no floor"},
		{"outside", "internal/cli", `package cli; import "weir/examples/retail"`, "outside internal/"},
		{"from outside", "bench", `package main; import "weir/internal/engine/duckdb"`, ""},
		{"vendor from a face", "internal/server", `package server; import "weir/internal/source/files"`, "vendor internal/source/files"},
		{"vendor from the heart", "internal/build", `package build; import "weir/internal/engine/duckdb"`, "vendor internal/engine/duckdb"},
		{"vendor from its seam", "internal/source", `package source; import "weir/internal/source/files"`, "vendor internal/source/files"},
		{"vendor from another", "internal/source/rest", `package rest; import "weir/internal/source/files"`, "vendor internal/source/files"},
		{"vendor from its map", "internal/source/kinds", `package kinds; import "weir/internal/source/files"`, ""},
		{"vendor from another's map", "internal/engine/kinds", `package kinds; import "weir/internal/source/files"`, "vendor internal/source/files"},
		{"vendor from cli", "internal/cli", `package cli; import "weir/internal/engine/duckdb"`, ""},
		{"vendor from itself", "internal/source/files/csv", `package csv; import "weir/internal/source/files"`, ""},
		{"conformance suite", "internal/source/files", `package files; import "weir/internal/source/sourcetest"`, ""},
		{"init", "internal/fault", `package fault; func init() {}`, "func init()"},
		{"a method named init", "internal/fault", `package fault; type t int; func (t) init() {}`, ""},
		{"blank import", "cmd/weir", `package main; import _ "weir/internal/source/kinds"`, "blank import"},
		{"map of any", "internal/cli", `package cli; var v = map[string]any{}`, "map[string]any"},
		{"map of interface{}", "internal/cli", `package cli; func f(map[string]interface{}) {}`, "map[string]any"},
		{"map of something", "internal/cli", `package cli; func f(map[string]error) {}`, ""},
		{"empty word as folder", "internal/lake/utils", `package lakes`, `"utils"`},
		{"empty word as package", "bench/report", `package common`, `"common"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, "x.go", c.source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			f := &folder{path: c.path}
			f.add(set, tree, c.path+"/x.go")
			got := inspect(f)
			switch {
			case c.want == "" && len(got) > 0:
				t.Errorf("found %q", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("found %q, want one with %q", got, c.want)
			}
		})
	}
}

func TestFloorsNameEachRoomOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, rooms := range house {
		for _, room := range rooms {
			if seen[room] {
				t.Errorf("%s is on two floors", room)
			}
			seen[room] = true
		}
	}
	for pair, reason := range neighbours {
		if floorOf(pair[0]) != floorOf(pair[1]) || floorOf(pair[0]) < 0 || reason == "" {
			t.Errorf("%s and %s are no neighbours, or there is no reason", pair[0], pair[1])
		}
		if _, both := neighbours[[2]string{pair[1], pair[0]}]; both {
			t.Errorf("%s and %s may import each other", pair[0], pair[1])
		}
	}
}
