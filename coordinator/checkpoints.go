package coordinator

import (
	"cmp"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/stream"
)

// Checkpoints are the checkpoints of a run of a job.
type Checkpoints struct {
	// Triggered counts all, Completed and Failed those that have ended, Restored
	// how often tasks went on from one.
	Triggered, Completed, Failed, Restored int
	// Recent are the newest, the newest first.
	Recent []CheckpointRecord
	// The newest of each kind, or nil.
	LastCompleted, LastSavepoint, LastFailed *CheckpointRecord
	LastRestored                             *RestoredRecord
	// Durations, Sizes and FullSizes are those of the newest that completed, in
	// no order: milliseconds and bytes.
	Durations, Sizes, FullSizes []int64
	// Processed and Persisted are as CheckpointRecord.Moved tells them.
	Processed, Persisted []int64
}

// RestoredRecord is a checkpoint that tasks went on from.
type RestoredRecord struct {
	Epoch stream.Epoch
	At    time.Time
	// Path is that of the checkpoint below the checkpoint directory.
	Path      string
	Savepoint bool
}

// CheckpointStatus says how far a checkpoint is.
type CheckpointStatus uint8

// A checkpoint is in progress until it completes or fails.
const (
	InProgress CheckpointStatus = iota
	CheckpointCompleted
	CheckpointFailed
)

func (s CheckpointStatus) String() string {
	return [...]string{"IN_PROGRESS", "COMPLETED", "FAILED"}[s]
}

// CheckpointRecord is one checkpoint.
type CheckpointRecord struct {
	Epoch     stream.Epoch
	Kind      stream.BarrierKind
	Status    CheckpointStatus
	Triggered time.Time
	Ended     time.Time // zero while it is in progress
	Failure   string
	// Path is that of the checkpoint below the checkpoint directory, the URL of a
	// savepoint, or "" when it is stored nowhere.
	Path string
	// Tasks are those that took part: all that had not ended before.
	Tasks []TaskCheckpoint
}

// TaskCheckpoint is the part of a task in a checkpoint.
type TaskCheckpoint struct {
	Task  checkpoint.TaskID
	Acked time.Time // zero until then
	// Size is how many bytes were written for it, Full how many its state has.
	Size, Full int64
	How        rpc.Sealing
}

// Acked is how many tasks have acknowledged the checkpoint, and when the latest did.
func (c CheckpointRecord) Acked() (n int, latest time.Time) {
	for _, t := range c.Tasks {
		if t.Acked.IsZero() {
			continue
		}
		n++
		if t.Acked.After(latest) {
			latest = t.Acked
		}
	}
	return n, latest
}

// Sizes are the sums of the tasks' bytes.
func (c CheckpointRecord) Sizes() (size, full int64) {
	for _, t := range c.Tasks {
		size += t.Size
		full += t.Full
	}
	return size, full
}

// Moved are the bytes that tasks have read while they waited for barriers, and
// those that barriers have overtaken.
func (c CheckpointRecord) Moved() (processed, persisted int64) {
	for _, t := range c.Tasks {
		processed += t.How.Processed
		persisted += t.How.Persisted
	}
	return processed, persisted
}

// Took is the time from the trigger to the end, or to now.
func (c CheckpointRecord) Took(now time.Time) time.Duration {
	if !c.Ended.IsZero() {
		now = c.Ended
	}
	return now.Sub(c.Triggered)
}

const (
	// keptCheckpoints is how many records are kept.
	keptCheckpoints = 10
	// keptSums is of how many the sizes and durations are.
	keptSums = 1000
)

// checkpointSum is what is kept of a checkpoint for statistics.
type checkpointSum struct{ millis, size, full, processed, persisted int64 }

func (c CheckpointRecord) clone() CheckpointRecord {
	c.Tasks = slices.Clone(c.Tasks)
	return c
}

// checkpoints is a copy.
func (h *History) checkpoints() Checkpoints {
	c := h.life.Checkpoints
	c.Recent = slices.Clone(c.Recent)
	for i := range c.Recent {
		c.Recent[i] = c.Recent[i].clone()
	}
	for _, s := range h.sums {
		c.Durations = append(c.Durations, s.millis)
		c.Sizes = append(c.Sizes, s.size)
		c.FullSizes = append(c.FullSizes, s.full)
		c.Processed = append(c.Processed, s.processed)
		c.Persisted = append(c.Persisted, s.persisted)
	}
	return c
}

