package golden

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/lambda"
)

// shared opens the same memory for everybody, whatever the URL.
func shared(d objstore.Driver) objstore.Opener {
	return func(context.Context, *url.URL, map[string]string) (objstore.Driver, error) { return d, nil }
}

// calls are functions in this process, whose events and replies are the JSON that
// others would get.
func calls(h lambda.Handler) wadi.Invokers {
	return wadi.Invokers{"golden": func(context.Context, string) (lambda.Invoker, error) { return call{h}, nil }}
}

type call struct{ handle lambda.Handler }

// Invoke implements lambda.Invoker: what fails keeps no more than it would on its way.
func (c call) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	reply, err := c.handle(ctx, event)
	if err != nil {
		return nil, lambda.FailureOf(err)
	}
	return reply, nil
}

// shifter changes the gear of a job, in turn.
type shifter struct {
	gears []string

	mu   sync.Mutex
	run  *wadi.Run // nil until it has begun
	at   int
	done int
}

func (s *shifter) of(run *wadi.Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
}

// next asks for the next gear. A job that is about to end says no.
func (s *shifter) next(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return
	}
	if s.run.ChangeGear(ctx, s.gears[(s.at+1)%len(s.gears)]) == nil {
		s.at++
		s.done++
	}
}

// changes is how many there were.
func (s *shifter) changes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}
