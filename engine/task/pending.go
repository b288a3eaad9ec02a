package task

import "sync/atomic"

// Pending is how many rows a source has not read, as far as it knows.
type Pending struct {
	rows  atomic.Int64
	known atomic.Bool
}

// Set notes the number.
func (p *Pending) Set(rows int64) {
	p.rows.Store(rows)
	p.known.Store(true)
}

// Get is the number; false while it is not known.
func (p *Pending) Get() (rows int64, known bool) { return p.rows.Load(), p.known.Load() }
