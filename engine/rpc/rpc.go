// Package rpc is the conversation between coordinator and workers: plain data,
// so that it can be called, sent or simulated. Commands to one task arrive in
// the order in which they were sent: a split is in exactly one snapshot.
package rpc

import (
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Command goes from the coordinator to a worker.
//
//sumtype:decl
type Command interface{ command() }

type (
	// Deploy starts tasks of a generation of a job: all of them, in place of those
	// that there are; or, with Beside set, those of some regions, beside others that
	// run on.
	Deploy struct {
		Job        job.ID
		Generation checkpoint.Generation
		Beside     bool `json:",omitempty"`
		// Attempt counts the deployments of the job, from 0.
		Attempt int
		// Since is when they got their slots, by the coordinator's clock.
		Since stream.Timestamp
		Graph *job.Graph
		// Epoch is that of the checkpoint that is restored, or 0.
		Epoch stream.Epoch
		// Durable is false when the job takes no checkpoints: state need not
		// be logged, barriers only end epochs.
		Durable bool
		Tasks   []Assignment
		// Places says where the tasks are that are not among these.
		Places []Place
	}
	// Assign gives splits to a source task; with NoMore set, none will follow.
	Assign struct {
		Task   checkpoint.TaskID
		Splits []ops.Split
		NoMore bool
		// Rows is after how many rows the task reports Paused and waits for a
		// barrier, as a staged one does; 0 means never.
		Rows int64
		// Whole says that no others come as long as these are read: the task does not ask
		// for them.
		Whole bool
		// Until is up to where splits are read that do not end; behind it the task reports
		// Paused, too. nil means without end.
		Until []ops.Split
	}
	// Inject puts a barrier into a source task, behind the splits assigned before it.
	// No barrier comes before all tasks run.
	Inject struct {
		Task    checkpoint.TaskID
		Barrier stream.Barrier
	}
	// Confirm tells every task that the checkpoint of an epoch is claimed.
	Confirm struct{ Epoch stream.Epoch }
	// Cancel stops every task of the job, at once, or all tasks of some regions. It
	// is answered by Canceled with its Number, even when no task runs; no report of
	// the canceled tasks follows the answer.
	Cancel struct {
		Number int                 `json:"number"`
		Tasks  []checkpoint.TaskID `json:"tasks,omitempty"` // nil means all
	}
)

// Place is where the tasks of an index run, which share a slot: the address for
// data of its worker.
type Place struct {
	Index   int
	Address string
}

// Count is what one task has counted at one vertex.
type Count struct {
	Vertex    job.VertexID     `json:"vertex"`
	Index     int              `json:"index"`
	In        int64            `json:"in"`
	Out       int64            `json:"out"`
	Watermark stream.Timestamp `json:"watermark"`
	Counters  map[string]int64 `json:"counters,omitempty"`
	// For how long the task has waited for rows, and for room in what it sends to.
	IdleMillis    int64 `json:"idleMillis,omitempty"`
	BlockedMillis int64 `json:"blockedMillis,omitempty"`
	// Of a source task: the split that is farthest behind in event time, and where
	// the one is that is farthest ahead.
	Split string           `json:"split,omitempty"`
	Ahead stream.Timestamp `json:"ahead,omitempty"`
	// What the task has taken of senders in its process and in others, and sent.
	Here      Traffic `json:"here"`
	Elsewhere Traffic `json:"elsewhere"`
	Sent      Traffic `json:"sent"`
	// Letters is how many rows went to the dead letters.
	Letters int64 `json:"letters,omitempty"`
	// Pending is how many rows a source knows of that it has not read; nil when it
	// does not know.
	Pending *int64 `json:"pending,omitempty"`
	// Latency is for how long rows were on their way to the task; nil when that is
	// not measured. Sealing is how it has ended its last epoch.
	Latency *Latency `json:"latency,omitempty"`
	Sealing *Sealing `json:"sealing,omitempty"`
	// Queue is what waits for the task; nil at a source.
	Queue *Queue `json:"queue,omitempty"`
}

// Queue is what waits for a task: elements, the bytes of their batches, and how
// many bytes there may be.
type Queue struct {
	Elements int   `json:"elements"`
	Bytes    int64 `json:"bytes"`
	Room     int64 `json:"room"`
}

// Latency is a distribution in milliseconds: of the newest, but for Count and Sum,
// which are of all.
type Latency struct {
	Count int64 `json:"count"`
	Sum   int64 `json:"sum"`
	Min   int64 `json:"min"`
	Max   int64 `json:"max"`
	P50   int64 `json:"p50"`
	P75   int64 `json:"p75"`
	P95   int64 `json:"p95"`
	P98   int64 `json:"p98"`
	P99   int64 `json:"p99"`
	P999  int64 `json:"p999"`
}

// Traffic is batches that passed the channels of a task, and their bytes.
type Traffic struct {
	Batches int64 `json:"batches"`
	Bytes   int64 `json:"bytes"`
}

// Idle is for how long the task has waited for rows.
func (c Count) Idle() time.Duration { return time.Duration(c.IdleMillis) * time.Millisecond }

// Blocked is for how long it has waited for room in what it sends to.
func (c Count) Blocked() time.Duration { return time.Duration(c.BlockedMillis) * time.Millisecond }

// Assignment is one task to run, with the state that it restores.
type Assignment = checkpoint.Assignment

func (Deploy) command()  {}
func (Assign) command()  {}
func (Inject) command()  {}
func (Confirm) command() {}
func (Cancel) command()  {}

// FailedBy says that a command could not be obeyed: the tasks that it is for have
// failed.
func FailedBy(c Command, err error) Failed {
	f := Failed{Err: err}
	switch c := c.(type) {
	case Deploy:
		for _, a := range c.Tasks {
			f.With = append(f.With, a.Task)
		}
		f.Task = f.With[0]
	case Assign:
		f.Task = c.Task
	case Inject:
		f.Task = c.Task
	case Confirm, Cancel:
	}
	return f
}

// Report goes from a worker to the coordinator.
//
//sumtype:decl
type Report interface{ report() }

type (
	// Placed says that the tasks of a Deploy have their slots, and are on their way to
	// workers, since when. Who has no slots to give does not say it.
	Placed struct {
		Since stream.Timestamp
		Tasks []checkpoint.TaskID // nil means all of the job
	}
	// Deployed says that tasks are where they run: from now on they restore state.
	Deployed struct{ Tasks []checkpoint.TaskID }
	// Running says that a task has its state, and takes rows and barriers. One that
	// had ended before the checkpoint reports Ended instead.
	Running struct{ Task checkpoint.TaskID }
	// WantSplits says that a source task has room for N more splits. It is
	// answered by one Assign, with at least one split or NoMore, perhaps later.
	WantSplits struct {
		Task checkpoint.TaskID
		N    int
	}
	// Drained says that a source task has read everything it was assigned
	// after NoMore, has sent the watermark End, and waits for its last barrier.
	Drained struct{ Task checkpoint.TaskID }
	// Paused says that a source task has read as many rows as it was allowed.
	Paused struct{ Task checkpoint.TaskID }
	// Sealed says that a task has sealed an epoch and its state is uploaded.
	// The committables of epochs that were not confirmed are in it again.
	Sealed struct {
		Task   checkpoint.TaskID
		Epoch  stream.Epoch
		Handle checkpoint.Handle
		How    Sealing
	}
	// Sealing is how a task has ended an epoch, for people.
	Sealing struct {
		// StartDelayMillis is from the begin of the checkpoint to the first barrier,
		// AlignmentMillis from there until the task has ended the epoch, SyncMillis how
		// long its work stood still for that, AsyncMillis how long it took beside it to
		// store the state.
		StartDelayMillis int64 `json:"startDelayMillis"`
		AlignmentMillis  int64 `json:"alignmentMillis"`
		SyncMillis       int64 `json:"syncMillis"`
		AsyncMillis      int64 `json:"asyncMillis"`
		// Processed are the bytes of rows that were read between the first barrier
		// and the end of the epoch, Persisted those that the barrier has overtaken.
		Processed int64 `json:"processed"`
		Persisted int64 `json:"persisted"`
		// Unaligned says that the barrier did not wait for the other channels.
		Unaligned bool `json:"unaligned"`
	}
	// Declined says that a task could not upload the state of an epoch; the
	// task itself goes on.
	Declined struct {
		Task  checkpoint.TaskID
		Epoch stream.Epoch
		Err   error
	}
	// Ended says that a task has sent EndOfInput and is gone.
	Ended struct{ Task checkpoint.TaskID }
	// Canceled answers Cancel: these tasks are gone, and every report of theirs
	// stands before this one. One that is for some tasks may be answered in parts.
	Canceled struct {
		Number int                 `json:"number"`
		Tasks  []checkpoint.TaskID `json:"tasks,omitempty"` // nil means all
	}
	// Failed says that a task died.
	Failed struct {
		Task checkpoint.TaskID
		// With are others that are lost with it.
		With []checkpoint.TaskID
		Err  error
		// Gone says that nothing is left of them that could be canceled: their worker
		// is lost.
		Gone bool
	}
)

func (Placed) report()     {}
func (Deployed) report()   {}
func (Running) report()    {}
func (WantSplits) report() {}
func (Drained) report()    {}
func (Paused) report()     {}
func (Sealed) report()     {}
func (Declined) report()   {}
func (Ended) report()      {}
func (Canceled) report()   {}
func (Failed) report()     {}
