package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Evidence is what can be known from outside about a job that seems to stand
// still.
type Evidence struct {
	Now      time.Time
	Life     Life
	Progress Progress
	Tasks    []TaskEvidence
}

// TaskEvidence is what a task does now.
type TaskEvidence struct {
	Task checkpoint.TaskID
	// Busy, Idle and Blocked are parts of its time: it works, it waits for rows,
	// it waits for room in what it sends to.
	Busy, Idle, Blocked float64
	// Watermark is the event time that it has reached.
	Watermark stream.Timestamp
	// Split is, of a source task, the split that is farthest behind, and Ahead
	// the event time of the one that is farthest ahead; "" when it has none.
	Split string
	Ahead stream.Timestamp
}

// FindingKind says what kind of thing holds a job.
type FindingKind string

// The kinds of findings, in the order in which they are told: what is first may
// be the reason for what follows.
const (
	FindingFailure      FindingKind = "failure"
	FindingInput        FindingKind = "input"
	FindingStart        FindingKind = "start"
	FindingCommit       FindingKind = "commit"
	FindingBackpressure FindingKind = "backpressure"
	FindingCheckpoint   FindingKind = "checkpoint"
	FindingWatermark    FindingKind = "watermark"
)

// Finding is one thing that holds a job, in words.
type Finding struct {
	Kind FindingKind
	// Bad says that it does not pass by itself, or has failed already.
	Bad   bool
	Title string
	Text  string
	// Advice is what somebody may do, or "".
	Advice string
	// Vertex is the head of the chain that it is about, or nil.
	Vertex *job.VertexID
	// Tasks are those that hold the job.
	Tasks []checkpoint.TaskID
	Since time.Time // zero when it is not known
}

const (
	// patience is how long a start or a checkpoint may take before it is told of.
	patience = 5 * time.Second
	// blocked is the part of its time that a task that is held back waits.
	blocked = 0.5
	// behind is by how much event times may differ.
	behind = stream.Timestamp(10_000)
	// manyStaged is how many epochs may wait to be published.
	manyStaged = 3
)

// Stuck names what a job waits for: pure, so that the same words come from the
// REST API, the web UI and the command line. A job that moves gives none; a job
// that has ended waits for nothing.
func Stuck(e Evidence) []Finding {
	if e.Life.Graph == nil || e.Life.Status.Terminal() {
		return nil
	}
	d := newDiagnosis(e)
	d.failures()
	d.inputs()
	d.start()
	d.commits()
	if e.Life.Status == Running {
		d.pressure()
		d.barrier()
		d.eventTime()
	}
	return d.findings
}

// diagnosis is what Stuck knows while it looks.
type diagnosis struct {
	Evidence
	chains   []job.Chain
	at       map[job.VertexID]int // the chain of each vertex
	from     [][]int              // the chains that send to a chain
	to       [][]int
	tasks    [][]TaskEvidence // of each chain
	findings []Finding
}

func newDiagnosis(e Evidence) *diagnosis {
	d := &diagnosis{Evidence: e, chains: e.Life.Graph.Chains(), at: map[job.VertexID]int{}}
	d.from, d.to, d.tasks = make([][]int, len(d.chains)), make([][]int, len(d.chains)), make([][]TaskEvidence, len(d.chains))
	for i, c := range d.chains {
		for _, v := range c.Vertices {
			d.at[v] = i
		}
	}
	for _, edge := range e.Life.Graph.Edges {
		a, b := d.at[edge.From], d.at[edge.To]
		if a != b && !slices.Contains(d.to[a], b) {
			d.to[a], d.from[b] = append(d.to[a], b), append(d.from[b], a)
		}
	}
	for _, t := range e.Tasks {
		if i, ok := d.at[t.Task.Vertex]; ok && !d.over(t.Task) {
			d.tasks[i] = append(d.tasks[i], t)
		}
	}
	return d
}

// over reports whether a task has ended.
func (d *diagnosis) over(id checkpoint.TaskID) bool {
	i := slices.IndexFunc(d.Life.Tasks, func(t TaskLife) bool { return t.Task == id })
	return i >= 0 && d.Life.Tasks[i].Current().Status.Terminal()
}

func (d *diagnosis) found(f Finding) { d.findings = append(d.findings, f) }

// head is a chain, for a Finding.
func (d *diagnosis) head(chain int) *job.VertexID {
	id := d.chains[chain].Head()
	return &id
}

// name is a chain as people read it: by its first vertex, and by its sink when it
// ends in one.
func (d *diagnosis) name(chain int) string {
	c, all := d.chains[chain], d.Life.Graph.Vertices
	name := shortName(all[c.Head()])
	if v := all[c.Tail()]; v.Kind == job.KindSink && c.Head() != c.Tail() {
		name += " → " + shortName(v)
	}
	return name
}

