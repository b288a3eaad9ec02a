package ops

import (
	"context"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/stream"
)

// Sink is where rows leave a job, exactly once, in two phases.
type Sink interface {
	Writer(ctx context.Context, rt Runtime) (SinkWriter, error)
	// Committer runs in the coordinator: one per sink, whatever the parallelism.
	// It is nil when there is nothing to publish (print, blackhole).
	Committer(ctx context.Context, id SinkID) (Committer, error)
}

// Paced is a Sink that minds how often checkpoints are taken and how long they may take.
// It is asked before the job starts.
type Paced interface {
	Sink
	// Paced says what may go wrong with checkpoints at this interval and with this
	// timeout, or, as an error, what will. The interval is 0 without checkpoints.
	Paced(interval, timeout time.Duration) (advice string, err error)
}

// Dividing is a Sink that can divide rows among its tasks by more than the values
// of columns.
type Dividing interface {
	Sink
	// Divider is called for each task that sends rows to the sink, which has so
	// many tasks. It is nil where rows may go to any of them.
	Divider(ctx context.Context, tasks int) (Divider, error)
}

// Divider says to which task of a sink rows go. One goroutine calls it. It holds
// nothing that is to be given back.
type Divider interface {
	// KeyGroups writes the key group of each row, of so many, to dst, in its memory
	// where they fit. It does not take over rows. Neighbouring groups are mostly of
	// one task.
	KeyGroups(dst []uint16, rows arrow.RecordBatch, groups int) ([]uint16, error)
	// EndEpoch is called when all rows of an epoch of the sender were divided.
	EndEpoch()
}

// SinkID is what a target records to recognise what it has already published.
type SinkID struct {
	Job  string // the job's id
	Sink string // the vertex's UID
}

// SinkWriter stages rows. One goroutine calls it.
type SinkWriter interface {
	// Write stages the rows of b. It owns b.
	Write(ctx context.Context, b *stream.Batch) error
	// Prepare makes all rows of epoch e durable but invisible, or part of the
	// writer's tables when they are short of a file. With last set, no rows
	// follow: everything must be staged.
	Prepare(ctx context.Context, e stream.Epoch, last bool) ([]Committable, error)
	// Close releases resources. Rows that no Prepare covered are discarded.
	Close() error
}

// Committable is a receipt for staged rows. It is stored in the checkpoint.
// Its bytes begin with a version.
type Committable []byte

// Pending is what the tasks of a sink prepared in one epoch.
type Pending struct {
	Epoch        stream.Epoch  `json:"epoch"`
	Committables []Committable `json:"committables"`
}

// Recovering is a Committer with something to do before tasks begin, or begin again, such
// as to clear away what those before have left.
type Recovering interface {
	Committer
	// Recover publishes what the restored checkpoint holds, as Commit does. No task of
	// the generation has begun; those of older ones are dead, or will find that they
	// are.
	Recover(ctx context.Context, r Recovery) error
}

// Recovery is what a sink begins with.
type Recovery struct {
	Pending []Pending // of the restored checkpoint
	// Generation is the attempt to run the job that begins. A coordinator that does not
	// know yet that a newer one has begun may come late with an older one.
	Generation uint64
}

// Committer publishes staged rows. Calls do not overlap.
type Committer interface {
	// Published returns the highest epoch that the target has recorded for
	// this sink, or 0.
	Published(ctx context.Context) (stream.Epoch, error)
	// Commit is given everything that is durable and not published yet, in
	// epoch order, and returns the highest epoch that is in the target now;
	// it may gather several epochs before it publishes, and with force set it
	// publishes everything. It is called at least once for each epoch: what
	// the target has already recorded must be left alone.
	Commit(ctx context.Context, pending []Pending, force bool) (stream.Epoch, error)
	Close() error
}
