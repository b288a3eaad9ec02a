package wadi

import (
	"context"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
)

// spending is what a call of a deployed job uses itself: its time, when it is an
// invocation, and its requests to storage.
type spending struct {
	with func(context.Context) context.Context
	used func() cost.Usage
	told *cost.Usage // what is on the epochs already
}

// spending begins it. What goes on behind a task is of the task's invocation.
func (e *Env) spending(why lambda.Reason) spending {
	s := spending{told: new(cost.Usage)}
	var used func() cost.Usage
	memory := int64(0)
	if e.o.invoked {
		memory = memoryOf(e.Config(keyFunctionMemory))
	}
	s.with, used = meterInvocation(memory)
	s.used = func() cost.Usage {
		u := used()
		if !e.o.invoked || why == lambda.Task {
			u.Invocations = 0
		}
		return u
	}
	return s
}

// on is what was used for an epoch of so many rows: by the call since the epoch
// before, and by its stages elsewhere.
func (s spending) on(p coordinator.Passed, rows int64) cost.Usage {
	now := s.used()
	u := now.Minus(*s.told)
	*s.told = now
	for _, r := range p.Ran {
		u = u.Plus(r.Usage)
	}
	u.Epochs, u.Rows = 1, rows
	return u
}
