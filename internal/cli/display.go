package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"weir/internal/build"
	"weir/internal/fault"
	"weir/internal/job"
	"weir/internal/journal"
	"weir/internal/run"
)

// display shows a run as it goes: a line a finished table and, on a terminal, a live line for each that is being built.
type display struct {
	app       *app
	out       io.Writer
	live      bool
	quiet     bool   // results go out as JSON
	following bool   // only what happens is shown
	header    string // of a run that has not shown anything yet
	mu        sync.Mutex
	width     int
	running   map[string]*watched
	drawn     int // live lines on the screen
	halt      chan struct{}
	wait      sync.WaitGroup
}

// watched is one build that is going on.
type watched struct {
	since    time.Time
	progress build.Progress
	bytes    int64 // to be read
}

func newDisplay(a *app, quiet bool) *display {
	d := &display{app: a, out: a.out, quiet: quiet, running: map[string]*watched{}, width: 24}
	if f, ok := a.out.(*os.File); ok {
		d.live = !quiet && term.IsTerminal(int(f.Fd()))
	}
	return d
}

func (d *display) start(r journal.Run, tables int, place string) {
	header := fmt.Sprintf("run %d · %s · %s UTC%s", r.Number, plural(int64(tables), "table"), r.Time.UTC().Format("2006-01-02 15:04:05"), place)
	if d.following {
		d.header, header = header, ""
	}
	d.began(header)
}

// began prints the first line, "" for none yet, and keeps the live ones up to date until stop.
func (d *display) began(line string) {
	if !d.quiet && line != "" {
		fmt.Fprintln(d.out, line)
	}
	d.halt = make(chan struct{})
	if !d.live {
		return
	}
	d.wait.Add(1)
	go func() {
		defer d.wait.Done()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-d.halt:
				return
			case <-tick.C:
				d.mu.Lock()
				d.redraw()
				d.mu.Unlock()
			}
		}
	}()
}

func (d *display) stop() {
	close(d.halt)
	d.wait.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
}

func (d *display) observe(table string, p build.Progress, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running[table] = &watched{since: time.Now(), progress: p, bytes: bytes}
}

func (d *display) forget(table string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, table)
}

// erase takes the live lines off the screen.
func (d *display) erase() {
	if d.drawn > 0 {
		fmt.Fprintf(d.out, "\x1b[%dA\x1b[J", d.drawn)
		d.drawn = 0
	}
}

func (d *display) redraw() {
	d.erase()
	for _, name := range keys(d.running) {
		w := d.running[name]
		fmt.Fprintln(d.out, d.liveLine(name, w))
		d.drawn++
	}
}

func (d *display) liveLine(name string, w *watched) string {
	line := fmt.Sprintf("%-*s  %s", d.width, name, seconds(time.Since(w.since)))
	percent, rows, _ := w.progress.Progress()
	if rows > 0 {
		rate := float64(rows) / max(time.Since(w.since).Seconds(), 0.001)
		line += fmt.Sprintf("  %s rows  %s rows/s", count(int64(rows)), count(int64(rate)))
	}
	if percent > 0 && percent < 100 {
		line += fmt.Sprintf("  %s of %s", size(int64(float64(w.bytes)*percent/100)), size(w.bytes))
		left := time.Duration(float64(time.Since(w.since)) * (100 - percent) / percent)
		line += fmt.Sprintf("  %.0f %%  %s left", percent, seconds(left))
	}
	return line
}

