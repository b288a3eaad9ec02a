// Package ops is the contract between the engine and the vertices of a job.
// Operators live in its subpackages; the engine imports only this package.
package ops

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Operator transforms the elements that reach one task.
//
// One goroutine calls it, one call at a time. It starts no goroutines, does no
// I/O but through a Lookup, and keeps no clock: time reaches it only through
// Advance and Tick.
// It never sees a barrier before every input has delivered it.
type Operator interface {
	// Open is called once, before any other method. State is already restored:
	// an operator reads what it needs with Table.Scan here.
	Open(ctx context.Context, rt Runtime) error
	// Process consumes b, which arrived on the given input. It owns b. The
	// marks of b hold the task's watermark: the smallest of b's own channel
	// and the others.
	Process(ctx context.Context, input int, b *stream.Batch, out Output) error
	// Advance is called when the task's event time has moved forward to wm. Results that wm
	// completes must be emitted before Advance returns; the task forwards wm.
	// The end of input is Advance with stream.End.
	Advance(ctx context.Context, wm stream.Watermark, out Output) error
	// Flush empties what the operator buffers, downstream or into its tables. The
	// task calls it at the end of an epoch, before it freezes the tables and
	// sends the barrier on.
	Flush(ctx context.Context, e stream.Epoch, out Output) error
	// Close releases resources. It is called exactly once, even if Open failed.
	Close() error
}

// Ticker is an Operator that wants processing time.
type Ticker interface {
	Operator
	Tick(ctx context.Context, now stream.Tick, out Output) error
}

// InputEnder is an operator that wants to know when one of its inputs has ended:
// no row comes on it any more. It is called at most once per input and run of
// the task, in Open's order for inputs that had ended before; the end of the last
// input is Advance with stream.End, before or behind which it may be called too.
type InputEnder interface {
	Operator
	EndInput(ctx context.Context, input int, out Output) error
}

// Delayer is an operator whose rows may be older than the watermark that it was
// told: by at most Delay, in milliseconds. The task holds the watermark back by
// that, behind the operator.
type Delayer interface {
	Operator
	Delay() int64
}

// Port is one of an operator's outputs.
type Port uint8

const (
	Main   Port = iota // what the operator is for
	Late               // rows that came too late, as they arrived
	Errors             // rows that could not be processed
	// Ports is how many there are.
	Ports = iota
)

// Output accepts what an operator produces. Emit takes ownership of b and may
// block: that is backpressure. A port that nobody listens to counts the rows
// and releases them.
type Output interface {
	Emit(ctx context.Context, p Port, b *stream.Batch) error
}

// Runtime is what the engine lends to an operator, a reader or a writer.
type Runtime interface {
	Task() TaskInfo
	// Table opens a table of the task's state. Names are unique per operator.
	Table(spec TableSpec) (Table, error)
	// Durable says whether the job takes checkpoints. Where it does not, tables
	// forget what they are told, and an operator need not tell them.
	Durable() bool
	// Watermark is the task's event time; at Open, the restored one.
	Watermark() stream.Timestamp
	Allocator() memory.Allocator
	Counter(name string) Counter
}

// Counter counts what an operator does, such as numLateRecordsDropped.
type Counter interface{ Add(n int64) }

// TaskInfo identifies one parallel instance of a vertex.
type TaskInfo struct {
	Job         job.ID
	Vertex      job.VertexID
	UID         string
	Index       int
	Parallelism int
	Groups      int // key groups of the job
	KeyGroups   stream.KeyGroupRange
}

// Table is one named table of keyed state: what must outlive a crash. Its rows
// have a schema whose first columns are the key. Calls are per batch, never
// per row. The hot form of the state belongs to the operator, usually a row
// table (vector/hashtable): it reads the Table once, in Open, and writes to it
// what has changed in the epoch, at the latest in Flush.
type Table interface {
	// Upsert writes rows, each in place of the row with its key. It does not
	// take over the caller's reference. Of rows with the same key in one
	// epoch, the last counts.
	Upsert(rows arrow.RecordBatch) error
	// Delete removes the rows with these keys; keys holds the key columns only.
	Delete(keys arrow.RecordBatch) error
	// Scan yields the restored rows of the task's key groups in the order (key
	// group, key). It is called in Open. Each record is valid until the next.
	Scan(ctx context.Context) iter.Seq2[arrow.RecordBatch, error]
	// DropBefore forgets the rows whose expiry column is before t. Times only
	// grow.
	DropBefore(t stream.Timestamp) error
}

// Sized is a Table that knows, from the first record of a Scan on, that it gives no more
// than so many rows in all, and that they have no more than so many bytes; 0 means that
// it does not know. Who keeps them may make room at once.
type Sized interface {
	ScanSize() (rows int, bytes int64)
}

// TableSpec declares a table when the operator opens it.
type TableSpec struct {
	Name   string
	Schema *arrow.Schema
	// Keys is how many leading columns are the key.
	Keys int
	// Partition is how many leading key columns decide the key group: the
	// columns by which the operator's input is partitioned. 0 means that the
	// table is not partitioned by key: each task keeps its own rows, and all
	// of them go to task 0 when the parallelism changes.
	Partition int
	// Expiry names a column of type int64, in milliseconds of event time, that
	// bounds a row's life, or is "". The expiry of a key does not go back.
	Expiry string
	// Begins says that columns behind the key that restored rows lack begin
	// now: they are NULL, and 0 underneath. Otherwise such rows are refused:
	// another query wrote them.
	Begins bool
	// Optional are columns behind the key that restored rows may lack: they are
	// NULL then.
	Optional []string
}
