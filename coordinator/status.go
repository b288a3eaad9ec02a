package coordinator

import "fmt"

// Status is where a job is in its life, in Flink's words.
type Status uint8

// The states of a job.
const (
	Initializing Status = iota
	Created
	Running
	Failing
	StatusFailed
	Cancelling
	StatusCanceled
	StatusFinished
	Restarting
	Suspended
	Reconciling

	// Statuses is how many there are.
	Statuses = int(Reconciling) + 1
)

var statuses = [Statuses]string{
	"INITIALIZING", "CREATED", "RUNNING", "FAILING", "FAILED", "CANCELLING", "CANCELED", "FINISHED", "RESTARTING", "SUSPENDED", "RECONCILING",
}

func (s Status) String() string { return statuses[s] }

// Terminal reports whether the job has ended.
func (s Status) Terminal() bool {
	return s == StatusFailed || s == StatusCanceled || s == StatusFinished || s == Suspended
}

// TaskStatus is where a task is in its life, in Flink's words.
type TaskStatus uint8

// The states of a task.
const (
	TaskCreated TaskStatus = iota
	TaskScheduled
	TaskDeploying
	TaskInitializing
	TaskRunning
	TaskFinished
	TaskCanceling
	TaskCanceled
	TaskFailed
	TaskReconciling

	// TaskStatuses is how many there are.
	TaskStatuses = int(TaskReconciling) + 1
)

var taskStatuses = [TaskStatuses]string{
	"CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING", "FINISHED", "CANCELING", "CANCELED", "FAILED", "RECONCILING",
}

func (s TaskStatus) String() string { return taskStatuses[s] }

// Terminal reports whether the task has ended.
func (s TaskStatus) Terminal() bool {
	return s == TaskFinished || s == TaskCanceled || s == TaskFailed
}

// statusOf is the status of a job in a state that is not over.
func statusOf(s State) Status {
	if s.ending != nil {
		return statusOfEnding(s.ending.state)
	}
	switch s.phase {
	case beginning:
		if s.attempt == 0 {
			return Initializing
		}
		return Restarting
	case canceling, pausing:
		return Restarting
	case running:
		if s.over != nil {
			return Restarting
		}
	case settling, recording, over:
	}
	return Running
}

// statusOfEnding is the status of a job that is about to end; one that finishes
// or stops runs until it has.
func statusOfEnding(e End) Status {
	switch e {
	case Canceled:
		return Cancelling
	case Failed:
		return Failing
	case Fenced, Left:
		return Suspended
	case Finished, Stopped:
	}
	return Running
}

// StatusOf is the status of a job that has ended.
func StatusOf(e End) Status {
	switch e {
	case Finished, Stopped:
		return StatusFinished
	case Canceled:
		return StatusCanceled
	case Failed:
		return StatusFailed
	case Fenced, Left:
		return Suspended
	}
	panic(fmt.Sprintf("end %q", e))
}
