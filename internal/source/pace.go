package source

import (
	"context"
	"sync"
	"time"
)

// Pace keeps the reads of a connection below a number of rows a second.
type Pace struct {
	rows int64 // a second; 0: as they come
	mu   sync.Mutex
	next time.Time // when the next rows may go
}

// NewPace allows so many rows a second; 0 is as many as come.
func NewPace(rows int64) *Pace { return &Pace{rows: rows} }

// Wait lets n rows go when it is their time.
func (p *Pace) Wait(ctx context.Context, n int64) error {
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
