package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/define"
	"weir/internal/fault"
	"weir/internal/journal"
	"weir/internal/lake"
)

// sentReport is a destination to which refused rows were sent again.
type sentReport struct {
	Destination string `json:"destination"`
	Rows        int64  `json:"rows"`
	Deleted     int64  `json:"deleted"`
	Refused     int64  `json:"refused"` // again; they are rejects of this run now
}

// sendAgain sends rows that destinations refused once more, each destination in a run of its own.
func (w *workspace) sendAgain(ctx context.Context, table string, picked []openReject, o replayOptions, rep *replayReport) error {
	if !w.project.Publish {
		return fault.New(fault.Usage, "%s of %s cannot be sent again here: an environment has to say publish: on", plural(int64(len(picked)), "refused row"), table).
			WithHint("weir --env ENVIRONMENT rejects replay %s --kind publish", table)
	}
	var errs []error
	for _, p := range w.destinations([]string{table}) {
		var rs []openReject
		for _, r := range picked {
			if r.Dataset == p.to.To {
				rs = append(rs, r)
			}
		}
		if len(rs) > 0 {
			errs = append(errs, w.sendTo(ctx, p, rs, o, rep))
		}
	}
	return errors.Join(errs...)
}

// sendTo brings a destination up to date, and then the rows it refused. It settles them where that is through: a crash before sends
// the same rows once more, which by key are the same.
func (w *workspace) sendTo(ctx context.Context, p publishing, rs []openReject, o replayOptions, rep *replayReport) error {
	j, err := w.openJournal(ctx)
	if err != nil {
		return err
	}
	r, err := w.beginRun(ctx, j, runOptions{selection: selection{patterns: []string{changePrefix + "rejects replay " + p.table.Name + " --kind publish"}}}, nil)
	if err != nil {
		return err
	}
	e := newExecution(w, j, r, runOptions{json: true, republish: p.to.Mode == define.PublishReplace})
	e.publishSteps(nil, []publishing{p})
	_, err = e.publish(ctx, p, 1)
	if err == nil && !e.options.republish {
		for _, x := range rs {
			e.again = append(e.again, x.Reject)
		}
		_, err = e.publish(ctx, p, 2)
	}
	status := journal.Done
	if err != nil {
		status = journal.Failed
	}
	keep := context.WithoutCancel(ctx)
	if err != nil {
		return errors.Join(err, j.Finish(keep, r.ID, status))
	}
	l := e.brought[p.step()].Loaded
	rep.Sent = append(rep.Sent, sentReport{p.to.To, l.Brought, l.Deleted, l.Refused})
	if !o.json {
		fmt.Fprintf(w.app.out, "%s to %s: %s sent again, %s refused again\n", p.table.Name, p.to.To, plural(l.Brought+l.Deleted, "row"), count(l.Refused))
	}
	return errors.Join(w.settleRefused(keep, rs, lake.RejectReplayed, r, o.why), j.Finish(keep, r.ID, status))
}

// settleRefused notes what was done to refused rows, where each of their publishes keeps them.
func (w *workspace) settleRefused(ctx context.Context, rs []openReject, what lake.RejectDeed, r journal.Run, why string) error {
	at := map[string]*lake.RejectNote{}
	for _, x := range rs {
		if at[x.place] == nil {
			at[x.place] = &lake.RejectNote{What: what, By: whoami(), At: time.Now().UTC().Truncate(time.Second), Run: r.ID, Why: why}
		}
		at[x.place].Rejects = append(at[x.place].Rejects, x.Run+"/"+x.ID)
	}
	for _, place := range keys(at) {
		if err := w.lake.NoteRunRejects(ctx, place, *at[place]); err != nil {
			return err
		}
	}
	return nil
}
