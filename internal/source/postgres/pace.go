package postgres

import (
	"context"
	"sync"
	"time"
)

// pace keeps the reads of a connection below a number of rows a second.
type pace struct {
	rows int64 // a second; 0: as they come
	mu   sync.Mutex
	next time.Time // when the next rows may go
}

func newPace(rows int64) *pace { return &pace{rows: rows} }

// wait lets n rows go when it is their time.
func (p *pace) wait(ctx context.Context, n int64) error {
	if p.rows == 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next
	p.next = at.Add(time.Duration(float64(n) / float64(p.rows) * float64(time.Second)))
	p.mu.Unlock()
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
