package rest

import (
	"context"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// Cluster is what the API is about. Its methods may be called from several
// goroutines; those without a context do not wait.
type Cluster interface {
	// Jobs are those that run and the newest that have ended, the newest first.
	Jobs() []Job
	// Job finds one of them.
	Job(id job.ID) (Job, bool)
	// Workers are those that are registered.
	Workers() []Worker
	// Submit starts the jobs of a script and does not wait for their end.
	Submit(ctx context.Context, s Submission) ([]Submitted, error)
	// Plan is the graph of the first job of a script.
	Plan(ctx context.Context, s Submission) (*job.Graph, error)
	// Execute carries out statements and tells what each gives, in turn.
	Execute(ctx context.Context, s Statements, each func(Outcome) error) error
	// Fork starts a copy of a job beside it.
	Fork(ctx context.Context, id job.ID, f Fork) (Submitted, error)
	// Dispose removes a savepoint.
	Dispose(ctx context.Context, savepoint string) error
	// Stored are the jobs whose checkpoints are in the cluster's directory, and
	// RemoveStored deletes those of one that is gone; it says how many bytes.
	Stored(ctx context.Context) ([]StoredJob, error)
	RemoveStored(ctx context.Context, id job.ID) (int64, error)
	// Config is the configuration of the cluster, without secrets.
	Config() map[string]string
	// Ask asks the process of a worker, or with "" that of the coordinator.
	Ask(ctx context.Context, worker string, a rpc.Ask) (rpc.Answer, error)
	// Shutdown ends the cluster. It returns at once.
	Shutdown()
}

// Job is one job.
type Job interface {
	ID() job.ID
	Info() JobInfo
	// Summary is a part of Life that costs little.
	Summary() coordinator.Summary
	Life() coordinator.Life
	// Progress is what the job does and waits for, as far as its coordinator knows.
	Progress() coordinator.Progress
	// Counts are what tasks have counted.
	Counts() []Count
	// Cost is what the job has used, and what that costs.
	Cost() cost.Statement
	// Place is where a task runs.
	Place(t checkpoint.TaskID) Place
	// Cancel ends the job at once. It returns before that.
	Cancel()
	// Checkpoint takes a checkpoint now, and returns its number.
	Checkpoint(ctx context.Context) (uint64, error)
	// Savepoint makes a savepoint below a directory, "" being the one that is
	// configured, and returns its path.
	Savepoint(ctx context.Context, dir string) (path string, err error)
	// Rescale changes the parallelism of vertices while the job runs.
	Rescale(ctx context.Context, parallelism map[job.VertexID]int) error
	// ChangeGear makes the tasks live in another gear while the job runs, and
	// ChosenGear is what was asked for last.
	ChangeGear(ctx context.Context, name string) error
	ChosenGear() string
	// Stop ends the job with a savepoint; with drain set, as if its input had
	// ended.
	Stop(ctx context.Context, dir string, drain bool) (path string, err error)
}

// JobInfo is what never changes of a job.
type JobInfo struct {
	// Bounded says that the job ends by itself.
	Bounded bool
	// Config is what was set for it, without secrets.
	Config map[string]string
	// Checkpoints is the URL of its checkpoint directory, or "".
	Checkpoints string
}

// Count is what one task has counted at one vertex.
type Count = rpc.Count

// Place is where a task runs.
type Place struct {
	Worker   string // its id
	Endpoint string // host:port
}

// Worker is a process that runs tasks; Flink's word is task manager.
type Worker struct {
	ID        string
	Address   string // host:port
	DataPort  int
	Heartbeat time.Time
	Slots     int
	Free      int
	CPUs      int
	// Here says that it is this process.
	Here bool
	// Memory of its machine, in bytes.
	Physical, FreePhysical int64
	Process                rpc.Process
}

// Submission is a script whose INSERTs are to be run as jobs.
type Submission struct {
	Script      string
	Name        string // "" leaves it to the script
	Parallelism int    // 0 leaves it to the configuration
	Config      map[string]string
	// ID is that of the job, if it starts fresh; "" means any.
	ID job.ID
	// Restore is "" for a fresh start, "latest", or the path of a checkpoint or
	// savepoint.
	Restore string
	// ClaimMode is CLAIM, NO_CLAIM or "", which leaves it to the configuration.
	ClaimMode string
	// AllowNonRestored lets state go that the jobs have no vertex for.
	AllowNonRestored bool
}

// Submitted is a job that was started.
type Submitted struct {
	ID   job.ID `json:"id"`
	Name string `json:"name"`
}

// Statements are SQL to be carried out, in a session that remembers what was
// declared and set before.
type Statements struct {
	Text    string
	Session string
	Config  map[string]string
}

// Outcome is what one statement gives.
type Outcome struct {
	Message string
	Job     *Submitted
	// Columns are those of rows that follow, in Rows; each is a JSON object.
	Columns []Column
	Rows    [][]byte
}

// Column is a column of rows.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}