// shortName is "source orders" for the source of a catalog's table orders, and
// the kind of an operator otherwise.
func shortName(v job.Vertex) string {
	if table, ok := strings.CutPrefix(v.UID, v.Kind+"-"); ok && (v.Kind == job.KindSource || v.Kind == job.KindSink) {
		return v.Kind + " " + table[strings.LastIndex(table, ".")+1:]
	}
	name, _, _ := strings.Cut(v.Name, "(")
	return name
}

func (d *diagnosis) failures() {
	l := d.Life
	last, since := "", time.Time{}
	var vertex *job.VertexID
	var tasks []checkpoint.TaskID
	if len(l.Failures) > 0 {
		f := l.Failures[0]
		last, since = f.Err.Error(), f.At
		if f.Task != nil {
			vertex, tasks = &f.Task.Vertex, []checkpoint.TaskID{*f.Task}
		}
	}
	switch l.Status {
	case Restarting:
		d.found(Finding{
			Kind: FindingFailure, Bad: true, Title: "The tasks are being started again", Text: fmt.Sprintf("It is restart %d. The last failure was: %s", l.Restarts, last),
			Vertex: vertex, Tasks: tasks, Since: since,
		})
	case Failing, Cancelling:
		d.found(Finding{Kind: FindingFailure, Bad: true, Title: "The job is about to end", Text: "It waits until its tasks have. " + last, Since: l.Changed})
	case Running, Initializing, Created, Reconciling, StatusFailed, StatusCanceled, StatusFinished, Suspended:
	}
	if d.Progress.Failures > 0 {
		why := ""
		if c := l.Checkpoints.LastFailed; c != nil {
			why, since = c.Failure, c.Ended
		}
		d.found(Finding{
			Kind: FindingFailure, Bad: true, Title: "Checkpoints fail", Text: fmt.Sprintf("%d in a row have failed, the last because: %s", d.Progress.Failures, orUnknown(why)), Since: since,
			Advice: "Rows that appear when a checkpoint completes do not appear until then.",
		})
	}
}

func orUnknown(text string) string {
	if text == "" {
		return "that is not known"
	}
	return text
}

// inputs tells what is waited for outside: a source or a store that is away.
func (d *diagnosis) inputs() {
	if len(d.Progress.Unreached) > 0 {
		d.found(Finding{
			Kind: FindingInput, Bad: true, Title: "A source cannot be reached", Text: strings.Join(d.Progress.Unreached, "; "),
			Advice: "It is looked for again by itself; nothing is lost.",
		})
	}
}

func (d *diagnosis) start() {
	l := d.Life
	if l.Status != Initializing && l.Status != Created && l.Status != Reconciling {
		d.slots()
		return
	}
	if since := l.Entered[l.Status]; d.Now.Sub(since) > patience {
		d.found(Finding{
			Kind: FindingStart, Title: "The job has not started yet", Text: orUnknown(d.Progress.Problem), Since: since,
			Advice: "It needs its checkpoint directory, its sources and its sinks.",
		})
	}
}

// slots tells of tasks that have none.
func (d *diagnosis) slots() {
	var f Finding
	need := 0
	for _, t := range d.Life.Tasks {
		need = max(need, t.Task.Index+1)
		if a := t.Current(); a.Status == TaskScheduled {
			f.Tasks = append(f.Tasks, t.Task)
			f.Since = a.Entered[TaskScheduled]
		}
	}
	if len(f.Tasks) == 0 || d.Now.Sub(f.Since) <= patience {
		return
	}
	f.Kind, f.Title = FindingStart, "Its tasks wait for slots"
	f.Text = fmt.Sprintf("%d tasks need %d slots, as many as the widest vertex has tasks, and so many are not free.", len(f.Tasks), need)
	f.Advice = "Start workers, cancel another job, or lower parallelism.default. After slot.request.timeout the attempt fails."
	d.found(f)
}

func (d *diagnosis) commits() {
	for _, w := range d.Progress.Unpublished {
		if w.Problem == "" && w.Epochs <= manyStaged {
			continue
		}
		f := Finding{
			Kind: FindingCommit, Bad: w.Problem != "", Title: "The rows of " + d.sink(w.Sink) + " wait to be published",
			Text: fmt.Sprintf("The rows of %d epochs are stored and not published yet, since epoch %d.", w.Epochs, w.First),
		}
		if w.Problem != "" {
			f.Text += fmt.Sprintf(" It was tried %d times: %s", w.Failures, w.Problem)
			f.Advice = "It is tried again by itself; the rows are safe. See whether the catalog or the target answers, and lets this job write."
		}
		for i, c := range d.chains {
			for _, v := range c.Vertices {
				if d.Life.Graph.Vertices[v].UID == w.Sink {
					f.Vertex = d.head(i)
				}
			}
		}
		d.found(f)
	}
}

// sink is the name of the sink with a UID.
func (d *diagnosis) sink(uid string) string {
	for _, v := range d.Life.Graph.Vertices {
		if v.UID == uid {
			return shortName(v)
		}
	}
	return uid
}