// flight follows the checkpoint that is being taken.
func (h *History) flight(now time.Time, e Event, old, s State) {
	was, is := old.flight, s.flight
	switch r := e.(type) {
	case Reported:
		if sealed, ok := r.Report.(rpc.Sealed); ok && was != nil && was.epoch == sealed.Epoch {
			h.acked(now, sealed)
		}
	case Claimed:
		if r.Err == nil && was != nil && was.epoch == r.Epoch {
			h.landed(now, *was, r.Kind, old)
			was = nil
		}
	case Exported:
		for _, q := range old.requests {
			if q.id == r.ID && r.Err == nil {
				h.exported(q.manifest.Epoch, r.Path)
			}
		}
	case Tick, SavepointRequested, RescaleRequested, GearRequested, StopRequested, CancelRequested, Begun, Renewed, Discovered, Taken, Frozen, Published, Recorded:
	}
	if was != nil && is == nil {
		reason := "the tasks were stopped"
		switch {
		case was.reason != nil:
			reason = was.reason.Error()
		case s.blames != old.blames:
			reason = s.blame.Error()
		}
		if !s.durable && s.next > was.epoch && s.failures == 0 { // claimed without an answer
			h.landed(now, *was, checkpoint.Complete, old)
		} else {
			h.lost(now, reason)
		}
	}
	if is != nil && (was == nil || was.epoch != is.epoch) {
		h.triggered(now, s)
	}
}

func (h *History) triggered(now time.Time, s State) {
	c := &h.life.Checkpoints
	r := CheckpointRecord{Epoch: s.flight.epoch, Kind: s.flight.kind, Triggered: now}
	for i, t := range s.tasks.all() {
		if t.last == nil {
			r.Tasks = append(r.Tasks, TaskCheckpoint{Task: s.ids[i]})
		}
	}
	c.Triggered++
	c.Recent = slices.Insert(c.Recent, 0, r)
	if kept := cmp.Or(h.KeptCheckpoints, keptCheckpoints); len(c.Recent) > kept {
		c.Recent = c.Recent[:kept]
	}
}

// newest is the record of the flight, or nil.
func (h *History) newest() *CheckpointRecord {
	if c := h.life.Checkpoints.Recent; len(c) > 0 && c[0].Status == InProgress {
		return &c[0]
	}
	return nil
}

func (h *History) acked(now time.Time, r rpc.Sealed) {
	c := h.newest()
	if c == nil {
		return
	}
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if t.Task != r.Task {
			continue
		}
		t.Acked, t.How = now, r.How
		t.Size, t.Full = r.How.Persisted, r.How.Persisted
		for _, table := range r.Handle.Tables {
			for _, run := range table.Runs {
				t.Full += run.Bytes
				if run.Newest == r.Epoch {
					t.Size += run.Bytes
				}
			}
		}
	}
}

// landed ends the record of a flight whose number is claimed.
func (h *History) landed(now time.Time, f flight, k checkpoint.Kind, s State) {
	if k == checkpoint.Aborted {
		reason := "aborted"
		if f.reason != nil {
			reason = f.reason.Error()
		}
		h.lost(now, reason)
		return
	}
	c := h.newest()
	if c == nil {
		return
	}
	c.Status, c.Ended = CheckpointCompleted, now
	if s.durable {
		c.Path = string(s.job) + "/" + checkpoint.ClaimDir(f.epoch)
	}
	all := &h.life.Checkpoints
	all.Completed++
	done := c.clone()
	h.ended(done)
	all.LastCompleted = &done
	if c.Kind != stream.Checkpoint {
		all.LastSavepoint = &done
	}
	size, full := c.Sizes()
	processed, persisted := c.Moved()
	h.sums = append(h.sums, checkpointSum{c.Took(now).Milliseconds(), size, full, processed, persisted})
	if n := len(h.sums) - keptSums; n > 0 {
		h.sums = slices.Delete(h.sums, 0, n)
	}
}

// exported notes where the savepoint of an epoch is.
func (h *History) exported(e stream.Epoch, path string) {
	c := &h.life.Checkpoints
	for i := range c.Recent {
		if c.Recent[i].Epoch == e {
			c.Recent[i].Path = path
		}
	}
	if s := c.LastSavepoint; s != nil && s.Epoch == e {
		done := s.clone()
		done.Path = path
		c.LastSavepoint = &done
	}
}

func (h *History) lost(now time.Time, reason string) {
	c := h.newest()
	if c == nil {
		return
	}
	c.Status, c.Ended, c.Failure = CheckpointFailed, now, reason
	h.life.Checkpoints.Failed++
	failed := c.clone()
	h.ended(failed)
	h.life.Checkpoints.LastFailed = &failed
}

func (h *History) restored(now time.Time, s State) {
	h.life.Checkpoints.Restored++
	h.life.Checkpoints.LastRestored = &RestoredRecord{
		Epoch: s.manifest.Epoch, At: now, Path: string(s.job) + "/" + checkpoint.ClaimDir(s.manifest.Epoch),
		Savepoint: s.manifest.Kind == checkpoint.Owned,
	}
}
