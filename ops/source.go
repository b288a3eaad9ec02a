package ops

import (
	"context"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/stream"
)

// Source is where rows enter a job. Its enumerator runs in the coordinator, its
// readers in tasks.
type Source interface {
	// Schema is that of the batches: one column per path of the scan.
	Schema() *arrow.Schema
	// Bounded reports whether the source ends by itself.
	Bounded() bool
	// Enumerator starts from state, the bytes of its last Snapshot, or nil.
	Enumerator(ctx context.Context, state []byte) (SplitEnumerator, error)
	Reader(ctx context.Context, rt Runtime) (SplitReader, error)
}

// Discoverer is a Source that says how often its enumerator looks for new
// splits; others are asked every ten seconds.
type Discoverer interface {
	Source
	DiscoveryInterval() time.Duration
}

// Updating is a Source whose rows need not all be inserts: they say how a table
// changes. Of every source that is not one, each row is an insert.
type Updating interface {
	Source
	Updating() bool
}

// Upserting is an Updating source whose rows say only what the row of a primary
// key is now, or that it is gone: -U may be missing, and a -D may have the key
// alone.
type Upserting interface {
	Updating
	Upserts() bool
}

// Split is a piece of a source that one reader reads: a partition, a file, a
// row group. Position is opaque to all but the source; the zero position is
// the beginning.
type Split struct {
	ID       string `json:"id"`
	Position []byte `json:"position,omitempty"`
	// Untimed says that event time does not follow the split's rows, which come in any
	// order of it, and waits for its end.
	Untimed bool `json:"untimed,omitempty"`
	// Watermark, Timed and Idle are the engine's: the event time that the split
	// has reached; 0, and not Timed, before its first row. Sources leave them
	// alone.
	Watermark stream.Timestamp `json:"watermark"`
	Timed     bool             `json:"timed,omitempty"`
	Idle      bool             `json:"idle,omitempty"`
}

// SplitEnumerator finds splits and hands them out. Calls do not overlap.
type SplitEnumerator interface {
	// Discover looks for new splits. It reports done when no more will come.
	// The coordinator calls it at the start, and again, while it is not done,
	// every DiscoveryInterval of the source (see Discoverer).
	Discover(ctx context.Context) (done bool, err error)
	// Take hands splits to the reader with this index, which has room for n.
	// Splits are handed out in the order in which their rows should be read;
	// those that have to be read in turn, since their event times go side by
	// side, are handed out together, even if they are more than n.
	Take(reader, readers, n int) []Split
	// Return gives back splits that were taken, at the positions where they
	// are to be read on: those of a task that died, or of a restored job.
	Return(splits []Split)
	// Snapshot is what the enumerator must know after a restart: the splits
	// not taken yet, and how to recognise those that were.
	Snapshot() ([]byte, error)
	Close() error
}

// Acknowledging is a SplitEnumerator that wants to know how far the job is, to tell it
// elsewhere: nothing depends on it.
type Acknowledging interface {
	SplitEnumerator
	// Durable is called after a checkpoint was claimed, with the Snapshot that it
	// holds, and the splits of the readers at their positions in it, without those
	// that have ended.
	Durable(ctx context.Context, snapshot []byte, splits []Split) error
}

// Measuring is a SplitEnumerator of splits that do not end, which knows where they
// end as of now.
type Measuring interface {
	SplitEnumerator
	// Measure says up to where splits, which are at their positions, can be read now,
	// and about how many rows lie before that.
	Measure(ctx context.Context, splits []Split) (until []Split, rows int64, err error)
}

// Halting is a SplitReader of such splits that can leave them alone behind a
// position.
type Halting interface {
	SplitReader
	// Until is called before Assign, with what Measure has said of the splits. When
	// all of them are read so far, Fetch returns the zero Fetched.
	Until(until []Split) error
}

// SplitReader reads the splits assigned to one task. One goroutine calls it.
type SplitReader interface {
	// Assign adds splits. Readers read splits in the order of assignment, or
	// in turn when they do not end.
	Assign(splits []Split) error
	// Fetch returns the next rows of one split without waiting long. When
	// there is nothing to return now, Batch is nil and Ready says when to call
	// again; with no split left to read, it returns the zero Fetched, and the
	// engine calls again after the next Assign.
	Fetch(ctx context.Context) (Fetched, error)
	Close() error
}

// Gatherer is a SplitReader that takes new splits while it still reads others: those
// of a source whose splits do not end, such as partitions.
type Gatherer interface {
	SplitReader
	// Gathers is asked before each Fetch.
	Gathers() bool
}

// Lagging is a SplitReader that knows how many rows there are that it has not read:
// Flink's pendingRecords.
type Lagging interface {
	SplitReader
	// Pending is called after each Fetch, and must be cheap.
	Pending() int64
}

// Pausing is a SplitReader that can leave some of its splits alone.
type Pausing interface {
	SplitReader
	// Pause says which splits not to read, in place of those of the last call.
	Pause(ids []string)
}

// Fetched carries rows together with the position after them, so that a
// checkpoint needs nothing from the reader: the task remembers the position of
// the last batch it emitted. Batch may be nil or empty while After moves on.
type Fetched struct {
	Batch *stream.Batch
	After Split
	// Done says that the split After.ID has ended with this batch.
	Done bool
	// Errors are rows that the source could not read, for the dead-letter
	// port; the schema is DeadLetters.
	Errors *stream.Batch
	// Idle says that the split After.ID has nothing more as of now, so that it does
	// not hold event time back until it has rows again.
	Idle bool
	// Ready is closed when Fetch has something to return; only without Batch.
	Ready <-chan struct{}
}

// DeadLetters is the schema of rows that could not be read: where they stood,
// why they were refused, and their bytes.
var DeadLetters = arrow.NewSchema([]arrow.Field{
	{Name: "source", Type: arrow.BinaryTypes.StringView},
	{Name: "split", Type: arrow.BinaryTypes.StringView},
	{Name: "position", Type: arrow.PrimitiveTypes.Int64},
	{Name: "reason", Type: arrow.BinaryTypes.StringView},
	{Name: "bytes", Type: arrow.BinaryTypes.BinaryView},
}, nil)

// Letters is the schema of dead letters as the engine passes them on: with when they
// were found, by which job, and to which epoch they belong; if that one is aborted,
// they are in a later one.
var Letters = arrow.NewSchema(append(slices.Clone(DeadLetters.Fields()),
	arrow.Field{Name: "time", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, Nullable: true},
	arrow.Field{Name: "job", Type: arrow.BinaryTypes.StringView},
	arrow.Field{Name: "epoch", Type: arrow.PrimitiveTypes.Int64},
), nil)
