package rpc

import (
	"errors"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// ToWorker is a message from the coordinator to a worker process: at most one field
// is set but for N and Heard.
type ToWorker struct {
	// N numbers Start, Command and Drop; Heard is the number of the newest report that
	// has come.
	N       uint64      `json:"n,omitempty"`
	Heard   uint64      `json:"heard,omitempty"`
	Welcome *Welcome    `json:"welcome,omitempty"`
	Start   *Start      `json:"start,omitempty"`
	Command *JobCommand `json:"command,omitempty"`
	// Drop says that a job is over: its worker forgets it.
	Drop job.ID `json:"drop,omitempty"`
	// Ask is a question about the process.
	Ask *Ask `json:"ask,omitempty"`
	// Leads answers Watch: the term in which the coordinator leads.
	Leads uint64 `json:"leads,omitempty"`
}

// ToCoordinator is a message from a worker process: exactly one field is set but
// for N.
type ToCoordinator struct {
	// N numbers Report.
	N         uint64     `json:"n,omitempty"`
	Register  *Register  `json:"register,omitempty"`
	Report    *JobReport `json:"report,omitempty"`
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
	Answer    *Answer    `json:"answer,omitempty"`
	// Leaves says that the worker ends.
	Leaves bool `json:"leaves,omitempty"`
	// Watch is from a coordinator that stands by, again and again.
	Watch *Watch `json:"watch,omitempty"`
}

type (
	// Watch asks whether the coordinator leads.
	Watch struct {
		Nonce string `json:"nonce"`
		Term  uint64 `json:"term"`
	}
	// Register is the first message of a worker.
	Register struct {
		ID      string `json:"id"`   // taskmanager.resource-id, or random
		Data    string `json:"data"` // the address for data
		Slots   int    `json:"slots"`
		Memory  int64  `json:"memory"` // bytes that tasks may use
		Cores   int    `json:"cores"`
		PID     int    `json:"pid"`
		Version string `json:"version"`
		// Held are the jobs whose tasks run on, although their coordinator was lost.
		Held []Held `json:"held,omitempty"`
		// Conversation names the one that begins, unless that in Resume goes on. Said is
		// the number of the newest report before.
		Conversation string  `json:"conversation,omitempty"`
		Said         uint64  `json:"said,omitempty"`
		Resume       *Resume `json:"resume,omitempty"`
	}
	// Resume asks for a conversation to go on whose connection is lost, behind the
	// newest message that the worker has heard.
	Resume struct {
		Conversation string `json:"conversation"`
		Heard        uint64 `json:"heard"`
	}
	// Welcome answers Register. The worker sends a Heartbeat each Interval, in
	// milliseconds, and ends a conversation in which nothing comes for Timeout.
	Welcome struct {
		Interval int64 `json:"intervalMillis"`
		Timeout  int64 `json:"timeoutMillis"`
		// Resumed says that the old conversation goes on, behind the newest report that
		// the coordinator has heard.
		Resumed bool   `json:"resumed,omitempty"`
		Heard   uint64 `json:"heard,omitempty"`
	}
	// Start prepares a job: its commands follow.
	Start struct {
		Job         job.ID            `json:"job"`
		Name        string            `json:"name"`
		Checkpoints string            `json:"checkpoints,omitempty"` // the URL of the checkpoint directory
		Config      map[string]string `json:"config,omitempty"`
	}
	// JobCommand is a command to the tasks of a job.
	JobCommand struct {
		Job     job.ID   `json:"job"`
		Deploy  *Deploy  `json:"deploy,omitempty"`
		Assign  *Assign  `json:"assign,omitempty"`
		Inject  *Inject  `json:"inject,omitempty"`
		Confirm *Confirm `json:"confirm,omitempty"`
		Cancel  *Cancel  `json:"cancel,omitempty"`
	}
	// JobReport is what a worker says of its tasks of a job, in the generation with
	// which they were deployed.
	JobReport struct {
		Job        job.ID                `json:"job"`
		Generation checkpoint.Generation `json:"generation"`
		Placed     *Placed               `json:"placed,omitempty"`
		Deployed   *Deployed             `json:"deployed,omitempty"`
		Running    *Running              `json:"running,omitempty"`
		WantSplits *WantSplits           `json:"wantSplits,omitempty"`
		Drained    *Drained              `json:"drained,omitempty"`
		Paused     *Paused               `json:"paused,omitempty"`
		Sealed     *Sealed               `json:"sealed,omitempty"`
		Declined   *problem              `json:"declined,omitempty"`
		Ended      *Ended                `json:"ended,omitempty"`
		Canceled   *Canceled             `json:"canceled,omitempty"`
		Failed     *problem              `json:"failed,omitempty"`
		// Counts are the last, with Canceled.
		Counts []Count `json:"counts,omitempty"`
	}
	// Held is what workers hold of a job: the tasks of one attempt, and what their
	// next coordinator must know of them.
	Held struct {
		Job        job.ID                `json:"job"`
		Generation checkpoint.Generation `json:"generation"`
		Attempt    int                   `json:"attempt"`
		// Restored is the epoch of the checkpoint that the tasks began with, or 0.
		Restored stream.Epoch `json:"restored"`
		// Total is how many tasks the attempt has, here and elsewhere.
		Total int `json:"total"`
		// Since is when the tasks got their slots, by the clock of who gave them.
		Since stream.Timestamp `json:"since"`
		Tasks []HeldTask       `json:"tasks"`
	}
	// HeldTask is one task that runs on, or that has ended.
	HeldTask struct {
		Task checkpoint.TaskID `json:"task"`
		// Running says that it has reported so: otherwise it restores its state yet.
		Running bool `json:"running,omitempty"`
		Ended   bool `json:"ended,omitempty"`
		// Handle is that of a task that has ended, unless a confirmed epoch has it.
		Handle *checkpoint.Handle `json:"handle,omitempty"`
		// Of a source task: how many splits it has asked for, and not been answered;
		// that none will follow; that it has read all; the newest barrier that it was
		// given, and those before it since the last confirmed epoch; the splits that it
		// was given since then.
		Wants    int              `json:"wants,omitempty"`
		NoMore   bool             `json:"noMore,omitempty"`
		Drained  bool             `json:"drained,omitempty"`
		Injected stream.Barrier   `json:"injected"`
		Earlier  []stream.Barrier `json:"earlier,omitempty"`
		Assigned []HeldSplit      `json:"assigned,omitempty"`
	}
	// HeldSplit is a split that a task was given behind the barrier of an epoch.
	HeldSplit struct {
		Split ops.Split    `json:"split"`
		After stream.Epoch `json:"after"`
	}
	// Heartbeat says that a worker is well, and what its tasks have counted.
	Heartbeat struct {
		Jobs    []JobCounts `json:"jobs,omitempty"`
		Process Process     `json:"process"`
		// Heard is the number of the newest command that has come.
		Heard uint64 `json:"heard,omitempty"`
	}
	// JobCounts are the counts of the tasks of a job on one worker.
	JobCounts struct {
		Job    job.ID  `json:"job"`
		Counts []Count `json:"counts"`
	}
)

// problem is a report with an error.
type problem struct {
	Task  checkpoint.TaskID   `json:"task"`
	With  []checkpoint.TaskID `json:"with,omitempty"`
	Gone  bool                `json:"gone,omitempty"`
	Epoch stream.Epoch        `json:"epoch,omitempty"`
	Text  string              `json:"text"`
	Class string              `json:"class,omitempty"`
	// Peer is the address of the worker that could not be reached, or "".
	Peer string `json:"peer,omitempty"`
}

func newProblem(t checkpoint.TaskID, e stream.Epoch, err error) *problem {
	p := &problem{Task: t, Epoch: e, Text: err.Error(), Class: classOf(err)}
	var u *peer.Unreachable
	if errors.As(err, &u) {
		p.Peer = u.Address
	}
	return p
}

// classes are those that decisions depend on; the first that fits counts.
var classes = []struct {
	name string
	err  error
}{
	{"corrupt", checkpoint.ErrCorrupt}, {"invalid", job.ErrInvalid}, {"fenced", job.ErrFenced}, {"unavailable", job.ErrUnavailable},
}

func classOf(err error) string {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return ""
}

// distant is an error of another process: its text, which names the class, and
// the class.
type distant struct {
	text  string
	class error
}

func (e distant) Error() string { return e.text }
func (e distant) Unwrap() error { return e.class }

func (p *problem) err() error {
	e := distant{text: p.Text}
	for _, c := range classes {
		if c.name == p.Class {
			e.class = c.err
		}
	}
	if p.Peer != "" {
		return &peer.Unreachable{Address: p.Peer, Err: e}
	}
	return e
}

// Wrap is the wire form of a command.
func Wrap(id job.ID, c Command) JobCommand {
	w := JobCommand{Job: id}
	switch c := c.(type) {
	case Deploy:
		w.Deploy = &c
	case Assign:
		w.Assign = &c
	case Inject:
		w.Inject = &c
	case Confirm:
		w.Confirm = &c
	case Cancel:
		w.Cancel = &c
	}
	return w
}

// Open is the command in its wire form, or nil when there is none.
func (w JobCommand) Open() Command {
	switch {
	case w.Deploy != nil:
		return *w.Deploy
	case w.Assign != nil:
		return *w.Assign
	case w.Inject != nil:
		return *w.Inject
	case w.Confirm != nil:
		return *w.Confirm
	case w.Cancel != nil:
		return *w.Cancel
	}
	return nil
}

// WrapReport is the wire form of a report.
func WrapReport(id job.ID, g checkpoint.Generation, r Report) JobReport {
	w := JobReport{Job: id, Generation: g}
	switch r := r.(type) {
	case Placed:
		w.Placed = &r
	case Deployed:
		w.Deployed = &r
	case Running:
		w.Running = &r
	case WantSplits:
		w.WantSplits = &r
	case Drained:
		w.Drained = &r
	case Paused:
		w.Paused = &r
	case Sealed:
		w.Sealed = &r
	case Declined:
		w.Declined = newProblem(r.Task, r.Epoch, r.Err)
	case Ended:
		w.Ended = &r
	case Canceled:
		w.Canceled = &r
	case Failed:
		w.Failed = newProblem(r.Task, 0, r.Err)
		w.Failed.With, w.Failed.Gone = r.With, r.Gone
	}
	return w
}

// Open is the report in its wire form, or nil when there is none.
func (w JobReport) Open() Report {
	switch {
	case w.Placed != nil:
		return *w.Placed
	case w.Deployed != nil:
		return *w.Deployed
	case w.Running != nil:
		return *w.Running
	case w.WantSplits != nil:
		return *w.WantSplits
	case w.Drained != nil:
		return *w.Drained
	case w.Paused != nil:
		return *w.Paused
	case w.Sealed != nil:
		return *w.Sealed
	case w.Declined != nil:
		return Declined{Task: w.Declined.Task, Epoch: w.Declined.Epoch, Err: w.Declined.err()}
	case w.Ended != nil:
		return *w.Ended
	case w.Canceled != nil:
		return *w.Canceled
	case w.Failed != nil:
		return Failed{Task: w.Failed.Task, With: w.Failed.With, Gone: w.Failed.Gone, Err: w.Failed.err()}
	}
	return nil
}
