package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

const (
	// maxAsks is how many questions may be open at one worker.
	maxAsks = 32
	// askTimeout is how long a worker may take to answer one.
	askTimeout = 10 * time.Second
)

// asks are the questions that a worker has not answered.
type asks struct {
	mu   sync.Mutex
	last uint64
	open map[uint64]chan rpc.Answer
	over bool
}

// Ask asks a worker about its process.
func (c *Cluster) Ask(ctx context.Context, id string, a rpc.Ask) (rpc.Answer, error) {
	c.mu.Lock()
	i := slices.IndexFunc(c.workers, func(w *Member) bool { return w.info.ID == id })
	if i < 0 {
		c.mu.Unlock()
		return rpc.Answer{}, fmt.Errorf("%w: no worker %s", job.ErrInvalid, id)
	}
	w := c.workers[i]
	away := w.on(nil)
	c.mu.Unlock()
	if away {
		return rpc.Answer{}, fmt.Errorf("%w: worker %s cannot be reached at the moment", job.ErrUnavailable, id)
	}
	number, answer, err := w.asks.add()
	if err != nil {
		return rpc.Answer{}, fmt.Errorf("worker %s: %w", id, err)
	}
	defer w.asks.forget(number)
	a.ID = number
	w.send(rpc.ToWorker{Ask: &a})
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case r, ok := <-answer:
		if !ok {
			return r, fmt.Errorf("%w: worker %s is lost", job.ErrUnavailable, id)
		}
		return r, nil
	case <-ctx.Done():
		return rpc.Answer{}, fmt.Errorf("%w: worker %s does not answer", job.ErrUnavailable, id)
	}
}

// add makes room for an answer.
func (q *asks) add() (number uint64, answer chan rpc.Answer, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.over:
		return 0, nil, fmt.Errorf("%w: it is lost", job.ErrUnavailable)
	case len(q.open) >= maxAsks:
		return 0, nil, fmt.Errorf("%w: it is asked too much", job.ErrUnavailable)
	case q.open == nil:
		q.open = make(map[uint64]chan rpc.Answer)
	}
	q.last++
	answer = make(chan rpc.Answer, 1)
	q.open[q.last] = answer
	return q.last, answer, nil
}

func (q *asks) forget(number uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.open, number)
}

// answered passes on an answer, if somebody still waits for it.
func (q *asks) answered(a rpc.Answer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if to, ok := q.open[a.ID]; ok {
		delete(q.open, a.ID)
		to <- a // it has room for one
	}
}

// cut says that no answers come to the questions that are open.
func (q *asks) cut() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.close()
}

func (q *asks) close() {
	for _, to := range q.open {
		close(to)
	}
	q.open = nil
}

// end says that no answers come any more.
func (q *asks) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.close()
	q.over = true
}
