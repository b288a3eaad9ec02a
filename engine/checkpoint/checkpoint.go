package checkpoint

import (
	"cmp"
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Store is what the protocol needs of object storage. PutIfAbsent is the only
// synchronisation there is: one writer wins.
//
// Names are slash-separated and relative to the store's root. An error other
// than fs.ErrNotExist says nothing about whether a write took place.
type Store interface {
	// Get returns the whole object, or an error that is fs.ErrNotExist.
	Get(ctx context.Context, name string) ([]byte, error)
	// GetRange returns n bytes of the object from at on; fewer is an error.
	GetRange(ctx context.Context, name string, at, n int64) ([]byte, error)
	// Put writes the whole object, in place of an older one.
	Put(ctx context.Context, name string, data []byte) error
	// PutIfAbsent creates the object unless there is one: then won is false.
	// After an error the object may be there, and may be ours.
	PutIfAbsent(ctx context.Context, name string, data []byte) (won bool, err error)
	// List returns the names of all objects that begin with prefix, at any
	// depth, in any order.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes the object; that there is none is not an error.
	Delete(ctx context.Context, name string) error
}

// Generation numbers the attempts to run a job, from 1. A newer one fences older ones.
type Generation uint64

// Term numbers who leads a job, from 1. A new leader keeps the generation.
type Term uint64

// TaskID names one parallel instance of a chain of vertices by the chain's
// first vertex.
type TaskID struct {
	Vertex job.VertexID `json:"vertex"`
	Index  int          `json:"index"`
}

func (t TaskID) String() string { return fmt.Sprintf("%d/%d", t.Vertex, t.Index) }

// Compare orders tasks by vertex and index.
func (t TaskID) Compare(o TaskID) int {
	return cmp.Or(cmp.Compare(t.Vertex, o.Vertex), cmp.Compare(t.Index, o.Index))
}

// Handle is the snapshot of one task at the end of an epoch: everything that
// its next incarnation needs.
type Handle struct {
	Task   TaskID               `json:"task"`
	Groups stream.KeyGroupRange `json:"groups"`
	// Tables are those of all operators of the chain.
	Tables []TableState `json:"tables,omitempty"`
	// Splits are the unfinished splits of a source task, at the positions
	// behind the last row before the barrier.
	Splits []ops.Split `json:"splits,omitempty"`
	// Channels is the event time of each input channel.
	Channels []ChannelTime `json:"channels,omitempty"`
	// InFlight are the input channels when the barrier has overtaken rows on some
	// of them; their event time is that before these rows.
	InFlight []InFlight `json:"inFlight,omitempty"`
	// Committables are the receipts of the chain's sinks, by UID, each with
	// the epoch in which it was prepared: those of this epoch, and those of
	// epochs that the task has not seen confirmed. The coordinator leaves out
	// what an earlier manifest holds, so a late Confirm doubles nothing.
	Committables map[string][]ops.Pending `json:"committables,omitempty"`
	// Watermark is the event time of the task when the barrier passed.
	Watermark stream.Timestamp `json:"watermark"`
	// NextTick is when the operators want the next Tick, or 0.
	NextTick stream.Timestamp `json:"nextTick,omitempty"`
	// Ended says that the task sent EndOfInput behind this barrier. Its handle
	// is carried forward in later manifests.
	Ended bool `json:"ended,omitempty"`
}

// ChannelTime is the event time of a channel when the barrier passed.
type ChannelTime struct {
	Input     int              `json:"input"`
	Watermark stream.Timestamp `json:"watermark"`
	Idle      bool             `json:"idle,omitempty"`
}

// TableState is one table of one operator: the runs that make it up, oldest first.
type TableState struct {
	UID  string `json:"uid"` // of the operator's vertex
	Name string `json:"name"`
	// Local says that the table is not partitioned by key: its rows belong to
	// the task, whatever their key group.
	Local         bool             `json:"local,omitempty"`
	Runs          []Run            `json:"runs"`
	DroppedBefore stream.Timestamp `json:"droppedBefore"`
}

// Run is a reference to an immutable sorted columnar file of state, or to the
// part of it that counts in the table that lists it.
type Run struct {
	File string `json:"file"` // relative to the job's directory
	// Groups are the key groups whose rows count: after a change of
	// parallelism several tasks list one file, each for its own groups.
	Groups stream.KeyGroupRange `json:"groups"`
	Rows   int64                `json:"rows"`
	Bytes  int64                `json:"bytes"`
	Sum    string               `json:"sum"` // xxh3-64 of the file, 16 hex digits
	// Parts are the row groups of a long run, in order, so that a task with some of
	// its key groups need not read all of it: the file is a magic number, the parts, and
	// what is behind the last, of which FootSum is the checksum.
	Parts   []Part `json:"parts,omitempty"`
	FootSum string `json:"footSum,omitempty"`
	// Oldest and Newest are the epochs whose changes the run holds.
	Oldest stream.Epoch `json:"oldest"`
	Newest stream.Epoch `json:"newest"`
	// DroppedBefore says that rows that expire before it do not count.
	DroppedBefore stream.Timestamp `json:"droppedBefore"`
	// Latest is the latest expiry of any row, when the table has an expiry:
	// the whole run goes when everything before it is dropped.
	Latest stream.Timestamp `json:"latest"`
}

// Part is a piece of a run's file.
type Part struct {
	Groups stream.KeyGroupRange `json:"groups"`
	At     int64                `json:"at"`
	Bytes  int64                `json:"bytes"`
	Sum    string               `json:"sum"`
}

// InFlight is one input channel of a task when a barrier has overtaken rows: what
// was on its way is read after the restore, before anything else.
type InFlight struct {
	// From, Port and Sender are where the channel begins, Input is where it ends.
	From   job.VertexID `json:"from"`
	Port   uint8        `json:"port,omitempty"`
	Sender int          `json:"sender"`
	Input  int          `json:"input"`
	// Watermark and Idle are the event time of the channel before what is on its way.
	Watermark stream.Timestamp `json:"watermark"`
	Idle      bool             `json:"idle,omitempty"`
	// Reaches is its watermark behind it.
	Reaches stream.Timestamp `json:"reaches"`
	// File holds the elements at Offset; Length 0 says that there are none.
	File   string `json:"file,omitempty"` // relative to the job's directory
	Offset int    `json:"offset,omitempty"`
	Length int    `json:"length,omitempty"`
	Sum    string `json:"sum,omitempty"` // xxh3-64 of the whole file
}

// Flow is what was on its way to a vertex of a restored task, on one channel.
type Flow struct {
	InFlight
	// Vertex is the one that takes it: the first of the task's chain, or one behind
	// it that was the first of another.
	Vertex job.VertexID
	// Reached is the event time of the task that it was on its way to.
	Reached stream.Timestamp
	// Keys are the columns by whose key group rows belong to the task; nil: all do.
	Keys []int
}

// Assignment is one task to run, with the state that it restores.
type Assignment struct {
	Task   TaskID
	Groups stream.KeyGroupRange
	// Tables holds the runs of every old task that overlap Groups.
	Tables []TableState
	// Channels is the restored event time, one entry per input.
	Channels []ChannelTime
	// InFlight is taken in before anything else.
	InFlight []Flow
	// Watermark is the restored event time of the task itself; stream.Start in
	// a task that starts fresh.
	Watermark stream.Timestamp
	// NextTick is when the operators want the next Tick, or 0.
	NextTick stream.Timestamp
	// Ended says that the task had already ended: it only sends EndOfInput.
	Ended bool
	// Splits are those that a source task reads at once, when its enumerator was not
	// restored with it.
	Splits []ops.Split `json:",omitempty"`
}
