// Package gear decides in which gear a job runs that chooses for itself
// ('execution.gear' = 'auto'). Decide is pure: what was observed, the policy and the
// past give a decision and its reason, so that a day of load is simulated in a
// moment.
//
//	rows that come ─► rate, fast and slow ─► forecast of each gear: holds? costs?
//	                                               │
//	  the gear does not hold, or rows are late ────┼─► another, at once
//	  another is cheaper, for long enough ─────────┴─► another, behind MinTime
package gear

import (
	"slices"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Forecast is what a gear costs at a rate, and whether rows would be fresh in it.
type Forecast struct {
	PerHour float64 // US dollars
	Holds   bool
	Why     string // it does not
}

// Costs forecasts.
type Costs interface {
	At(g job.Gear, rowsPerSecond float64) Forecast
}

// Policy is what is wanted. The zero value, but for Gears and Costs, works.
type Policy struct {
	// Gears are those that the job can be in.
	Gears []job.Gear
	Costs Costs
	// Freshness is how old a row may be when it is visible at the sinks; 0 means a
	// minute.
	Freshness time.Duration
	// MaxPerHour is what an hour may cost, in US dollars; 0 means any amount. It comes
	// before freshness.
	MaxPerHour float64
	// MinTime is how long a gear is kept unless rows would be late, and for how long
	// another must have been cheaper; 0 means five minutes.
	MinTime time.Duration
	// Saving is by which part another gear must be cheaper; 0 means a fifth.
	Saving float64
}

func (p Policy) withDefaults() Policy {
	if p.Freshness == 0 {
		p.Freshness = time.Minute
	}
	if p.MinTime == 0 {
		p.MinTime = 5 * time.Minute
	}
	if p.Saving == 0 {
		p.Saving = 0.2
	}
	return p
}

// Observation is what is known of a job at a time.
type Observation struct {
	At   time.Time
	Gear job.Gear
	// Read is how many rows the job has read, since any time.
	Read int64
	// Pending is how many there are that it has not read; negative when nobody knows.
	Pending int64
	// Epoch is the newest that is claimed.
	Epoch uint64
}

// Decision is in which gear the job is to be, and why.
type Decision struct {
	Gear   job.Gear
	Reason string // of a change, or of what keeps the job from one; "" when all is well
}

// Past is what Decide remembers. The zero value is that of a new job.
type Past struct {
	began time.Time // in this gear
	gear  job.Gear
	seen  Observation // when the rates were last computed
	// Rows per second: fast follows them within seconds, slow falls by half in half of
	// MinTime, and is never below fast.
	fast, slow float64
	advanced   time.Time // when the epoch did
	late       time.Time // since when rows are too old; zero when they are not
	dear       time.Time // since when this gear costs too much; zero when it does not
	better     time.Time // since when another gear is cheaper; zero when none is
	to         job.Gear  // which
	shunned    [3]shunned
}

// shunned is a gear in which rows were late although they should not have been.
type shunned struct {
	until time.Time
	last  time.Duration // for how long; twice as long the next time
}

// longestShunned is for how long a gear is avoided at the most.
const longestShunned = 24 * time.Hour

func indexOf(g job.Gear) int { return slices.Index(job.Gears(), g) }
