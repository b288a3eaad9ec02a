package coordinator

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Life is what has become of a job, for those who look at it: a copy, and plain
// data.
type Life struct {
	Job      job.ID
	Graph    *job.Graph
	Settings Settings
	Durable  bool

	Status Status
	// Entered is when the job last got into each status; zero when it never did.
	Entered [Statuses]time.Time
	Started time.Time
	Ended   time.Time // zero until then
	// Changed is when anything of the job has last changed its status.
	Changed time.Time
	// Spent is for how long the job was in each status before the present one.
	Spent              [Statuses]time.Duration
	Restarts, Rescales int
	Tasks              []TaskLife
	// Failures are the newest ones, the newest first; Dropped is how many more
	// there were.
	Failures []Failure
	Dropped  int
	// Gear is how the tasks live, Shifts are the newest changes of it, the newest
	// first.
	Gear   job.Gear
	Shifts []Shifted
	// Commits are what became of the rows of each sink.
	Commits []Commits

	Checkpoints Checkpoints
	Result      *Result // once it has ended
}

// Commits counts how often the rows of a sink were published, and how often
// that has failed.
type Commits struct {
	Sink         string // its UID
	Done, Failed int
}

// TaskLife is what has become of a task in each attempt at running it.
type TaskLife struct {
	Task checkpoint.TaskID
	// Attempts are the newest ones, the newest last. There is always one.
	Attempts []TaskAttempt
}

// Current is the newest attempt.
func (t TaskLife) Current() TaskAttempt { return t.Attempts[len(t.Attempts)-1] }

// TaskAttempt is one try to run a task.
type TaskAttempt struct {
	Number  int // from 0
	Status  TaskStatus
	Entered [TaskStatuses]time.Time
}

// Failure is something that made tasks end.
type Failure struct {
	At  time.Time
	Err error
	// Task is which one failed, or nil when it was not one task.
	Task *checkpoint.TaskID
}

const (
	// keptFailures is how many failures a Life holds.
	keptFailures = 16
	// keptAttempts is how many attempts of a task it holds.
	keptAttempts = 16
)

// History follows a job that Run runs: give it to Job.History, and read it from
// any goroutine.
type History struct {
	// Changed, if not nil, is called when the job has got into another status, or
	// a checkpoint has ended. It must not wait. It is set before the job runs.
	Changed func()
	// KeptCheckpoints and KeptFailures are how many of the newest a Life holds
	// (web.checkpoints.history, web.exception-history-size); 0 means 10 and 16.
	KeptCheckpoints, KeptFailures int
	// Span, if not nil, is told of checkpoints and of starts of the tasks when they
	// are over, with SpanTasks also of the tasks' part in a checkpoint. It must not
	// wait.
	Span      func(metrics.Span)
	SpanTasks bool

	mu   sync.Mutex
	life Life
	sums []checkpointSum
}

// Life is a copy of what is known by now; false until the job has begun.
func (h *History) Life() (Life, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.life
	l.Failures = slices.Clone(l.Failures)
	l.Commits = slices.Clone(l.Commits)
	l.Shifts = slices.Clone(l.Shifts)
	l.Tasks = slices.Clone(l.Tasks)
	for i := range l.Tasks {
		l.Tasks[i].Attempts = slices.Clone(l.Tasks[i].Attempts)
	}
	l.Checkpoints = h.checkpoints()
	return l, l.Graph != nil
}

// Summary is the part of a Life that a list of jobs shows.
type Summary struct {
	Job                     job.ID
	Name                    string
	Status                  Status
	Started, Ended, Changed time.Time
	Restarts                int
	// Tasks is how many tasks have each status, Slots how many tasks the vertex
	// with the most of them has.
	Tasks [TaskStatuses]int
	Slots int
	// Checkpoint is the newest that completed, or 0.
	Checkpoint stream.Epoch
	Gear       job.Gear
}

// Summary is what is known by now; false until the job has begun.
func (h *History) Summary() (Summary, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &h.life
	if l.Graph == nil {
		return Summary{}, false
	}
	s := Summary{
		Job: l.Job, Name: l.Graph.Name, Status: l.Status, Started: l.Started, Ended: l.Ended, Changed: l.Changed, Restarts: l.Restarts, Gear: l.Gear,
	}
	for _, t := range l.Tasks {
		s.Tasks[t.Current().Status]++
		s.Slots = max(s.Slots, t.Task.Index+1)
	}
	if c := l.Checkpoints.LastCompleted; c != nil {
		s.Checkpoint = c.Epoch
	}
	return s, true
}

