// Package local is a platform for functions on this machine: it runs programs
// that speak AWS Lambda's runtime API, as AWS Lambda runs them. An instance gets
// one event at a time, is frozen between two, and is ended when it takes too
// much time or memory. Without Lambda it shows what a job does in functions, and
// tests it.
package local

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

// Options describe a function.
type Options struct {
	// Command is the program, with its arguments; Env is added to this process'.
	Command []string
	Env     []string
	// Memory is how many bytes an instance may have resident; 0 means any number.
	Memory int64
	// Timeout is how long an event may take.
	Timeout time.Duration
	// Keep is how many instances are kept for the next event.
	Keep int
	// Retry is how long it takes before an event that nobody waits for is given to an
	// instance again, since it has failed; the next time it is twice as long.
	Retry time.Duration
}

// Platform runs a function. It is a lambda.Invoker.
type Platform struct {
	o    Options
	sent sending

	mu     sync.Mutex
	idle   []*instance
	all    map[*instance]bool
	closed bool
	counts Counts
}

// Counts are what has been done.
type Counts struct {
	Invocations int64         // begun
	Starts      int64         // cold: for which an instance was started
	Billed      time.Duration // the time that instances ran, starts included
	// Peak is the most memory that an instance had resident, pages of its program among
	// it, and Own that without what it shares with files, as far as was seen.
	Peak, Own int64
}

var (
	_ lambda.Invoker = (*Platform)(nil)
	_ lambda.Biller  = (*Platform)(nil)
)

// New returns a platform with no instance.
func New(o Options) *Platform { return &Platform{o: o, all: make(map[*instance]bool)} }

// Invoke gives an event to an instance, and starts one when all are busy. When
// ctx ends, the instance goes on by itself: a function does not learn that its
// caller has gone.
func (p *Platform) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	reply, _, err := p.InvokeBilled(ctx, event)
	return reply, err
}

// InvokeBilled is Invoke, and says what it bills. What runs on when ctx has ended
// is billed as well, but not told.
func (p *Platform) InvokeBilled(ctx context.Context, event json.RawMessage) (json.RawMessage, lambda.Billed, error) {
	if len(event) > lambda.MaxPayload {
		return nil, lambda.Billed{}, lambda.Failure{Type: "invalid", Message: fmt.Sprintf("an event of %d bytes: at most %d", len(event), lambda.MaxPayload)}
	}
	i, err := p.take()
	if err != nil {
		return nil, lambda.Billed{}, err
	}
	began := time.Now() //nolint:forbidigo // time is what is billed
	billed := lambda.Billed{Memory: p.o.Memory}
	done := make(chan answer, 1)
	go func() {
		a := i.invoke(event, p.o.Timeout)
		a.ran = time.Since(began)
		p.give(i, a.ran)
		done <- a
	}()
	select {
	case a := <-done:
		billed.Duration = a.ran
		return a.reply, billed, a.err
	case <-ctx.Done():
		return nil, billed, context.Cause(ctx)
	}
}

// take is an instance that nobody else has.
func (p *Platform) take() (*instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%w: the platform has ended", job.ErrUnavailable)
	}
	p.counts.Invocations++
	for n := len(p.idle); n > 0; n-- {
		i := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if !i.gone() {
			return i, nil
		}
		p.drop(i)
	}
	p.counts.Starts++
	p.sent.once.Do(p.serve)
	o := p.o
	o.Env = append(o.Env[:len(o.Env):len(o.Env)], EnvPlatform+"="+p.sent.at)
	i, err := start(o)
	if err != nil {
		return nil, err
	}
	p.all[i] = true
	return i, nil
}

// give takes an instance back.
func (p *Platform) give(i *instance, ran time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Billed += ran
	p.counts.Peak, p.counts.Own = max(p.counts.Peak, i.peak), max(p.counts.Own, i.own)
	if !i.gone() && len(p.idle) < p.o.Keep && !p.closed {
		p.idle = append(p.idle, i)
		return
	}
	p.drop(i)
}

func (p *Platform) drop(i *instance) {
	delete(p.all, i)
	i.end()
}

// Counts are what has been done so far.
func (p *Platform) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Close ends all instances, and waits until they have.
func (p *Platform) Close() error {
	p.mu.Lock()
	p.closed = true
	if p.sent.server != nil {
		_ = p.sent.server.Close() // whoever sends to it has ended
	}
	all := slices.Collect(maps.Keys(p.all))
	p.mu.Unlock()
	for _, i := range all {
		i.end()
	}
	for _, i := range all {
		<-i.exited
	}
	return nil
}
