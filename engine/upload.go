package engine

import (
	"fmt"
	"slices"
	"sync"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var _ task.SourceReporter = (*uploader)(nil)

// uploader speaks for one task. It copies sealed epochs to storage beside the
// task, one after another, and keeps the committables of epochs that are not
// confirmed, because an aborted epoch must lose nothing.
type uploader struct {
	d       *deployment
	a       rpc.Assignment
	backend state.Backend
	stats   *task.Stats // of the first vertex; nil until it is known
	queue   chan sealed
	done    chan struct{}
	once    sync.Once

	mu          sync.Mutex
	unconfirmed []receipts // in epoch order
}

type sealed struct {
	snapshot task.Snapshot
	frozen   state.Frozen
}

type receipts struct {
	epoch stream.Epoch
	of    map[string][]ops.Committable // by sink
	files []checkpoint.File            // of the handle
}

// maxSealed is how many epochs of a task may wait for their upload; a task that
// seals one more waits. Checkpoints do not overlap, so one is the rule.
const maxSealed = 4

func newUploader(d *deployment, a rpc.Assignment) *uploader {
	u := &uploader{d: d, a: a, queue: make(chan sealed, maxSealed), done: make(chan struct{})}
	go u.run()
	return u
}

// Running tells the coordinator that the task takes rows and barriers.
func (u *uploader) Running() { u.d.report(rpc.Running{Task: u.a.Task}) }

// Sealed takes over frozen.
func (u *uploader) Sealed(s task.Snapshot, frozen state.Frozen) {
	if u.stats != nil {
		u.stats.Sealing.Store(&s.How)
	}
	u.queue <- sealed{s, frozen}
}

// WantSplits asks the coordinator for splits.
func (u *uploader) WantSplits(n int) { u.d.report(rpc.WantSplits{Task: u.a.Task, N: n}) }

// Drained tells the coordinator that the task waits for its last barrier.
func (u *uploader) Drained() { u.d.report(rpc.Drained{Task: u.a.Task}) }

// Paused tells the coordinator that the task waits for the epoch to end.
func (u *uploader) Paused() { u.d.report(rpc.Paused{Task: u.a.Task}) }

// finish waits for what is queued. The task must have stopped.
func (u *uploader) finish() {
	u.once.Do(func() { close(u.queue) })
	<-u.done
}

// confirm forgets the receipts of epochs up to e: a claimed manifest has them.
func (u *uploader) confirm(e stream.Epoch) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.unconfirmed = slices.DeleteFunc(u.unconfirmed, func(r receipts) bool { return r.epoch <= e })
	u.backend.Confirm(e)
}

// needed adds the files of the state at the end of epoch e, and behind it.
func (u *uploader) needed(e stream.Epoch, files map[string]bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range u.unconfirmed {
		for _, f := range r.files {
			files[f.Name] = files[f.Name] || r.epoch >= e
		}
	}
}

func (u *uploader) run() {
	defer close(u.done)
	for s := range u.queue {
		e, how, began := s.snapshot.Barrier.Epoch, s.snapshot.How, u.d.worker.o.Clock.Now()
		var tables []checkpoint.TableState
		err := protect(func() (err error) {
			defer s.frozen.Release()
			if u.d.ctx.Err() == nil && u.d.rpc.Durable {
				tables, err = s.frozen.Upload(u.d.ctx, u.d.worker.storeOf(u.d.rpc.Job))
			}
			return err
		})
		var captured []checkpoint.InFlight
		if c := s.snapshot.InFlight; c != nil {
			var cerr error
			if captured, cerr = u.captured(s.snapshot); err == nil {
				err = cerr
			}
			c.Release()
		}
		handle := u.handle(s.snapshot, tables, captured)
		if err != nil {
			u.d.report(rpc.Declined{Task: u.a.Task, Epoch: e, Err: fmt.Errorf("upload state of task %v: %w", u.a.Task, err)})
			continue
		}
		for _, f := range captured {
			how.Persisted += int64(f.Length)
		}
		how.AsyncMillis = u.d.worker.o.Clock.Now().Sub(began).Milliseconds()
		u.d.report(rpc.Sealed{Task: u.a.Task, Epoch: e, Handle: handle, How: how})
	}
}

func (u *uploader) handle(s task.Snapshot, tables []checkpoint.TableState, captured []checkpoint.InFlight) checkpoint.Handle {
	u.mu.Lock()
	defer u.mu.Unlock()
	h := checkpoint.Handle{
		Task: u.a.Task, Groups: u.a.Groups, Tables: tables,
		Splits: s.Splits, Channels: s.Channels, Watermark: s.Watermark, Ended: s.Ended, InFlight: captured,
	}
	u.unconfirmed = append(u.unconfirmed, receipts{s.Barrier.Epoch, s.Committables, h.Files()})
	for _, r := range u.unconfirmed {
		for sink, cs := range r.of {
			if h.Committables == nil {
				h.Committables = make(map[string][]ops.Pending)
			}
			h.Committables[sink] = append(h.Committables[sink], ops.Pending{Epoch: r.epoch, Committables: cs})
		}
	}
	return h
}