// begin is called before the first step.
func (h *History) begin(p *plan) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.life = Life{Job: p.job, Graph: p.graph, Settings: p.settings, Durable: p.durable, Started: p.started, Changed: p.started, Gear: p.gear}
	h.life.Entered[Initializing] = p.started
	for _, id := range p.ids {
		a := TaskAttempt{}
		a.Entered[TaskCreated] = p.started
		h.life.Tasks = append(h.life.Tasks, TaskLife{Task: id, Attempts: []TaskAttempt{a}})
	}
}

// observe is called after each step, with the states around it.
func (h *History) observe(now time.Time, e Event, old, s State, actions []Action) {
	if h.note(now, e, old, s, actions) && h.Changed != nil {
		h.Changed()
	}
}

// note reports whether something has changed that listeners want to know.
func (h *History) note(now time.Time, e Event, old, s State, actions []Action) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	status, ended := h.life.Status, h.life.Checkpoints.Completed+h.life.Checkpoints.Failed
	h.life.Restarts = s.total
	if p, ok := e.(Published); ok {
		h.published(p, s)
	}
	if s.blames != old.blames {
		h.blame(now, e, s)
	}
	if b, ok := e.(Begun); ok && b.Err == nil && b.Held != nil {
		h.adopt(*b.Held, s)
	}
	shifted := h.shift(now, old, s)
	h.report(now, e, old, s)
	h.flight(now, e, old, s)
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			h.command(now, a.Command, s)
		case Finish:
			h.finish(now, a.Result)
			return true
		case Begin:
			if a.Graph != nil {
				h.rescale(now, s.plan)
			}
		case Discover, Take, Freeze, Renew, Claim, Publish, Delete, Export, Answer, Record:
		}
	}
	h.enter(now, statusOf(s))
	return shifted || status != h.life.Status || ended != h.life.Checkpoints.Completed+h.life.Checkpoints.Failed
}

func (h *History) enter(now time.Time, s Status) {
	if h.life.Status == s {
		return
	}
	if s == Running {
		h.life.Entered[Created] = now
	}
	was := h.life.Status
	h.life.Spent[was] += now.Sub(h.life.Entered[was])
	if s == Running {
		h.recovered(now, was)
	}
	h.life.Status, h.life.Changed = s, now
	h.life.Entered[s] = now
}

func (h *History) finish(now time.Time, r Result) {
	for i := range h.life.Tasks {
		h.task(now, i, TaskCanceled)
	}
	h.enter(now, StatusOf(r.State))
	h.life.Ended, h.life.Result = now, &r
}

// published counts what a committer has done.
func (h *History) published(p Published, s State) {
	for len(h.life.Commits) < len(s.plan.sinks) {
		h.life.Commits = append(h.life.Commits, Commits{Sink: s.plan.sinks[len(h.life.Commits)]})
	}
	if c := &h.life.Commits[p.Sink]; p.Err == nil {
		c.Done++
	} else {
		c.Failed++
	}
}

// task moves a task on, unless it has ended.
func (h *History) task(now time.Time, i int, s TaskStatus) {
	attempts := h.life.Tasks[i].Attempts
	a := &attempts[len(attempts)-1]
	if a.Status.Terminal() || a.Status == s {
		return
	}
	a.Status, a.Entered[s] = s, now
	h.life.Changed = now
}

// rescale makes the tasks those of another graph. Those that there are already
// keep their attempts.
func (h *History) rescale(now time.Time, p *plan) {
	h.life.Graph = p.graph
	h.life.Rescales++
	old := h.life.Tasks
	h.life.Tasks = nil
	for _, id := range p.ids {
		if i := slices.IndexFunc(old, func(t TaskLife) bool { return t.Task == id }); i >= 0 {
			h.life.Tasks = append(h.life.Tasks, old[i])
			continue
		}
		a := TaskAttempt{}
		if len(old) > 0 {
			a.Number = old[0].Current().Number + 1
		}
		a.Entered[TaskCreated] = now
		h.life.Tasks = append(h.life.Tasks, TaskLife{Task: id, Attempts: []TaskAttempt{a}})
	}
}

// adopt notes that the tasks have run on since they were deployed.
func (h *History) adopt(held rpc.Held, s State) {
	since := time.UnixMilli(int64(held.Since)).UTC()
	for i := range h.life.Tasks {
		a := TaskAttempt{Number: held.Attempt}
		a.Entered[TaskCreated] = since
		h.life.Tasks[i].Attempts = []TaskAttempt{a}
		h.advance(since, i, TaskInitializing)
	}
	for _, t := range held.Tasks {
		i := s.ordinal[t.Task]
		if t.Running || t.Ended {
			h.advance(since, i, TaskRunning)
		}
		if t.Ended {
			h.task(since, i, TaskFinished)
		}
	}
}

