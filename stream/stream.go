// Package stream is the vocabulary of the data plane: the things that travel
// along an edge of a job graph, and the numbers that order them.
package stream

import (
	"fmt"
	"time"
)

// Element is anything that travels on an edge. The set is closed:
// *Batch, Watermark, Idle, Barrier, Tick, EndOfInput.
//
//sumtype:decl
type Element interface{ element() }

// Timestamp is event time: milliseconds since the Unix epoch, UTC. Columns of
// a finer unit are floored to it, as in Flink, whose watermarks are in
// milliseconds too.
type Timestamp int64

const (
	// Start is the watermark of a channel that has not promised anything yet.
	Start Timestamp = -1 << 63
	// End is the watermark of a channel that has no more rows. A batch job is
	// a streaming job whose only watermark is End.
	End Timestamp = 1<<63 - 1
)

func (t Timestamp) String() string {
	switch t {
	case Start:
		return "start"
	case End:
		return "end"
	}
	return time.UnixMilli(int64(t)).UTC().Format("2006-01-02 15:04:05.000")
}

// Watermark promises that no row with an event time at or before Time follows.
type Watermark struct{ Time Timestamp }

// Idle says that the channel has nothing to say for now; it stops holding back
// the watermark of its task until its next element.
type Idle struct{}

// Epoch numbers checkpoints, from 1. Epochs of a job only grow, across
// restarts too.
type Epoch uint64

// Barrier separates the rows of one epoch from those of the next.
type Barrier struct {
	Epoch Epoch
	Kind  BarrierKind
	// Since is when the epoch was told to end, by the coordinator's clock, or 0.
	Since Timestamp
	// Overtake is from when on the barrier may overtake the rows before it; 0 means
	// never. Who sends one that may goes on behind it: another barrier will come.
	Overtake Timestamp
}

// BarrierKind says why the barrier was injected.
type BarrierKind uint8

const (
	// Checkpoint ends an epoch; the job goes on.
	Checkpoint BarrierKind = iota
	// Savepoint ends an epoch whose snapshot belongs to the user.
	Savepoint
	// Stop ends the last epoch of this run; sources send no rows after it, but
	// pass on another Stop when the checkpoint of this one does not succeed.
	Stop
	// Drain ends the input: sources send the watermark End before it, and nothing
	// after it but EndOfInput.
	Drain
)

func (k BarrierKind) String() string {
	switch k {
	case Checkpoint:
		return "checkpoint"
	case Savepoint:
		return "savepoint"
	case Stop:
		return "stop"
	case Drain:
		return "drain"
	}
	return fmt.Sprintf("BarrierKind(%d)", uint8(k))
}

// Tick carries processing time to the operators, so that tests own the clock.
// It is not aligned: a task passes on each that is later than those before it.
type Tick struct{ Now Timestamp }

// EndOfInput is the last element of a bounded channel. It follows the last
// barrier, so no row stands behind it.
type EndOfInput struct{}

func (*Batch) element()     {}
func (Watermark) element()  {}
func (Idle) element()       {}
func (Barrier) element()    {}
func (Tick) element()       {}
func (EndOfInput) element() {}

// KeyGroup is the unit in which keyed state is assigned and moved. The number
// of key groups of a job is fixed at its first start.
type KeyGroup uint16

// KeyGroupRange is the half-open range [Start, End).
type KeyGroupRange struct{ Start, End KeyGroup }

func (r KeyGroupRange) String() string { return fmt.Sprintf("[%d,%d)", r.Start, r.End) }

// Contains reports whether g lies in r.
func (r KeyGroupRange) Contains(g KeyGroup) bool { return r.Start <= g && g < r.End }

// Overlaps reports whether r and o share a key group.
func (r KeyGroupRange) Overlaps(o KeyGroupRange) bool { return r.Start < o.End && o.Start < r.End }

// Intersect is the range of the key groups in both r and o.
func (r KeyGroupRange) Intersect(o KeyGroupRange) KeyGroupRange {
	return KeyGroupRange{Start: max(r.Start, o.Start), End: min(r.End, o.End)}
}

// Empty reports whether no key group lies in r.
func (r KeyGroupRange) Empty() bool { return r.Start >= r.End }

// RangeOf returns the key groups of task index out of parallelism tasks. The
// ranges of all tasks are contiguous, disjoint and cover [0, groups).
func RangeOf(groups, parallelism, index int) KeyGroupRange {
	return KeyGroupRange{
		Start: KeyGroup((index*groups + parallelism - 1) / parallelism),
		End:   KeyGroup(((index+1)*groups + parallelism - 1) / parallelism),
	}
}

// TaskOf returns the index of the task whose range holds g: the inverse of RangeOf.
func TaskOf(groups, parallelism int, g KeyGroup) int {
	return int(g) * parallelism / groups
}
