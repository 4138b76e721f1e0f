package tour

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// command is one command of the tour and what the README says it prints.
type command struct {
	line int    // in the README, of the line that begins with $
	text string // what a shell runs
	exit int
	want []string
}

var exits = regexp.MustCompile(`\s+# exit (\d+)$`)

// commands reads the console blocks of a README. A line that begins with "$ " is a command, and one that begins with "> "
// right after it goes on with it; "# exit N" at its end is its exit code, 0 where there is none. What follows is what it
// prints.
func commands(readme string) ([]command, error) {
	var all []command
	inside, asking := false, false
	for i, line := range strings.Split(readme, "\n") {
		switch {
		case !inside:
			inside, asking = line == "```console", false
		case line == "```":
			inside = false
		case strings.HasPrefix(line, "$ "):
			c := command{line: i + 1, text: line[2:]}
			if m := exits.FindStringSubmatch(c.text); m != nil {
				c.exit, _ = strconv.Atoi(m[1])
				c.text = exits.ReplaceAllString(c.text, "")
			}
			all, asking = append(all, c), true
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: output before the first command", i+1)
		case asking && strings.HasPrefix(line, "> "):
			all[len(all)-1].text += "\n" + line[2:]
		default:
			all[len(all)-1].want, asking = append(all[len(all)-1].want, line), false
		}
	}
	if inside {
		return nil, fmt.Errorf("the last console block does not end")
	}
	return all, nil
}

// block is the text of the first fenced block of a language.
func block(readme, language string) (string, bool) {
	_, rest, ok := strings.Cut(readme, "\n```"+language+"\n")
	if !ok {
		return "", false
	}
	text, _, ok := strings.Cut(rest, "\n```")
	return text, ok
}

// varying are the parts of a line that differ from run to run, each with what stands for it.
var varying = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "TIME"},
	{regexp.MustCompile(`\b\d{15,19}\b`), "SNAPSHOT"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (B|kB|MB|GB)\b`), "SIZE"},
	// A build writes a file a thread, so that a few rows may lie in one file or in two.
	{regexp.MustCompile(`\b\d+\s+SIZE\b`), "FILES SIZE"},
	{regexp.MustCompile(`\b\d+ files, SIZE\b`), "FILES files, SIZE"},
	{regexp.MustCompile(`\b\d+\.\d s\b|\b\d+ m \d+ s\b`), "DURATION"},
	{regexp.MustCompile(`\s+`), " "},
}

// plain is a line without what differs from run to run, and without its layout, which follows the widths of those parts.
func plain(line string) string {
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.word)
	}
	return strings.TrimSpace(line)
}

// anyLines stands in the README for any lines, also none.
const anyLines = "…"

// agree says whether printed lines are those wanted.
func agree(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case want[0] == anyLines:
		return agree(want[1:], got) || len(got) > 0 && agree(want, got[1:])
	}
	return len(got) > 0 && plain(want[0]) == plain(got[0]) && agree(want[1:], got[1:])
}

// differ is the first line where the printed lines leave the wanted, for a person.
func differ(want, got []string) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("the README goes on with %q", want[i])
		case i >= len(want):
			return fmt.Sprintf("the program goes on with %q", got[i])
		case want[i] == anyLines:
			return "what follows the first … in the README is not printed"
		case plain(want[i]) != plain(got[i]):
			return fmt.Sprintf("README  %q\nprinted %q", want[i], got[i])
		}
	}
	return ""
}
