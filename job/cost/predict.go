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

// cores is how many of them carry a load at a speed, at least one.
func cores(l Load, speed float64) int {
	if speed <= 0 {
		return 1
	}
	return max(1, int(math.Ceil(l.RowsPerSecond/(speed*busy))))
}

// Machines is the usage of an hour of as many cores as carry a load at a speed.
// Where they are more than one machine has, or coordinated says so, a process
// coordinates them.
func Machines(l Load, rowsPerCoreSecond float64, coordinated bool) (n int, u Usage) {
	n = cores(l, rowsPerCoreSecond)
	u = Usage{Rows: int64(l.RowsPerSecond * hour), CoreSeconds: float64(n) * hour}
	if n > coresOfMachine || coordinated {
		u.CoordinatorSeconds = hour
	}
	return n, u
}

// pipelined: workers run all the time, and rows are visible with the checkpoint
// after them.
func pipelined(p Plan, l Load, prices Prices) Forecast {
	n, u := Machines(l, p.RowsPerCoreSecond, false)
	epoch := max(l.Freshness-commitTime, l.Freshness/2)
	u.Epochs = perHour(epoch)
	tasks := int64(0)
	for _, s := range p.Stages {
		if s.Stateful {
			tasks += int64(max(s.Tasks, n))
		}
	}
	u.Puts = u.Epochs * (putsPerEpoch + tasks*putsPerState + int64(p.Sinks)*putsPerCommit)
	u.Gets = u.Epochs * (getsPerEpoch + int64(p.Sinks)*getsPerCommit)
	u.StoredGBHours = float64(p.StateBytes) / 1e9
	f := Forecast{Usage: u, Bill: prices.Of(u), Cores: n, Epoch: epoch, Holds: true}
	if l.Freshness < 2*commitTime {
		f.Holds, f.Why = false, fmt.Sprintf("a checkpoint and its commit take %v", commitTime)
	}
	return f
}

// staged: the machine stays, and each stage of an epoch is a process on it.
func staged(p Plan, l Load, prices Prices) Forecast {
	e := p.epoch(l, 1)
	n, u := Machines(l, p.RowsPerCoreSecond*inFunctions, false)
	if e.tasks > n {
		n, u.CoreSeconds = e.tasks, float64(e.tasks)*hour
	}
	u.Epochs = perHour(e.length)
	u.Puts, u.Gets = e.requests(p, u.Epochs)
	u.StoredGBHours = float64(p.StateBytes) / 1e9
	return Forecast{Usage: u, Bill: prices.Of(u), Cores: n, Epoch: e.length, Holds: e.why == "", Why: e.why}
}

// functions: nothing runs but invocations, and a coordinator when epochs follow
// one another more often than a cloud's clock begins them.
func functions(p Plan, l Load, prices Prices) Forecast {
	memory := p.FunctionMemory
	if memory == 0 {
		memory = DefaultFunctionMemory
	}
	share := 1.0
	if prices.MemoryPerCore > 0 {
		share = float64(memory) / float64(prices.MemoryPerCore)
	}
	e := p.epoch(l, share)
	u := Usage{Rows: int64(l.RowsPerSecond * hour), Epochs: perHour(e.length)}
	u.Invocations = u.Epochs * e.invocations
	seconds := float64(u.Invocations)*invocationTime.Seconds() + float64(u.Epochs)*e.work/share
	u.GBSeconds = seconds * float64(memory) / gb
	u.Puts, u.Gets = e.requests(p, u.Epochs)
	u.Read = u.Epochs * p.StateBytes
	u.StoredGBHours = float64(p.StateBytes) / 1e9
	if l.Freshness < time.Minute {
		u.CoordinatorSeconds = hour
	}
	return Forecast{Usage: u, Bill: prices.Of(u), Tasks: e.tasks, Epoch: e.length, Holds: e.why == "", Why: e.why}
}

// epoch is how one epoch goes of a job whose stages run one after the other.
type epoch struct {
	length      time.Duration // from the begin of one to that of the next
	work        float64       // seconds that a core is busy
	rows        float64
	tasks       int // of the widest stage
	invocations int64
	why         string // it cannot be as fresh as asked
}

// epoch cuts the work so that a row is visible in time: it waits for the next
// epoch at the longest, and then for all of its waves. Each task has a share of
// a core.
//
//	row comes        next epoch begins    wave  wave  commit
//	   ├───── length ─────┤├──────────── run ────────────┤
//	   ├──────────────────── freshness ──────────────────┤
func (p Plan) epoch(l Load, share float64) epoch {
	fixed := time.Duration(len(p.Stages))*invocationTime + commitTime
	e := epoch{rows: l.RowsPerSecond * l.Freshness.Seconds()}
	e.work = e.rows/(max(p.RowsPerCoreSecond, 1)*inFunctions) + float64(p.StateBytes)/restorePerCoreSecond
	budget := min(l.Freshness/4, longest)
	e.tasks = 1
	if budget > 0 {
		e.tasks = max(1, int(math.Ceil(e.work/share/budget.Seconds())))
	}
	run := fixed + seconds(e.work/share/float64(e.tasks))
	e.length = l.Freshness - run
	if e.length < l.Freshness/4 {
		e.length = max(run, l.Freshness/4)
		e.why = fmt.Sprintf("an epoch takes %v: %d waves, the rows and the commit", run.Round(time.Millisecond), len(p.Stages))
	}
	part := e.length.Seconds() / max(l.Freshness.Seconds(), 1e-9)
	e.rows *= part
	e.work = e.rows/(max(p.RowsPerCoreSecond, 1)*inFunctions) + float64(p.StateBytes)/restorePerCoreSecond
	for _, s := range p.Stages {
		e.invocations += int64(max(s.Tasks, e.tasks))
	}
	return e
}

// requests are those of a number of epochs: what is written and what is read.
func (e epoch) requests(p Plan, epochs int64) (puts, gets int64) {
	puts, gets = putsPerEpoch+int64(p.Sinks)*putsPerCommit, getsPerEpoch+int64(p.Sinks)*getsPerCommit
	long := false
	for _, s := range p.Stages {
		tasks := int64(max(s.Tasks, e.tasks))
		puts, gets = puts+tasks*putsPerResult, gets+tasks*getsPerResult
		if s.Stateful {
			puts, gets = puts+tasks*putsPerState, gets+tasks*getsPerState
		}
		if long { // a range of each sender's object for each receiver, at most
			gets += tasks * tasks * getsPerReceiving
		}
		if long = s.Sends && e.rows/float64(tasks) > rowsInResult; long {
			puts += tasks * putsPerSending
		}
	}
	return puts * epochs, gets * epochs
}

// perHour is how many epochs there are in an hour.
func perHour(epoch time.Duration) int64 {
	if epoch <= 0 {
		return 0
	}
	return max(1, int64(math.Round(float64(time.Hour)/float64(epoch))))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
