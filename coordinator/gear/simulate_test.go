package gear_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/coordinator/gear"
	"github.com/wadi-engine/wadi/job"
)

// TestSimulate lets jobs live through the loads in testdata, and tells every
// decision. A line of a load is a time and how many rows per second come then; in
// between they rise or fall evenly. What must hold of each, besides what is written
// down:
//
//	A1  Rows are late for less than late=, in percent of the time.
//	A2  Behind the first minutes, the cost is at most over=, in percent, above that of
//	    a job that knows what comes, and changes gear at each moment for nothing.
//	A3  The gear changes at most changes= times.
func TestSimulate(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s := newSimulation(t, d)
			s.run()
			return s.report(t)
		})
	})
}

// listed are costs of about those that are predicted, which stay as they are.
type listed struct{ freshness time.Duration }

func (l listed) At(g job.Gear, rate float64) gear.Forecast {
	const core, million, epoch, coordinator, most = 0.04, 4.2e-5, 3.3e-5, 0.01, 4e6
	if g == job.Pipelined {
		return gear.Forecast{PerHour: core * max(1, math.Ceil(rate/700e3)), Holds: true}
	}
	f := gear.Forecast{PerHour: epoch*float64(time.Hour/l.freshness) + million*rate*3600/1e6, Holds: rate < most, Why: "an epoch takes longer"}
	if l.freshness < time.Minute {
		f.PerHour += coordinator
	}
	return f
}

type point struct {
	at   time.Duration
	rate float64
}

// simulation is a job in a load.
type simulation struct {
	policy gear.Policy
	curve  []point
	limits map[string]float64
	known  bool // whether sources know what waits
	weak   bool // functions carry a hundredth of what is predicted

	out      strings.Builder
	cost     float64
	best     float64 // of a job that knows the load
	late     time.Duration
	changes  int
	duration time.Duration
}

func newSimulation(t *testing.T, d *datadriven.TestData) *simulation {
	t.Helper()
	s := &simulation{limits: map[string]float64{"late": 1, "over": 30, "changes": 3}, known: true}
	for _, a := range d.CmdArgs {
		v := strings.Join(a.Vals, "")
		n, _ := strconv.ParseFloat(v, 64)
		switch a.Key {
		case "freshness":
			s.policy.Freshness, _ = time.ParseDuration(v)
		case "min-time":
			s.policy.MinTime, _ = time.ParseDuration(v)
		case "ceiling":
			s.policy.MaxPerHour = n
		case "unknown":
			s.known = false
		case "weak":
			s.weak = true
		default:
			s.limits[a.Key] = n
		}
	}
	s.policy.Gears = []job.Gear{job.Pipelined, job.Functions}
	s.policy.Costs = listed{s.policy.Freshness}
	for line := range strings.Lines(d.Input) {
		f := strings.Fields(line)
		at, err := time.ParseDuration(f[0])
		if err != nil {
			t.Fatal(err)
		}
		rate, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		s.curve = append(s.curve, point{at, rate})
	}
	return s
}

// rate is how many rows come at a time.
func (s *simulation) rate(at time.Duration) float64 {
	for i := 1; i < len(s.curve); i++ {
		a, b := s.curve[i-1], s.curve[i]
		if at <= b.at {
			return a.rate + (b.rate-a.rate)*float64(at-a.at)/float64(b.at-a.at)
		}
	}
	return s.curve[len(s.curve)-1].rate
}

const (
	look  = time.Second     // between two decisions
	shift = 2 * time.Second // how long a change of gear takes
)

// run lives. Rows wait; a pipelined job reads them at once, and an epoch ends every
// half of the freshness; functions read them at the end of their epochs, as many as
// they can.
func (s *simulation) run() {
	start := time.UnixMilli(0).UTC()
	o := gear.Observation{Gear: job.Pipelined}
	var past gear.Past
	var waiting float64
	var oldest time.Duration // since when the oldest of them waits
	var epoch, away time.Duration
	s.duration = s.curve[len(s.curve)-1].at
	for at := time.Duration(0); at < s.duration; at += look {
		rate := s.rate(at)
		if waiting == 0 {
			oldest = at
		}
		waiting += rate * look.Seconds()
		if at >= away {
			if o.Gear == job.Pipelined {
				o.Read, waiting = o.Read+int64(waiting), 0
			}
			if at-epoch >= s.policy.Freshness/2 {
				if o.Gear.Brief() {
					n := math.Min(waiting, s.capacity(at-epoch))
					oldest += time.Duration(n / math.Max(waiting, 1) * float64(at-oldest))
					o.Read, waiting = o.Read+int64(n), waiting-n
				}
				o.Epoch++
				epoch = at
			}
		}
		if waiting > 0 && at-oldest > s.policy.Freshness {
			s.late += look
		}
		s.pay(o.Gear, rate)
		o.At = start.Add(at)
		if o.Pending = -1; s.known {
			o.Pending = int64(waiting)
		}
		if at < away {
			continue
		}
		var dec gear.Decision
		if dec, past = gear.Decide(o, s.policy, past); dec.Gear != o.Gear {
			s.changes++
			fmt.Fprintf(&s.out, "%v %s → %s: %s\n", at, o.Gear, dec.Gear, dec.Reason)
			o.Gear, away = dec.Gear, at+shift
		}
	}
}

// capacity is how many rows functions read in an epoch.
func (s *simulation) capacity(epoch time.Duration) float64 {
	most := 2e9
	if s.weak {
		most = 500
	}
	return most * epoch.Seconds()
}

func (s *simulation) pay(in job.Gear, rate float64) {
	s.cost += s.policy.Costs.At(in, rate).PerHour * look.Hours()
	least := math.Inf(1)
	for _, g := range s.policy.Gears {
		if f := s.policy.Costs.At(g, rate); f.Holds {
			least = math.Min(least, f.PerHour)
		}
	}
	s.best += least * look.Hours()
}

// start is what the first minutes cost, in which nobody knows yet what comes.
func (s *simulation) start() float64 {
	return s.policy.Costs.At(job.Pipelined, s.curve[0].rate).PerHour * (6 * time.Minute).Hours()
}

func (s *simulation) report(t *testing.T) string {
	t.Helper()
	over, late := 100*((s.cost-s.start())/s.best-1), 100*float64(s.late)/float64(s.duration)
	for name, got := range map[string]float64{"late": late, "over": over, "changes": float64(s.changes)} {
		if got > s.limits[name] {
			t.Errorf("%s: %.3g, want at most %.3g", name, got, s.limits[name])
		}
	}
	always := map[job.Gear]float64{}
	for at := time.Duration(0); at < s.duration; at += time.Minute {
		for _, g := range s.policy.Gears {
			always[g] += s.policy.Costs.At(g, s.rate(at)).PerHour / 60
		}
	}
	fmt.Fprintf(&s.out, "costs $%.3g; $%.3g pipelined, $%.3g in functions, $%.3g at the least; late for %v\n",
		s.cost, always[job.Pipelined], always[job.Functions], s.best, s.late)
	return s.out.String()
}
