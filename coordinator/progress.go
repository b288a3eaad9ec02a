package coordinator

import (
	"fmt"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Progress is what there is to say about a running job.
type Progress struct {
	Job  job.ID // "" until it is known
	Gear job.Gear
	// Waiting is how many rows the epoch of a brief gear that runs has found to read, of
	// sources that know it.
	Waiting    int64
	Shifting   bool   // it is about to change, or has just done so
	State      string // INITIALIZING, RUNNING, RESTARTING, FINISHING, as far as the coordinator knows
	Epoch      stream.Epoch
	InFlight   stream.Epoch // the epoch of the checkpoint that is being taken, or 0
	Checkpoint time.Time    // when the last one ended
	Failures   int          // checkpoints that failed in a row
	Restarts   int
	// Tasks, and how many of them have ended.
	Tasks, Ended int
	// Sources are how many source tasks there are and how many have read
	// everything; Discovered says that no more splits will be found.
	Sources, Drained int
	Discovered       bool
	// Staged is how many epochs are claimed and not published.
	Staged int
	// Unpublished says more of it, by sink; Unreached is why sources cannot be
	// looked at.
	Unpublished []Unpublished
	Unreached   []string
	// Problem is what the job waits for, or why its tasks were restarted or its
	// checkpoint failed, until one succeeds; "" while there is none.
	Problem string
}

// Unpublished is what a sink has staged and not published.
type Unpublished struct {
	Sink   string // its UID
	Epochs int
	First  stream.Epoch
	// Failures is how often publishing has failed in a row, Problem why.
	Failures int
	Problem  string
}

func (k sinkState) unpublished(uid string) Unpublished {
	u := Unpublished{Sink: uid, Epochs: len(k.pending), First: k.pending[0].Epoch, Failures: k.failures}
	if k.problem != nil {
		u.Problem = k.problem.Error()
	}
	return u
}

func (s State) progress(time.Time) Progress {
	p := Progress{Gear: s.gears.at, Shifting: s.gears.wish != "" || s.opening > 0, Checkpoint: s.lastOver, Failures: s.failures, Restarts: s.total, Tasks: len(s.ids), Discovered: true}
	switch s.phase {
	case beginning:
		p.State = "INITIALIZING"
	case running:
		if p.State = "RUNNING"; s.over != nil {
			p.State = "RESTARTING"
		}
	case canceling, pausing:
		p.State = "RESTARTING"
		if s.ending != nil {
			p.State = "FINISHING"
		}
	case settling, recording, over:
		p.State = "FINISHING"
	}
	if s.manifest != nil {
		p.Epoch = s.manifest.Epoch
	}
	if s.flight != nil {
		p.InFlight = s.flight.epoch
	}
	for _, t := range s.tasks.all() {
		if t.last != nil {
			p.Ended++
		}
		if t.source >= 0 {
			p.Sources++
			if t.drained || t.last != nil {
				p.Drained++
			}
		}
	}
	var problems []string
	for _, src := range s.sources {
		p.Discovered = p.Discovered && src.done
		if src.problem != nil {
			problems = append(problems, src.problem.Error())
			p.Unreached = append(p.Unreached, src.problem.Error())
		}
	}
	for i, k := range s.sinks {
		p.Staged = max(p.Staged, len(k.pending))
		if len(k.pending) > 0 {
			p.Unpublished = append(p.Unpublished, k.unpublished(s.plan.sinks[i]))
		}
		if k.problem != nil {
			problems = append(problems, fmt.Sprintf("%v (%d times; the rows are staged)", k.problem, k.failures))
		}
	}
	if s.problem != nil {
		problems = append(problems, s.problem.Error())
	}
	p.Problem = strings.Join(problems, "; ")
	return p
}
