package beside

import (
	"context"
	"sync"
)

// Durable says, of each source, up to where a checkpoint holds what was read: its
// enumerator is told, and its reader, in the same process, wants to know. The zero
// value works.
type Durable struct {
	mu sync.Mutex
	by map[string]*level
}

type level struct {
	n       uint64
	changed chan struct{}
}

func (d *Durable) of(source string) *level {
	if d.by == nil {
		d.by = map[string]*level{}
	}
	if d.by[source] == nil {
		d.by[source] = &level{changed: make(chan struct{})}
	}
	return d.by[source]
}

// Set says how far a source is; a job that starts again may be less far.
func (d *Durable) Set(source string, n uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.of(source)
	if l.n == n {
		return
	}
	l.n = n
	close(l.changed)
	l.changed = make(chan struct{})
}

// Get is how far a source is.
func (d *Durable) Get(source string) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of(source).n
}

// Wait waits until a source is as far as n.
func (d *Durable) Wait(ctx context.Context, source string, n uint64) error {
	for {
		d.mu.Lock()
		l := d.of(source)
		reached, changed := l.n >= n, l.changed
		d.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
