package node

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// session is what a worker holds; it outlives coordinators, and connections to them.
type session struct {
	*node

	// turn is held by those who report, and alone by who registers: no report is
	// between what a new coordinator is told of and what it is sent.
	turn sync.RWMutex
	// answers are given beside everything else; the coordinator limits how many.
	answers sync.WaitGroup

	drops sync.WaitGroup

	talk          talk
	registrations int // of turn

	mu   sync.Mutex
	jobs map[job.ID]*hosted
	// ending are jobs that are dropped, and whose tasks are not gone yet. One of
	// the same id that is started again waits for them.
	ending map[job.ID]<-chan struct{}
}

// hosted is a job on this worker. Its commands are carried out one after the
// other, beside those of other jobs.
type hosted struct {
	s     *session
	start rpc.Start
	wake  chan struct{} // holds a token when there is a command
	done  chan struct{} // closed at the end
	loops sync.WaitGroup
	// before is closed when tasks of an earlier life of the job are gone; or nil.
	before <-chan struct{}

	mu     sync.Mutex
	queue  []rpc.Command
	full   bool           // the queue was, since the last Deploy or Cancel
	worker *engine.Worker // nil until it is opened
	ledger rpc.Ledger
}

// maxCommands is how many commands may wait for the tasks of a job: more than
// that fails its attempt.
const maxCommands = 1 << 14

func newSession(n *node) *session {
	return &session{node: n, jobs: make(map[job.ID]*hosted), ending: make(map[job.ID]<-chan struct{})}
}

// held is what the next coordinator may adopt, and the jobs that it cannot.
func (s *session) held() (all []rpc.Held, broken []job.ID) {
	s.mu.Lock()
	jobs := maps.Clone(s.jobs)
	s.mu.Unlock()
	for id, h := range jobs {
		h.mu.Lock()
		held := h.ledger.Held(id)
		h.mu.Unlock()
		if held == nil {
			broken = append(broken, id)
			continue
		}
		all = append(all, *held)
	}
	return all, broken
}

// obey carries out a message. It does not wait for tasks.
func (s *session) obey(ctx context.Context, msg rpc.ToWorker) {
	switch {
	case msg.Start != nil:
		s.start(ctx, *msg.Start)
	case msg.Command != nil:
		s.mu.Lock()
		h := s.jobs[msg.Command.Job]
		s.mu.Unlock()
		if c := msg.Command.Open(); h != nil && c != nil {
			h.push(c)
		}
	case msg.Drop != "":
		s.drop(msg.Drop)
	case msg.Ask != nil:
		s.answers.Go(func() {
			a := s.Logs.Answer(*msg.Ask)
			_ = s.talk.say(rpc.ToCoordinator{Answer: &a}) // who has asked is gone
		})
	}
}

func (s *session) start(ctx context.Context, start rpc.Start) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[start.Job] != nil {
		return
	}
	h := &hosted{s: s, start: start, wake: make(chan struct{}, 1), done: make(chan struct{}), before: s.ending[start.Job]}
	s.jobs[start.Job] = h
	h.loops.Go(func() { h.run(context.WithoutCancel(ctx)) })
}

// drop forgets a job, whose tasks have ended or do not matter any more. It does
// not wait for them.
func (s *session) drop(id job.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.jobs[id]
	if h == nil {
		return
	}
	delete(s.jobs, id)
	gone := make(chan struct{})
	s.ending[id] = gone
	s.drops.Go(func() {
		h.close()
		s.mu.Lock()
		defer s.mu.Unlock()
		close(gone)
		if s.ending[id] != gone {
			return // it was started and dropped again
		}
		delete(s.ending, id)
		if s.jobs[id] == nil {
			s.transport.Forget(id)
		}
	})
}

// close ends every job.
func (s *session) close() {
	s.answers.Wait()
	s.mu.Lock()
	all := s.jobs
	s.jobs = nil
	s.mu.Unlock()
	for _, h := range all {
		h.close()
	}
	s.drops.Wait()
}

// heartbeats says to m that the worker is well, until ctx ends.
func (s *session) heartbeats(ctx context.Context, m *peer.Messages, interval time.Duration) {
	for {
		pause := interval
		if s.busy() {
			pause = min(interval, news)
		}
		select {
		case <-s.Clock.After(pause):
		case <-ctx.Done():
			return
		}
		if err := m.Send(rpc.ToCoordinator{Heartbeat: s.heartbeat()}); err != nil {
			_ = m.Close() // who receives notices
			return
		}
	}
}

// news is how old counts of running tasks may be that people look at.
const news = time.Second

// busy reports whether there are jobs.
func (s *session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.jobs) > 0
}

