package run

import (
	"context"
	"errors"

	"weir/internal/fault"
)

// attemptOnce does one attempt within its time. A panic is an error of class internal, of this step alone.
func attemptOnce(parent context.Context, s Step, attempt int, do Do) (skipped bool, err error) {
	ctx := parent
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(parent, s.Timeout)
		defer cancel()
	}
	skipped, err = guarded(ctx, s, attempt, do)
	switch {
	case err == nil || parent.Err() != nil || verdict(err):
		return skipped, err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		// Whatever the step says of it: its time was up, and more of it may help.
		return false, fault.New(fault.Unavailable, "timed out after %s: %w", fault.Short(s.Timeout), err).
			WithHint("give %s a longer timeout, or less to do", s.Name)
	case fault.ClassOf(err) == fault.Canceled:
		// Nobody interrupted this run, so a person must not be told so.
		return false, fault.New(fault.Internal, "ended early though nobody interrupted it: %w", err)
	}
	return skipped, err
}

// guarded turns a panic into an error. Its stack is left out: it would reach people and the journal.
func guarded(ctx context.Context, s Step, attempt int, do Do) (skipped bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			skipped, err = false, panicked(p)
		}
	}()
	return do(ctx, s, attempt)
}

func panicked(p any) error {
	if cause, ok := p.(error); ok {
		return fault.New(fault.Internal, "panicked: %w", cause)
	}
	return fault.New(fault.Internal, "panicked: %v", p)
}