func (h *History) report(now time.Time, e Event, old, s State) {
	r, ok := e.(Reported)
	if !ok {
		return
	}
	if _, canceled := r.Report.(rpc.Canceled); !canceled && old.phase != running {
		return // of tasks that are being canceled
	}
	if id, one := rpc.TaskOf(r.Report); one && old.phase == running && old.tasks.at(old.ordinal[id]).failing {
		return // the same
	}
	switch r := r.Report.(type) {
	case rpc.Placed:
		for _, i := range h.of(r.Tasks, s) {
			h.advance(time.UnixMilli(int64(r.Since)).UTC(), i, TaskDeploying)
		}
	case rpc.Deployed:
		for _, id := range r.Tasks {
			h.advance(now, s.ordinal[id], TaskInitializing)
		}
	case rpc.Running:
		h.advance(now, s.ordinal[r.Task], TaskRunning)
	case rpc.Ended:
		h.task(now, s.ordinal[r.Task], TaskFinished)
	case rpc.Failed:
		h.task(now, s.ordinal[r.Task], TaskFailed)
		for _, id := range r.With {
			h.task(now, s.ordinal[id], TaskFailed)
		}
	case rpc.Canceled:
		end := TaskCanceled
		if s.ending != nil && (s.ending.state == Finished || s.ending.state == Stopped) {
			end = TaskFinished
		}
		for _, i := range h.of(r.Tasks, s) {
			h.task(now, i, end)
		}
	case rpc.WantSplits, rpc.Drained, rpc.Paused, rpc.Sealed, rpc.Declined:
	}
}

func (h *History) command(now time.Time, c rpc.Command, s State) {
	switch c := c.(type) {
	case rpc.Deploy:
		h.deploy(now, c, s)
	case rpc.Cancel:
		for _, i := range h.of(c.Tasks, s) {
			h.task(now, i, TaskCanceling)
		}
	case rpc.Assign, rpc.Inject, rpc.Confirm:
	}
}

// of are the ordinals of tasks, nil meaning all.
func (h *History) of(tasks []checkpoint.TaskID, s State) []int {
	all := make([]int, 0, len(h.life.Tasks))
	if tasks == nil {
		for i := range h.life.Tasks {
			all = append(all, i)
		}
	}
	for _, id := range tasks {
		all = append(all, s.ordinal[id])
	}
	return all
}

// deploy begins a new attempt of tasks; those that have ended end again.
func (h *History) deploy(now time.Time, d rpc.Deploy, s State) {
	if s.manifest != nil {
		h.restored(now, s)
	}
	var some []checkpoint.TaskID
	if d.Beside {
		for _, a := range d.Tasks {
			some = append(some, a.Task)
		}
	}
	tasks := h.of(some, s)
	for _, i := range tasks {
		t := &h.life.Tasks[i]
		if a := t.Current(); a.Status != TaskCreated {
			next := TaskAttempt{Number: a.Number + 1}
			next.Entered[TaskCreated] = now
			t.Attempts = append(t.Attempts, next)
			if n := len(t.Attempts) - keptAttempts; n > 0 {
				t.Attempts = t.Attempts[n:]
			}
		}
	}
	for _, i := range tasks {
		if s.tasks.at(i).gone {
			h.advance(now, i, TaskRunning)
			h.task(now, i, TaskFinished)
			continue
		}
		h.task(now, i, TaskScheduled)
	}
}

// advance moves a task on its way to running, step by step: who has not told of
// one has passed it.
func (h *History) advance(now time.Time, i int, to TaskStatus) {
	a := h.life.Tasks[i].Attempts
	for s := a[len(a)-1].Status + 1; s <= to; s++ {
		h.task(now, i, s)
	}
}

// blame notes why tasks end, or cannot begin.
func (h *History) blame(now time.Time, e Event, s State) {
	f := Failure{At: now, Err: s.blame}
	if r, ok := e.(Reported); ok {
		if r, ok := r.Report.(rpc.Failed); ok {
			f.Task = &r.Task
		}
	}
	h.life.Failures = slices.Insert(h.life.Failures, 0, f)
	if kept := cmp.Or(h.KeptFailures, keptFailures); len(h.life.Failures) > kept {
		h.life.Failures = h.life.Failures[:kept]
		h.life.Dropped++
	}
}

// Timestamps are when the job got into each status, by Flink's names; 0 when it
// never did.
func (l Life) Timestamps() map[string]int64 {
	m := make(map[string]int64, Statuses)
	for s, at := range l.Entered {
		m[Status(s).String()] = Millis(at)
	}
	return m
}

// Timestamps are when the attempt got into each status, by Flink's names; 0
// when it never did.
func (a TaskAttempt) Timestamps() map[string]int64 {
	m := make(map[string]int64, TaskStatuses)
	for s, at := range a.Entered {
		m[TaskStatus(s).String()] = Millis(at)
	}
	return m
}

// Millis is a time in milliseconds since the Unix epoch, and 0 for the zero time.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
