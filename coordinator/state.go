package coordinator

import (
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Settings are the rules by which a job is run. The zero value takes no
// checkpoints but the last one, and restarts nothing.
type Settings struct {
	// Interval is the time between the starts of two checkpoints
	// (execution.checkpointing.interval); 0 means that only the last barrier
	// makes one.
	Interval time.Duration
	// Timeout aborts a checkpoint (execution.checkpointing.timeout); 0 means
	// ten minutes.
	Timeout time.Duration
	// MinPause is the time from the end of a checkpoint to the start of the
	// next (execution.checkpointing.min-pause).
	MinPause time.Duration
	// Unaligned lets the barriers of checkpoints overtake rows when they have waited
	// for AlignedTimeout (execution.checkpointing.unaligned.enabled and
	// .aligned-checkpoint-timeout); those of savepoints, and those that are the last,
	// never do.
	Unaligned      bool
	AlignedTimeout time.Duration
	// TolerableFailures is how many checkpoints in a row may fail before the
	// tasks are restarted; negative means any number.
	TolerableFailures int
	// Retained is how many checkpoints are kept; 0 means 5.
	Retained int
	// Retention is which of them outlive the job.
	Retention Retention
	Restart   RestartStrategy
	// Regions starts only the tasks again whose pipelined region has failed
	// (jobmanager.execution.failover-strategy: region); otherwise it is all of them.
	Regions bool
	// DiscoveryInterval is for sources that have none of their own; 0 means
	// ten seconds.
	DiscoveryInterval time.Duration
	// EpochRows is how many rows, at about, each source task reads in an epoch
	// of a brief gear (wadi.staged.rows-per-epoch); 0 means all that it has.
	EpochRows int64
	// Once ends the run behind one epoch, of what there is to read when it begins.
	Once bool
	// LateEpoch is for how long a job that is to change gear or parallelism waits for
	// the end of an epoch in a brief gear; 0 means two seconds. One that takes longer
	// is dropped, and what it has read is read again.
	LateEpoch time.Duration
	Bugs      mutant.Set
}

func (s Settings) withDefaults() Settings {
	if s.Timeout == 0 {
		s.Timeout = 10 * time.Minute
	}
	if s.LateEpoch == 0 {
		s.LateEpoch = 2 * time.Second
	}
	if s.Retained == 0 {
		s.Retained = 5
	}
	if s.DiscoveryInterval == 0 {
		s.DiscoveryInterval = 10 * time.Second
	}
	return s
}

// RestartStrategy says when tasks that failed are started again. The zero
// value is Flink's "none".
type RestartStrategy struct {
	// Attempts is how often in a row; negative means any number.
	Attempts int
	// Delay is the pause before the first of them, which grows by Multiplier
	// (1 when it is 0) up to MaxDelay (none when it is 0).
	Delay      time.Duration
	Multiplier float64
	MaxDelay   time.Duration
	// ResetAfter is how long the job must have run for the count to begin
	// anew; 0 means never.
	ResetAfter time.Duration
}

// delay is the pause before restart n, from 1.
func (r RestartStrategy) delay(n int) time.Duration {
	d := float64(r.Delay)
	for range n - 1 {
		d *= max(1, r.Multiplier)
		if r.MaxDelay > 0 && d > float64(r.MaxDelay) {
			return r.MaxDelay
		}
	}
	return time.Duration(d)
}

// plan is what never changes while a job runs.
type plan struct {
	job      job.ID
	graph    *job.Graph
	settings Settings
	durable  bool
	ids      []checkpoint.TaskID
	ordinal  map[checkpoint.TaskID]int
	region   []int // by task
	sources  []sourcePlan
	sinks    []string // the UIDs of the sinks that publish
	started  time.Time
	gear     job.Gear // that the job begins in
	bounded  bool     // every source ends
	// recovering are the UIDs of sinks that do something before tasks begin again.
	recovering map[string]bool
}

type sourcePlan struct {
	vertex    job.VertexID
	uid       string
	tasks     []int // ordinals, by reader
	discovers time.Duration
}

func newPlan(id job.ID, g *job.Graph, s Settings, durable bool, sinks []string, started time.Time) *plan {
	p := &plan{job: id, graph: g, settings: s.withDefaults(), durable: durable, ordinal: map[checkpoint.TaskID]int{}, sinks: sinks, started: started, gear: job.Pipelined}
	regions, _ := g.Regions()
	for _, c := range g.Chains() {
		head := g.Vertices[c.Head()]
		p.region = append(p.region, regions[c.Head()]...)
		var tasks []int
		for i := range head.Parallelism {
			id := checkpoint.TaskID{Vertex: c.Head(), Index: i}
			p.ordinal[id] = len(p.ids)
			tasks = append(tasks, len(p.ids))
			p.ids = append(p.ids, id)
		}
		if head.Kind == job.KindSource {
			p.sources = append(p.sources, sourcePlan{vertex: head.ID, uid: head.UID, tasks: tasks, discovers: p.settings.DiscoveryInterval})
		}
	}
	return p
}

// with is the plan of a graph with other parallelisms.
func (p *plan) with(g *job.Graph) *plan {
	q := newPlan(p.job, g, p.settings, p.durable, p.sinks, p.started)
	q.gear, q.bounded, q.recovering = p.gear, p.bounded, p.recovering
	for i := range q.sources {
		q.sources[i].discovers = p.sources[i].discovers
	}
	return q
}

// State is everything that the coordinator knows. It is a value: Step never
// changes the one that it is given.
type State struct {
	*plan

	phase   phase
	attempt int // how often Begin was done
	number  int // of the next deployment
	// scaled is the graph that the next attempt runs, or nil.
	scaled *job.Graph
	gears  gears
	wished time.Time // when somebody last wanted the next attempt to be another
	owner  checkpoint.Owner

	manifest *checkpoint.Manifest // the newest that stands, or nil
	restored stream.Epoch         // what the newest start of tasks went on from
	origin   stream.Epoch         // what the newest start of all tasks went on from
	next     stream.Epoch         // the number to claim next
	retained []checkpoint.Kept
	unusable map[stream.Epoch]error

	tasks pages[taskState]
	// opening is how many of them do not run yet: no barrier is given until all do.
	opening int
	// placed says that they have slots, or need none.
	placed  bool
	over    *failover // the restart of some of them, or nil
	whole   string    // why all were restarted the last time, if some would have done
	cancels int       // how many Cancels were sent
	sources []sourceState
	sinks   []sinkState

	// handed says that the attempt has given something to a source task: splits, or
	// that no more will come.
	handed bool

	flight   *flight
	lastOver time.Time // when the last checkpoint ended
	lastOpen time.Time // when it began
	failures int       // checkpoints that failed in a row
	problem  error     // why tasks were restarted or a checkpoint failed, until one succeeds

	stop     bool
	requests []request // in the order in which they came
	begunAt  time.Time
	restarts int // in a row
	total    int // restarts in all
	resumeAt time.Time
	claiming bool // an answer to Claim is to come
	renewing bool // an answer to Renew is to come
	ending   *ending
	// discarded says that the checkpoints are deleted at the end.
	discarded bool

	blames int // how often tasks ended, or could not begin, of a failure
	blame  error
}

type phase uint8

const (
	beginning phase = iota // Begun is to come
	running
	canceling // Canceled is to come
	pausing   // before the next attempt
	settling  // no task runs: what is staged is published
	recording // Recorded is to come
	over
)

func (p phase) String() string {
	return [...]string{"beginning", "running", "canceling", "pausing", "settling", "recording", "over"}[p]
}

type taskState struct {
	source  int  // index in plan.sources, or -1
	runs    bool // it has its state, or had ended before
	want    int  // splits asked for and not taken yet
	noMore  bool
	drained bool
	gone    bool // it has reported Ended
	failed  bool // its last upload was declined
	// failing says that it is about to be started again, with others of its region, and
	// canceling which Cancel it waits for; 0 is none.
	failing   bool
	canceling int
	// generation is the one that it was started with.
	generation checkpoint.Generation
	// injected is the newest barrier that a source task was given, or the checkpoint that
	// it began with; given are the splits that are in no checkpoint yet, and late are those
	// of them that it gets when it runs.
	injected stream.Epoch
	given    []given
	late     []ops.Split
	// last is the handle of a task that has ended: it stands in every
	// checkpoint from then on.
	last *checkpoint.Handle
}

type sourceState struct {
	// away is since when the enumerator cannot look; zero when it can.
	away        time.Time
	discovering bool
	asked       bool // it has looked
	done        bool // no more splits will be found
	next        time.Time
	problem     error // why none can be found at present
}

type sinkState struct {
	pending    []ops.Pending
	publishing bool
	offered    stream.Epoch // of the checkpoint after which the last Publish was
	published  stream.Epoch // the highest in the target
	failures   int
	problem    error // why rows could not be published, until they are
	retry      time.Time
}

// flight is the checkpoint that is being taken.
type flight struct {
	epoch   stream.Epoch
	kind    stream.BarrierKind
	began   time.Time
	stage   flightStage
	sources map[string]checkpoint.SourceState
	handles pages[*checkpoint.Handle] // by task
	// manifest is what was offered to Claim.
	manifest *checkpoint.Manifest
	reason   error
	restart  bool // it is aborted because tasks are started again
}

type flightStage uint8

const (
	freezing flightStage = iota
	collecting
	claiming
	aborting
)

type ending struct {
	state End
	err   error
}

// clone copies what Step may change.
func (s State) clone() State {
	s.tasks = s.tasks.shared()
	s.sources = slices.Clone(s.sources)
	s.sinks = slices.Clone(s.sinks)
	s.requests = slices.Clone(s.requests)
	if s.flight != nil {
		f := *s.flight
		f.handles = f.handles.shared()
		s.flight = &f
	}
	if s.over != nil {
		f := *s.over
		s.over = &f
	}
	return s
}

// newState is the state before the first event; its first action is Begin.
func newState(p *plan) (State, []Action) {
	s := State{plan: p, next: 1, gears: gears{at: p.gear}}
	s.sinks = make([]sinkState, len(p.sinks))
	return s.clone(), []Action{Begin{First: true, Gear: p.gear}}
}

// Wake is when the state wants a Tick, or the zero time.
func (s State) Wake() time.Time {
	var at time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	switch s.phase {
	case beginning, recording, over:
		return at
	case pausing:
		if !s.claiming && !s.renewing {
			sooner(s.resumeAt)
		}
	case running:
		if s.over != nil && s.gone() {
			sooner(s.over.at)
		}
		if s.stop && !s.placed {
			sooner(s.begunAt.Add(unplaced))
		}
		sooner(s.hastens())
		if s.flight != nil {
			if s.flight.stage <= collecting {
				sooner(s.flight.began.Add(s.timeout()))
			}
		} else {
			sooner(s.due())
		}
		for _, src := range s.sources {
			if !src.discovering && !src.done && !s.stop {
				sooner(src.next)
			}
		}
	case canceling, settling:
	}
	for _, r := range s.requests {
		if r.stage == publishing && !r.want.ends() {
			sooner(r.deadline)
		}
	}
	for _, k := range s.sinks {
		if !k.publishing {
			sooner(k.retry)
		}
	}
	return at
}
