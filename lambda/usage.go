package lambda

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/job/cost"
)

// Billed is what a platform says that an invocation costs; the zero value says
// nothing.
type Billed struct {
	Duration time.Duration
	Memory   int64 // bytes that the function has
}

// Biller is an Invoker that knows what an invocation is billed, also one that fails.
type Biller interface {
	InvokeBilled(ctx context.Context, event json.RawMessage) (reply json.RawMessage, billed Billed, err error)
}

// used is the sum of what invocations have used.
type used struct {
	mu  sync.Mutex
	sum cost.Usage
}

func (u *used) add(v cost.Usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sum = u.sum.Plus(v)
}

func (u *used) total() cost.Usage {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sum
}

// bill is what an invocation has used: by what it says itself, and for its time by
// the platform, if that says so, or else by how long the caller has waited.
func (l *Launcher) bill(own cost.Usage, b Billed, waited time.Duration) cost.Usage {
	memory := b.Memory
	if memory == 0 {
		memory = l.Memory
	}
	switch {
	case b.Duration > 0:
		own.GBSeconds = cost.Invoked(b.Duration, memory).GBSeconds
	case own.GBSeconds == 0:
		own.GBSeconds = cost.Invoked(waited, memory).GBSeconds
	}
	own.Invocations = 1
	return own
}

// call calls the function, and learns what that is billed.
func (l *Launcher) call(ctx context.Context, event json.RawMessage) (json.RawMessage, Billed, error) {
	if b, ok := l.Invoker.(Biller); ok {
		return b.InvokeBilled(ctx, event)
	}
	reply, err := l.Invoker.Invoke(ctx, event)
	return reply, Billed{}, err
}
