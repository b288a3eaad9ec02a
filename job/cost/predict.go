package cost

import (
	"fmt"
	"math"
	"time"
)

// Forecast is what a job uses in an hour in one gear, and what that costs.
type Forecast struct {
	Usage Usage `json:"usage"`
	Bill  Bill  `json:"bill"`
	// Cores are those of workers, Tasks those of each wave of invocations, and
	// Epoch is how long an epoch is.
	Cores int           `json:"cores,omitempty"`
	Tasks int           `json:"tasks,omitempty"`
	Epoch time.Duration `json:"epochNanos"`
	// Holds says that rows are as fresh as asked; Why, when they are not.
	Holds bool   `json:"holds"`
	Why   string `json:"why,omitempty"`
}

// PerHour is what an hour costs, in US dollars.
func (f Forecast) PerHour() float64 { return f.Bill.USD() }

// PerMonth is what a month of 730 hours costs, in US dollars.
func (f Forecast) PerMonth() float64 { return hoursPerMonth * f.Bill.USD() }

// Prediction is a forecast for each gear.
type Prediction struct {
	Pipelined Forecast `json:"pipelined"`
	Staged    Forecast `json:"staged"`
	Functions Forecast `json:"functions"`
}

// Predict says what a job uses and costs in an hour in each gear, while the load
// is as it is said. It is pure: the policy of the gear auto calls it with what it
// has observed.
func Predict(p Plan, l Load, prices Prices) Prediction {
	return Prediction{Pipelined: pipelined(p, l, prices), Staged: staged(p, l, prices), Functions: functions(p, l, prices)}
}

// Machines is the usage of an hour of as many cores as carry a load at a speed, at
// least one. Where they are more than one machine has, or coordinated says so, a
// process coordinates them.
func Machines(l Load, rowsPerCoreSecond float64, coordinated bool) (cores int, u Usage) {
	cores = 1
	if rowsPerCoreSecond > 0 {
		cores = max(1, int(math.Ceil(l.RowsPerSecond/(rowsPerCoreSecond*busy))))
	}
	u = Usage{Rows: int64(l.RowsPerSecond * hour), CoreSeconds: float64(cores) * hour}
	if cores > coresOfMachine || coordinated {
		u.CoordinatorSeconds = hour
	}
	return cores, u
}

// machines are those of a plan, whose tasks hold slots whatever comes.
func (p Plan) machines(l Load, speed float64) (cores int, u Usage) {
	cores, u = Machines(l, speed, false)
	for _, s := range p.Stages {
		cores = max(cores, s.Tasks)
	}
	u.CoreSeconds = float64(cores) * hour
	return cores, u
}

// pipelined: workers run all the time, and rows are visible with the checkpoint
// after them.
func pipelined(p Plan, l Load, prices Prices) Forecast {
	n, u := p.machines(l, p.RowsPerCoreSecond)
	commit := commitTime + 4*p.RequestTime
	epoch := max(l.Freshness-commit, l.Freshness/2)
	each := p.PipelinedEpoch(n)
	u.Epochs = perHour(epoch)
	u.Puts, u.Gets = u.Epochs*each.Puts, u.Epochs*each.Gets
	u.StoredGBHours = float64(p.StateBytes) / 1e9
	f := Forecast{Usage: u, Bill: prices.Of(u), Cores: n, Epoch: epoch, Holds: true}
	if l.Freshness < 2*commit {
		f.Holds, f.Why = false, fmt.Sprintf("a checkpoint and its commit take %v", commit)
	}
	return f
}

// staged: the machine stays, and each stage of an epoch is a process on it.
func staged(p Plan, l Load, prices Prices) Forecast {
	e := p.epoch(l, 1)
	n, u := p.machines(l, p.RowsPerCoreSecond*inFunctions)
	if e.tasks > n {
		n, u.CoreSeconds = e.tasks, float64(e.tasks)*hour
	}
	r := p.brief(e.rows, e.tasks, 0)
	u = u.Plus(r.usage(perHour(e.length)))
	u.StoredGBHours = float64(p.StateBytes) / 1e9
	return Forecast{Usage: u, Bill: prices.Of(u), Cores: n, Epoch: e.length, Holds: e.why == "", Why: e.why}
}

