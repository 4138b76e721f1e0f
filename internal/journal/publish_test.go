package journal

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPublishes(t *testing.T) {
	j, ctx := open(t, filledFile(t, 3)), t.Context()
	runs, err := j.Runs(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.Redact = func(s string) string { return strings.ReplaceAll(s, "secret", "***") }
	at := now()
	note := func(run Run, attempt int, s PublishStatus, full bool, rejects string) {
		t.Helper()
		p := Publish{RunID: run.ID, Table: "marts.a", Destination: "bi.a", Attempt: attempt, Status: PublishRunning, Mode: "upsert", Started: at}
		if err := j.Publish(ctx, p); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
		p.Status, p.Ended, p.Rows, p.Written, p.Full, p.Rejects, p.Error = s, at, 7, 5, full, rejects, "a secret"
		if err := j.Publish(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	note(runs[2], 1, Published, false, "old")
	note(runs[1], 1, PublishFailed, false, "passed over")
	note(runs[1], 2, Published, true, "all")
	note(runs[0], 1, Published, false, "")
	note(runs[0], 2, Published, false, "since")
	got, err := j.Publishes(ctx, runs[1].ID)
	if err != nil || len(got) != 2 || got[1].Attempt != 2 || got[1].Status != Published || got[1].Rows != 7 || got[1].Written != 5 || !got[1].Full || got[1].Error != "a ***" || !got[1].Ended.Equal(at.Add(-2*time.Second)) {
		t.Errorf("%+v, %v", got, err)
	}
	places := func() (out []string) {
		t.Helper()
		ps, err := j.PublishesTo(ctx, "marts.a", "bi.a")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			out = append(out, p.Rejects)
		}
		return out
	}
	if got := strings.Join(places(), " "); got != "since all" {
		t.Errorf("rows that were refused and still count lie in %s", got)
	}
	note(runs[0], 3, PublishFailed, false, "last")
	if got := strings.Join(places(), " "); got != "last since all" {
		t.Errorf("after a failure: %s", got)
	}
	if err := j.Publish(ctx, Publish{RunID: "none"}); !errors.Is(err, ErrNoRun) {
		t.Errorf("a run that is not there: %v", err)
	}
	if err := j.Forget(ctx, runs[0].ID); err != nil {
		t.Error(err)
	}
	if got := strings.Join(places(), " "); got != "all" {
		t.Errorf("after a run was forgotten: %s", got)
	}
}