func (d *display) print(line string) {
	if d.quiet {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	if d.header != "" {
		fmt.Fprintln(d.out, d.header)
		d.header = ""
	}
	fmt.Fprintln(d.out, d.app.redact(line))
}

func (d *display) retry(table, reason string, wait time.Duration) {
	d.print(fmt.Sprintf("%-*s  again in %s: %s", d.width, table, seconds(wait), reason))
}

func (d *display) done(r run.Result, out build.Outcome) {
	took := seconds(r.Ended.Sub(r.Started))
	switch r.Status {
	case run.Built:
		d.print(fmt.Sprintf("%-*s  built    %s  %s", d.width, r.Name, counted(out), took))
		if how := told(out); how != "" {
			d.print(strings.Repeat(" ", d.width) + "           " + how)
		}
		d.warnings(out)
	case run.Skipped:
		if d.following {
			return
		}
		d.print(fmt.Sprintf("%-*s  skipped  %s", d.width, r.Name, out.Why))
	case run.Failed:
		d.print(fmt.Sprintf("%-*s  FAILED   %s", d.width, r.Name, strings.TrimPrefix(r.Err.Error(), "build "+r.Name+": ")))
		if hint := fault.HintOf(r.Err); hint != "" {
			d.print(strings.Repeat(" ", d.width) + "           " + hint)
		}
	case run.Blocked:
		d.print(fmt.Sprintf("%-*s  blocked  needs %s", d.width, r.Name, r.BlockedBy))
	case run.Interrupted:
		d.print(fmt.Sprintf("%-*s  interrupted", d.width, r.Name))
	}
}

// told says how a build that did not read everything went, or why it did.
func told(out build.Outcome) string {
	if out.Why == "" || out.Already || out.Why == "full build: first build" || out.Why == "full build: asked for" {
		return ""
	}
	if out.BytesAll > out.BytesRead {
		return fmt.Sprintf("%s · read %s of %s", out.Why, size(out.BytesRead), size(out.BytesAll))
	}
	return out.Why
}

func (d *display) warnings(out build.Outcome) {
	pad := strings.Repeat(" ", d.width) + "           "
	if out.Limited > 0 {
		d.print(pad + "limited to " + plural(out.Limited, "row") + " a read: no complete build")
	}
	for _, in := range out.Deferred {
		d.print(pad + deferredText(in))
	}
	for _, o := range out.Rules {
		if !o.Passed {
			d.print(fmt.Sprintf("%s%s: %s: %s", pad, o.Rule.OnFail, o.Rule.Text, o.Reason))
		}
	}
	if c := out.Change; len(c.Parts) > 0 && !out.Skipped {
		d.print(pad + "definition changed: " + c.What() + " · " + wayWords[c.Way])
	}
	for _, c := range out.Added {
		d.print(pad + "new column " + c)
	}
	for _, c := range out.Renamed {
		d.print(pad + "renamed column " + c)
	}
	for _, c := range out.Widened {
		d.print(pad + "wider column " + c)
	}
}

// counted writes a build's counts so that they add up: read = accepted + what was turned away, then what the table became.
func counted(out build.Outcome) string {
	c := out.Counts
	text := fmt.Sprintf("read %s = %s accepted", count(c.Read), count(c.Accepted))
	for _, part := range []struct {
		n    int64
		word string
	}{{c.Rejected, "rejected"}, {c.Quarantined, "quarantined"}, {c.Filtered, "filtered"}, {c.Superseded, "superseded"}, {c.Stale, "stale"}} {
		if part.n > 0 {
			text += fmt.Sprintf(" + %s %s", count(part.n), part.word)
		}
	}
	return text + " · " + became(c)
}

func became(c job.Counts) string {
	text := fmt.Sprintf("%s rows", count(c.After))
	var how []string
	if c.Before > 0 {
		how = append(how, "was "+count(c.Before))
	}
	if c.Updated > 0 {
		how = append(how, count(c.Updated)+" updated")
	}
	if c.Deleted > 0 && c.Before != c.Deleted {
		how = append(how, count(c.Deleted)+" deleted")
	}
	if len(how) > 0 {
		text += " (" + strings.Join(how, ", ") + ")"
	}
	return text
}

// summary is the last line of a run.
func (d *display) summary(rep report) {
	n := map[string]int{}
	var failed, blocked []string
	for _, t := range rep.Tables {
		n[t.Status]++
		switch run.Status(t.Status) {
		case run.Failed:
			failed = append(failed, t.Table)
		case run.Blocked:
			blocked = append(blocked, t.Table+" needs "+t.Blocked)
		}
	}
	var parts []string
	for _, s := range []run.Status{run.Built, run.Skipped, run.Failed, run.Blocked, run.Interrupted} {
		if k := n[string(s)]; k > 0 {
			parts = append(parts, fmt.Sprintf("%d %s%s", k, s, listed(s, failed, blocked)))
		}
	}
	word := "done"
	switch {
	case rep.Exit == fault.ExitInterrupted:
		word = "interrupted"
	case rep.Exit != fault.ExitDone:
		word = "done with failures"
	}
	parts = append(parts, publishParts(rep.Publishes)...)
	if len(parts) == 0 {
		parts = []string{"nothing to build"}
	}
	line := fmt.Sprintf("%s in %s: %s", word, seconds(time.Duration(rep.Seconds*float64(time.Second))), strings.Join(parts, ", "))
	switch {
	case rep.Exit == fault.ExitDone:
	case len(rep.Tables) == 0:
		line += ". Retry: weir publish"
	default:
		line += fmt.Sprintf(". Retry: weir run --failed %d", rep.Run)
	}
	if !d.following {
		if text := waitingText(rep.Waiting); text != "" {
			d.print(text)
		}
	}
	d.print(line)
}

// publishParts counts the destinations of a run by how they came out, and names those that failed.
func publishParts(all []publishReport) (parts []string) {
	by := map[string][]string{}
	for _, p := range all {
		by[p.Status] = append(by[p.Status], p.Destination)
	}
	if n := len(by[publishedWord]); n > 0 {
		parts = append(parts, fmt.Sprintf("%d published", n))
	}
	for _, s := range []run.Status{run.Skipped, run.Failed, run.Blocked, run.Interrupted} {
		if names := by[string(s)]; len(names) > 0 {
			parts = append(parts, fmt.Sprintf("%s %s%s", plural(int64(len(names)), "destination"), destinationWords[s], listed(s, names, names)))
		}
	}
	return parts
}

func listed(s run.Status, failed, blocked []string) string {
	names := failed
	if s == run.Blocked {
		names = blocked
	}
	if s != run.Failed && s != run.Blocked {
		return ""
	}
	slices.Sort(names)
	if len(names) > 5 {
		names = append(slices.Clone(names[:5]), "…")
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// destinationWords say how destinations came out that got nothing.
var destinationWords = map[run.Status]string{run.Skipped: "up to date", run.Failed: "failed", run.Blocked: "blocked", run.Interrupted: "interrupted"}