// functions: nothing runs but invocations, and a coordinator when epochs follow
// one another more often than a cloud's clock calls.
func functions(p Plan, l Load, prices Prices) Forecast {
	e := p.epoch(l, p.share(prices))
	n := perHour(e.length)
	each := p.FunctionsEpoch(e.rows, e.tasks, prices)
	coordinated := p.Coordinated || l.Freshness < timer
	if !coordinated {
		each = p.DriverlessEpoch(e.rows, e.tasks, prices)
	}
	if p.Endless {
		each.GBSeconds += p.reading(e, prices) * float64(p.memory()) / gb
	}
	if e.length >= long {
		each.GBSeconds += float64(each.Invocations) * cold.Seconds() * float64(p.memory()) / gb
	}
	u := Usage{
		Epochs: n, Invocations: n * each.Invocations, GBSeconds: float64(n) * each.GBSeconds,
		Puts: n * each.Puts, Gets: n * each.Gets, Read: n * each.Read, StoredGBHours: float64(p.StateBytes) / 1e9,
	}
	if coordinated {
		u.CoordinatorSeconds = hour
	} else if idle := perHour(timer) - n; idle > 0 {
		u = u.Plus(p.idle(idle))
	}
	u.Rows = int64(l.RowsPerSecond * hour)
	return Forecast{Usage: u, Bill: prices.Of(u), Tasks: e.tasks, Epoch: e.length, Holds: e.why == "", Why: e.why}
}

// reading is for how many seconds source tasks wait for rows in an epoch, beside
// what they do with them.
func (p Plan) reading(e epoch, prices Prices) float64 {
	readers := 0
	for _, s := range p.spread(e.tasks) {
		if s.Source {
			readers += s.Tasks
		}
	}
	return max(0, float64(readers)*e.length.Seconds()-p.work(e.rows)/p.share(prices))
}

// idle are calls that find nothing to do.
func (p Plan) idle(calls int64) Usage {
	took := invocationTime + (putsOfCall+getsOfCall)*p.RequestTime
	return Usage{
		Invocations: calls, GBSeconds: float64(calls) * took.Seconds() * float64(p.memory()) / gb,
		Puts: calls * putsOfCall, Gets: calls * getsOfCall,
	}
}

// FunctionsEpoch is what one epoch uses in functions that a process coordinates,
// which reads so many rows, with so many tasks in each wave, or as many as the plan
// has if those are more.
func (p Plan) FunctionsEpoch(rows float64, tasks int, prices Prices) Usage {
	u := p.brief(rows, tasks, putsOfResult).usage(1)
	u.Rows = int64(rows)
	compute, waits := p.work(rows)/p.share(prices), 0.0
	for _, s := range p.spread(tasks) {
		u.Invocations += int64(s.Tasks)
		waits += float64(s.Tasks) * p.wait(s).Seconds()
	}
	u.GBSeconds = (compute + waits) * float64(p.memory()) / gb
	u.Read = p.StateBytes
	return u
}

// DriverlessEpoch is the same of a job without a process: a call begins it, which
// runs all of it when it is small; otherwise each task looks whether it is the last.
func (p Plan) DriverlessEpoch(rows float64, tasks int, prices Prices) Usage {
	u := p.FunctionsEpoch(rows, tasks, prices)
	call := p.idle(1)
	if rows <= inOneCall {
		u.Puts -= u.Invocations * putsOfResult
		u.GBSeconds -= float64(u.Invocations) * invocationTime.Seconds() * float64(p.memory()) / gb
		u.Invocations = 0
	} else {
		look := time.Duration(putsOfLook+getsOfLook) * p.RequestTime
		u.GBSeconds += float64(u.Invocations) * look.Seconds() * float64(p.memory()) / gb
		u.Puts, u.Gets = u.Puts+u.Invocations*putsOfLook, u.Gets+u.Invocations*getsOfLook
	}
	u.Puts, u.Gets = u.Puts+putsOfPlan-putsOfEpoch, u.Gets+getsOfPlan-getsOfEpoch // of the call, too, is the claim
	return u.Plus(call)
}

// PipelinedEpoch is what one checkpoint asks of storage with so many tasks.
func (p Plan) PipelinedEpoch(tasks int) Usage {
	r := requests{puts: putsOfEpoch, gets: getsOfEpoch}
	for _, s := range p.spread(tasks) {
		if s.Stateful {
			r.puts += float64(s.Tasks) * putsOfState
		}
		r.sink(s)
	}
	return r.usage(1)
}

func (p Plan) memory() int64 {
	if p.FunctionMemory == 0 {
		return DefaultFunctionMemory
	}
	return p.FunctionMemory
}

// share is how much of a core a function has.
func (p Plan) share(prices Prices) float64 {
	if prices.MemoryPerCore <= 0 {
		return 1
	}
	return float64(p.memory()) / float64(prices.MemoryPerCore)
}

