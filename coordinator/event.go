package coordinator

import (
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Event is something that the coordinator learns. Those that answer an action
// carry the attempt in which it was asked for: what an earlier attempt at
// running the job has asked is no longer of interest.
//
//sumtype:decl
type Event interface{ event() }

type (
	// Tick says that time has passed.
	Tick struct{}
	// Reported is what a worker says.
	Reported struct{ Report rpc.Report }
	// SavepointRequested says that somebody wants a checkpoint of the job, or its
	// end with one. It is answered.
	SavepointRequested struct {
		ID     uint64
		Want   Want
		Target string // the directory of savepoints
	}
	// RescaleRequested says that the tasks are to be those of a graph with other
	// parallelisms.
	RescaleRequested struct{ Graph *job.Graph }
	// StopRequested says that the user wants the job to end with a checkpoint.
	StopRequested struct{}
	// CancelRequested says that the user wants the job to end now.
	CancelRequested struct{ Err error }
	// Begun answers Begin.
	Begun struct {
		Owner checkpoint.Owner
		// Number is the first number that is free.
		Number stream.Epoch
		// Manifest is the checkpoint to go on from, or nil.
		Manifest *checkpoint.Manifest
		Layout   checkpoint.Layout
		Retained []checkpoint.Kept
		// Finished says that the job had finished before.
		Finished bool
		// Held are the tasks that run already, when they are adopted.
		Held *rpc.Held
		Err  error
	}
	// Renewed answers Renew.
	Renewed struct {
		Owner checkpoint.Owner
		// Number is the first number that is free.
		Number stream.Epoch
		Layout checkpoint.Layout
		Err    error
	}
	// Discovered answers Discover.
	Discovered struct {
		Attempt int
		Source  int
		Done    bool
		Err     error
	}
	// Taken answers Take.
	Taken struct {
		Attempt int
		Task    int
		// Generation is that of the task when it has asked.
		Generation checkpoint.Generation
		Wanted     int
		Splits     []ops.Split
	}
	// Frozen answers Freeze with the enumerators' snapshots, by UID.
	Frozen struct {
		Attempt int
		Epoch   stream.Epoch
		Sources map[string]checkpoint.SourceState
		Err     error
	}
	// Claimed answers Claim: Kind is what holds the number. Standing is the checkpoint
	// that does when it may be that of another run of the same epoch; nil otherwise.
	Claimed struct {
		Epoch    stream.Epoch
		Kind     checkpoint.Kind
		Standing *checkpoint.Manifest
		Err      error
	}
	// Published answers Publish.
	Published struct {
		Sink  int
		Epoch stream.Epoch // the highest in the target
		Err   error
	}
	// Exported answers Export.
	Exported struct {
		ID   uint64
		Path string
		Err  error
	}
	// Recorded answers Record.
	Recorded struct{ Err error }
)

func (Tick) event()               {}
func (Reported) event()           {}
func (RescaleRequested) event()   {}
func (StopRequested) event()      {}
func (CancelRequested) event()    {}
func (Begun) event()              {}
func (Renewed) event()            {}
func (Discovered) event()         {}
func (Taken) event()              {}
func (Frozen) event()             {}
func (Claimed) event()            {}
func (Published) event()          {}
func (Recorded) event()           {}
func (SavepointRequested) event() {}
func (Exported) event()           {}

// Action is something that the coordinator has decided to do. Actions are
// carried out in order; those that wait for something answer with an event.
// Those on one source are carried out one after the other.
//
//sumtype:decl
type Action interface{ action() }

type (
	// Send sends a command to the workers.
	Send struct{ Command rpc.Command }
	// Begin takes the job over, reads what there is and opens the enumerators.
	Begin struct {
		Attempt int
		// First says that the process has no term yet: it takes a new one.
		First bool
		Me    checkpoint.Owner
		// Graph is the one to run from now on, when it has changed.
		Graph *job.Graph
		// Gear is in which the tasks are to live.
		Gear job.Gear
		// Unusable are the checkpoints that have turned out to be damaged.
		Unusable map[stream.Epoch]error
	}
	// Renew takes a new generation, for Tasks tasks that are started beside others, and
	// lays out the checkpoint of an epoch, which must be the newest.
	Renew struct {
		Me       checkpoint.Owner
		Unusable map[stream.Epoch]error
		Tasks    int
		Epoch    stream.Epoch
	}
	// Discover asks an enumerator to look for splits.
	Discover struct {
		Attempt int
		Source  int
	}
	// Take takes up to N splits for a task.
	Take struct {
		Attempt int
		Source  int
		Task    int
		Reader  int
		N       int
		// Generation is that of the task.
		Generation checkpoint.Generation
	}
	// Freeze takes the snapshots of all enumerators.
	Freeze struct {
		Attempt int
		Epoch   stream.Epoch
	}
	// Claim claims the number of a manifest.
	Claim struct{ Manifest *checkpoint.Manifest }
	// Publish gives a committer everything that is staged.
	Publish struct {
		Sink    int
		Pending []ops.Pending
		Force   bool
	}
	// Delete removes files that no checkpoint needs. Nothing depends on it.
	Delete struct{ Files []string }
	// Export copies a checkpoint to where it belongs to the user.
	Export struct {
		ID       uint64
		Manifest *checkpoint.Manifest
		Target   string
	}
	// Answer ends a request: with the epoch of the checkpoint and, of a
	// savepoint, its path, or with the reason why there is none.
	Answer struct {
		ID    uint64
		Epoch stream.Epoch
		Path  string
		Err   error
	}
	// Record writes the terminal record.
	Record struct{ Terminal checkpoint.Terminal }
	// Finish ends the coordinator.
	Finish struct{ Result Result }
)

func (Send) action()     {}
func (Begin) action()    {}
func (Renew) action()    {}
func (Discover) action() {}
func (Take) action()     {}
func (Freeze) action()   {}
func (Claim) action()    {}
func (Publish) action()  {}
func (Delete) action()   {}
func (Record) action()   {}
func (Finish) action()   {}
func (Export) action()   {}
func (Answer) action()   {}

// Result is how a run of a job ended.
type Result struct {
	State End
	// Epoch is the last one that was claimed, Checkpoint its path below the
	// checkpoint directory, or "".
	Epoch      stream.Epoch
	Checkpoint string
	// Restored is the epoch that the run went on from, or 0.
	Restored stream.Epoch
	Restarts int
	// Resumable says that the job can go on from its last checkpoint, or be
	// started again under its id.
	Resumable bool
	// Err says why the state is Failed, Fenced or Canceled.
	Err error
	// Took is the time from start to end.
	Took time.Duration
}

// End is how a run of a job ended.
type End string

const (
	// Finished means that every row is read and published.
	Finished End = "FINISHED"
	// Stopped means that the job ended with a checkpoint, as the user wished.
	Stopped End = "STOPPED"
	// Canceled means that the job ended without one, as the user wished.
	Canceled End = "CANCELED"
	// Failed means that the job could not go on.
	Failed End = "FAILED"
	// Fenced means that another process has taken the job over.
	Fenced End = "FENCED"
	// Left means that this process has let go of the job, whose tasks may run
	// on: another coordinator goes on with it.
	Left End = "SUSPENDED"
)
