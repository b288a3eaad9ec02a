package wadi

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/stream"
)

// The keys of prices.
const (
	keyPrices         = "cost.prices"
	keyFunctionMemory = "cost.function-memory"
)

// priceOf is where each price is that has a key.
func priceOf(p *cost.Prices) map[string]*float64 {
	return map[string]*float64{
		"cost.price.million-invocations": &p.MillionInvocations,
		"cost.price.gb-second":           &p.GBSecond,
		"cost.price.million-puts":        &p.MillionPuts,
		"cost.price.million-gets":        &p.MillionGets,
		"cost.price.gb-written":          &p.GBWritten,
		"cost.price.gb-read":             &p.GBRead,
		"cost.price.gb-month":            &p.GBMonth,
		"cost.price.core-hour":           &p.CoreHour,
		"cost.price.coordinator-hour":    &p.CoordinatorHour,
	}
}

// Prices are those of the configuration: a table that is built in, and what is
// set instead of single prices of it.
func (e *Env) Prices() (cost.Prices, error) { return pricesOf(e.Config) }

func pricesOf(get func(string) string) (cost.Prices, error) {
	p, err := cost.Table(get(keyPrices))
	if err != nil {
		return p, fmt.Errorf("%w: '%s': %w", job.ErrInvalid, keyPrices, err)
	}
	own := false
	for key, at := range priceOf(&p) {
		text := get(key)
		if text == "" {
			continue
		}
		if *at, err = strconv.ParseFloat(text, 64); err != nil {
			return p, fmt.Errorf("%w: '%s' = '%s': want a number", job.ErrInvalid, key, text)
		}
		own = true
	}
	if own {
		p.Source += "; some are set"
	}
	return p, nil
}

// stored is what requests to storage are on a bill. Memory is no storage.
func stored(counts []objstore.Count) (u cost.Usage) {
	for _, c := range counts {
		if c.Scheme == "mem" {
			continue
		}
		switch c.Operation {
		case objstore.OpStat, objstore.OpGet, objstore.OpDelete: // what is removed is looked at first, which is what costs
			u.Gets += c.Requests
		case objstore.OpPut, objstore.OpList, objstore.OpMove:
			u.Puts += c.Requests
		}
		u.Read += c.Read
		u.Written += c.Written
	}
	return u
}

// envMemory is where AWS Lambda says how many MB a function has.
const envMemory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

// memoryOf is how much memory a function is billed for: as its platform says in the
// environment, or else as is set.
func memoryOf(set string) int64 {
	if mb, err := strconv.ParseInt(os.Getenv(envMemory), 10, 64); err == nil {
		return mb << 20
	}
	n, err := units.ParseSize(cmp.Or(set, config.Default(keyFunctionMemory)))
	if err != nil {
		return 0 // opening an Env says why
	}
	return n
}

// meterInvocation begins to count what an invocation in this process uses, which
// has so much memory.
func meterInvocation(memory int64) (with func(context.Context) context.Context, used func() cost.Usage) {
	m, began := new(objstore.Meters), time.Now() //nolint:forbidigo // time is what is billed
	with = func(ctx context.Context) context.Context { return objstore.WithMeters(ctx, m) }
	return with, func() cost.Usage {
		return cost.Invoked(time.Since(began), memory).Plus(stored(m.Counts()))
	}
}

// account is what a job uses, from its start in this process on.
type account struct {
	prices cost.Prices
	now    func() time.Time
	meters objstore.Meters // of requests that this process makes for the job

	mu    sync.Mutex
	sum   cost.Usage // but for rows, and for requests of this process
	brief bool       // tasks are invocations, and this process coordinates them
	cores int        // that tasks hold otherwise
	base  int64      // rows that were read before the tasks began to count anew
	read  int64      // and since, as far as it is known
	since time.Time  // from when on the time is not in the sum; zero while nothing runs

	begun  stream.Epoch // the newest that was begun here
	epoch  stream.Epoch // the newest that was claimed
	before cost.Usage   // at its end
	epochs []cost.Epoch
}

// keptEpochs is of how many epochs an account tells.
const keptEpochs = 20

// accounting begins the account of a job. What is done for it in contexts that
// with makes is on it.
func (e *Env) accounting(r *Run, now func() time.Time) (with func(context.Context) context.Context, err error) {
	a := &account{now: now}
	if a.prices, err = e.Prices(); err != nil {
		return nil, err
	}
	r.account = a
	return func(ctx context.Context) context.Context { return objstore.WithMeters(ctx, &a.meters) }, nil
}

// add adds what was used elsewhere.
func (a *account) add(u cost.Usage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sum = a.sum.Plus(u)
}

// enter says in which gear the job is from now on, and how many cores its tasks
// hold unless they are functions. Its tasks count rows anew, from read on.
func (a *account) enter(g job.Gear, cores int, read int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	a.brief, a.cores, a.since = g == job.Functions, cores, a.now()
	a.base, a.read = a.base+a.read-read, read
}

// end says that nothing is used any more.
func (a *account) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle()
	a.since = time.Time{}
}

// settle puts the time until now into the sum.
func (a *account) settle() {
	if a.since.IsZero() {
		return
	}
	now := a.now()
	passed := now.Sub(a.since).Seconds()
	a.since = now
	if a.brief {
		a.sum.CoordinatorSeconds += passed
	} else {
		a.sum.CoreSeconds += passed * float64(a.cores)
	}
}

// usage is what was used until now, by a job that has read so many rows.
func (a *account) usage(rows int64) cost.Usage {
	a.settle()
	u := a.sum.Plus(stored(a.meters.Counts()))
	if rows < a.read { // the tasks were started again
		a.base += a.read
	}
	a.read = rows
	u.Rows = a.base + rows
	return u
}

// observe notes the ends of epochs; read says how many rows were read.
func (a *account) observe(p coordinator.Progress, read func() int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = max(a.begun, p.InFlight)
	if p.Epoch == a.epoch {
		return
	}
	if a.epoch = p.Epoch; a.epoch > a.begun { // it is restored
		return
	}
	a.sum.Epochs++
	now := a.usage(read())
	a.epochs = append(a.epochs, cost.Epoch{Number: uint64(a.epoch), Usage: now.Minus(a.before)})
	if len(a.epochs) > keptEpochs {
		a.epochs = a.epochs[1:]
	}
	a.before = now
}

// Cost is what the job has used until now, and what that costs: of what runs
// elsewhere, as far as it has told.
func (r *Run) Cost() cost.Statement {
	read := r.read()
	a := r.account
	a.mu.Lock()
	defer a.mu.Unlock()
	return cost.Statement{Prices: a.prices, Usage: a.usage(read), Epochs: slices.Clone(a.epochs)}
}

// read is how many rows were read at the sources.
func (r *Run) read() int64 {
	read, _, _ := r.count()
	return read
}

// slotsOf is how many slots the tasks of a graph hold.
func slotsOf(g *job.Graph) (n int) {
	for _, v := range g.Vertices {
		n = max(n, v.Parallelism)
	}
	return n
}