// work is for how long a core is busy with the rows of an epoch.
func (p Plan) work(rows float64) (seconds float64) {
	return rows/(max(p.RowsPerCoreSecond, 1)*inFunctions) + float64(p.StateBytes)/restorePerCoreSecond
}

// SpeedOf is how many rows a core carries through a job whose functions have used this,
// by what the invocations have lasted beside what they take without a row; false when
// that is too little to tell.
func (p Plan) SpeedOf(u Usage, prices Prices) (rowsPerCoreSecond float64, ok bool) {
	const enough = 2 // core-seconds
	core := max(float64(p.memory()), float64(prices.MemoryPerCore)) / (1 << 30)
	busy := (u.GBSeconds - float64(u.Invocations)*Invoked(invocationTime, p.memory()).GBSeconds) / core
	if busy < enough || u.Rows <= 0 {
		return 0, false
	}
	return float64(u.Rows) / busy / inFunctions, true
}

// wait is what an invocation takes without a row.
func (p Plan) wait(s Stage) time.Duration {
	n := 1.0 // its result
	if s.Stateful {
		n += putsOfState + getsOfState
	}
	if s.Sink != "" {
		n += sinkRequests[s.Sink].task
	}
	return invocationTime + time.Duration(n*float64(p.RequestTime))
}

// epoch is how one epoch goes of a job whose stages run one after the other.
type epoch struct {
	length time.Duration // from the begin of one to that of the next
	rows   float64
	tasks  int
	why    string // it cannot be as fresh as asked
}

// epoch cuts the work so that a row is visible in time: it waits for the next
// epoch at the longest, and then for all of its waves. Each task has a share of
// a core.
//
//	row comes        next epoch begins    wave  wave  commit
//	   ├───── length ─────┤├──────────── run ────────────┤
//	   ├──────────────────── freshness ──────────────────┤
func (p Plan) epoch(l Load, share float64) epoch {
	e := epoch{rows: l.RowsPerSecond * l.Freshness.Seconds(), tasks: 1}
	work := p.work(e.rows) / share
	if budget := min(l.Freshness/4, longest); budget > 0 {
		e.tasks = max(1, int(math.Ceil(work/budget.Seconds())))
	}
	run := commitTime + 4*p.RequestTime + seconds(work/float64(e.tasks))
	waves := p.spread(e.tasks)
	for _, s := range waves {
		run += p.wait(s)
	}
	if e.length = l.Freshness - run; e.length < l.Freshness/4 {
		e.length = max(run, l.Freshness/4)
		e.why = fmt.Sprintf("an epoch takes %v: waves: %d, the rows and the commit", run.Round(time.Millisecond), len(waves))
	}
	e.rows = l.RowsPerSecond * e.length.Seconds()
	return e
}

// requests are those of an epoch, in a mean.
type requests struct{ puts, gets float64 }

// brief are those of an epoch whose tasks live for it alone; results is how many
// each of them writes for whoever has begun it.
func (p Plan) brief(rows float64, tasks int, results float64) requests {
	r := requests{puts: putsOfEpoch + putsOfSweep, gets: getsOfEpoch}
	long := 0.0 // how many tasks have sent more than their results hold
	for _, s := range p.spread(tasks) {
		n := float64(s.Tasks)
		r.puts, r.gets = r.puts+n*results, r.gets+n*results // what is removed later is looked at
		if s.Stateful {
			r.puts, r.gets = r.puts+n*putsOfState, r.gets+n*getsOfState
		}
		if !s.Source {
			r.gets += n * long // each reads its range of each object
		}
		if long = 0; s.Sends && rows/n > rowsInResult {
			long = n
			r.puts, r.gets = r.puts+n*putsOfSending, r.gets+n*putsOfSending
		}
		r.sink(s)
	}
	return r
}

// sink adds what a sink asks.
func (r *requests) sink(s Stage) {
	of := sinkRequests[s.Sink]
	r.puts += float64(s.Tasks)*of.task + of.commit
	r.gets += float64(s.Tasks)*of.look + of.commit
}

func (r requests) usage(epochs int64) Usage {
	return Usage{Epochs: epochs, Puts: round(r.puts * float64(epochs)), Gets: round(r.gets * float64(epochs))}
}

// perHour is how many epochs there are in an hour.
func perHour(epoch time.Duration) int64 {
	if epoch <= 0 {
		return 0
	}
	return max(1, round(float64(time.Hour)/float64(epoch)))
}

func round(x float64) int64 { return int64(math.Round(x)) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