func (s *session) heartbeat() *rpc.Heartbeat {
	h := &rpc.Heartbeat{Process: s.process.Read(), Heard: s.talk.heard()}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, j := range s.jobs {
		j.mu.Lock()
		w := j.worker
		j.mu.Unlock()
		if w != nil {
			h.Jobs = append(h.Jobs, rpc.JobCounts{Job: id, Counts: w.Counts()})
		}
	}
	return h
}

// push queues a command. When too many wait all tasks here have failed: what can
// still be done with them is to cancel them, and to deploy others.
func (h *hosted) push(c rpc.Command) {
	ends := false
	switch c.(type) {
	case rpc.Deploy, rpc.Cancel:
		ends = true
	case rpc.Assign, rpc.Inject, rpc.Confirm:
	}
	h.mu.Lock()
	overflows := !ends && !h.full && len(h.queue) >= maxCommands
	h.full = !ends && (h.full || overflows)
	if !h.full {
		h.queue = append(h.queue, c)
	}
	h.mu.Unlock()
	if overflows {
		failed := rpc.FailedBy(c, fmt.Errorf("%w: %d commands wait for the tasks on worker %s", job.ErrUnavailable, maxCommands, h.s.ID))
		failed.With = h.tasks()
		h.report(failed)
	}
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// tasks are those that are here, or about to be.
func (h *hosted) tasks() []checkpoint.TaskID {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.ledger.Tasks()
	for _, c := range h.queue {
		if d, ok := c.(rpc.Deploy); ok {
			for _, a := range d.Tasks {
				all = append(all, a.Task)
			}
		}
	}
	return all
}

func (h *hosted) pop() rpc.Command {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return nil
	}
	c := h.queue[0]
	h.queue = h.queue[1:]
	return c
}

// close cancels the tasks of the job and waits for them.
func (h *hosted) close() {
	close(h.done)
	h.loops.Wait()
}

// run opens the job and carries out its commands.
func (h *hosted) run(ctx context.Context) {
	if h.before != nil {
		<-h.before
	}
	o, err := h.s.Open(ctx, h.start)
	if err == nil {
		o.Exchange = func(d rpc.Deploy) engine.Exchange { return newLinks(h.s.transport, d, o) }
		w := engine.NewWorker(o)
		h.mu.Lock()
		h.worker = w
		h.mu.Unlock()
		gone := make(chan struct{})
		var reports sync.WaitGroup
		reports.Go(func() { h.forward(w, gone) })
		defer func() {
			_ = w.Close() // it waits for tasks, and has nothing to say
			close(gone)
			reports.Wait()
			if o.Close == nil {
				return
			}
			if err := o.Close(); err != nil {
				h.s.Log.Warn("close a job", slog.String("job", string(h.start.Job)), slog.Any("error", err))
			}
		}()
	}
	for {
		select {
		case <-h.wake:
		case <-h.done:
			return
		}
		for c := h.pop(); c != nil; c = h.pop() {
			h.command(c, err)
		}
	}
}

// command carries out c; unusable says why the job could not be opened.
func (h *hosted) command(c rpc.Command, unusable error) {
	h.mu.Lock()
	h.ledger.Command(c)
	h.mu.Unlock()
	if unusable == nil {
		if err := h.worker.Send(c); err != nil {
			h.report(rpc.FailedBy(c, err))
		}
		return
	}
	switch c := c.(type) {
	case rpc.Deploy:
		h.report(rpc.FailedBy(c, fmt.Errorf("open the job on worker %s: %w", h.s.ID, unusable)))
	case rpc.Cancel:
		h.report(rpc.Canceled(c))
	case rpc.Assign, rpc.Inject, rpc.Confirm:
	}
}

// forward reports what the tasks say, until all are gone.
func (h *hosted) forward(w *engine.Worker, gone <-chan struct{}) {
	for {
		select {
		case r := <-w.Reports():
			h.report(r)
		case <-gone:
			return
		}
	}
}

func (h *hosted) report(r rpc.Report) {
	h.s.turn.RLock()
	defer h.s.turn.RUnlock()
	h.mu.Lock()
	h.ledger.Report(r)
	doc := rpc.WrapReport(h.start.Job, h.ledger.Generation(r), r)
	if doc.Canceled != nil && h.worker != nil {
		doc.Counts = h.worker.Counts()
	}
	h.mu.Unlock()
	if err := h.s.talk.say(rpc.ToCoordinator{Report: &doc}); err != nil {
		h.s.Log.Debug("a report waits for the next coordinator", slog.String("job", string(h.start.Job)), slog.Any("error", err))
	}
}
