package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/lambda/local"
)

// FunctionsOptions say what of the functions gear is measured.
type FunctionsOptions struct {
	// Parts are names of FunctionsParts; none means all.
	Parts []string
	// Queries are those of the part gears; none means q1, q5, q8 and q9.
	Queries []string
	// Events are those of an epoch of the part gears, of which there are two; 0 means 5
	// million.
	Events int64
	// Parallelism is that of the part gears; 0 means 1.
	Parallelism int
	// State is how many bytes of keys and values a task restores in the part cold; 0
	// means 100 MB.
	State int64
	// Program is what runs as the function; "" means this one.
	Program string
	// Dir is where checkpoints go; "" means the system's temporary directory.
	Dir string
}

// functionsParts are what is measured, by name.
var functionsParts = map[string]func(FunctionsOptions, context.Context, Report) error{
	"cold":     FunctionsOptions.cold,
	"warm":     FunctionsOptions.warm,
	"gears":    FunctionsOptions.gears,
	"requests": FunctionsOptions.requests,
	"change":   FunctionsOptions.change,
}

// FunctionsParts are what can be measured.
func FunctionsParts() []string { return slices.Sorted(maps.Keys(functionsParts)) }

// Functions measures the functions gear: invocations are processes of their own, by
// AWS Lambda's runtime API, and storage is a directory.
func Functions(ctx context.Context, o FunctionsOptions, report Report) error {
	if o.Events == 0 {
		o.Events = 5_000_000
	}
	if o.State == 0 {
		o.State = 100_000_000
	}
	if len(o.Queries) == 0 {
		o.Queries = []string{"q1", "q5", "q8", "q9"}
	}
	if len(o.Parts) == 0 {
		o.Parts = FunctionsParts()
	}
	if o.Program == "" {
		var err error
		if o.Program, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	for _, name := range o.Parts {
		part := functionsParts[name]
		if part == nil {
			return fmt.Errorf("%w: part %q: want one of %s", job.ErrInvalid, name, strings.Join(FunctionsParts(), ", "))
		}
		err := part(o, ctx, func(ctx context.Context, r Result) error {
			r.Suite, r.Load = "functions", load()
			return report(ctx, r)
		})
		if err != nil {
			return fmt.Errorf("measure %s: %w", name, err)
		}
	}
	return nil
}

// load is how many processes want to run, as the system has it of the last minute; 0
// when it does not say.
func load() (l float64) {
	text, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(text), &l)
	}
	if err != nil {
		return 0
	}
	return l
}

// platform runs the program as a function.
func (o FunctionsOptions) platform() *local.Platform {
	return local.New(local.Options{Command: []string{o.Program, "function"}, Timeout: 15 * time.Minute, Keep: 64, Retry: time.Second})
}

// functionsRun is a job in the functions gear.
type functionsRun struct {
	invoker     lambda.Invoker
	parallelism int
	config      map[string]string // beside what all have
	script      string
	dir         string // of its checkpoints
}

// do runs f with the job.
func (r functionsRun) do(ctx context.Context, f func(*wadi.Pipeline) error) error {
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + r.dir,
		"execution.gear": "functions", "execution.functions.target": "local:", "execution.functions.max-concurrency": "8",
		"parallelism.default": fmt.Sprint(max(r.parallelism, 1)),
	}
	maps.Copy(config, r.config)
	open := func(context.Context, string) (lambda.Invoker, error) { return r.invoker, nil }
	env, err := wadi.Local(wadi.Options{Config: config, Invokers: wadi.Invokers{"local": open}})
	if err != nil {
		return err
	}
	defer func() { _ = env.Close() }() // the job has ended
	return env.Execute(ctx, r.script, func(out wadi.Outcome) error {
		if out.Pipeline == nil {
			return nil
		}
		return f(out.Pipeline)
	})
}

// scratch is a directory for checkpoints.
func (o FunctionsOptions) scratch() (dir string, remove func() error, err error) {
	if dir, err = os.MkdirTemp(o.Dir, "wadi-bench-*"); err != nil {
		return "", nil, fmt.Errorf("make a directory: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// gears runs queries pipelined and as functions, with two epochs. The CPU time of a
// run is that of all processes, their starts among it.
func (o FunctionsOptions) gears(ctx context.Context, report Report) error {
	queries, err := choose(NexmarkQueries, o.Queries)
	if err != nil {
		return err
	}
	for _, q := range queries {
		n, err := NexmarkOptions{Events: 2 * o.Events, Parallelism: o.Parallelism}.withDefaults()
		if err != nil {
			return err
		}
		alone, err := n.run(ctx, q)
		if err == nil {
			alone.Engine = "pipelined"
			err = report(ctx, alone)
		}
		if err != nil {
			return err
		}
		r, err := o.functions(ctx, n, q)
		if err != nil {
			return fmt.Errorf("%s as functions: %w", q.Name, err)
		}
		r.Ratio = r.EventsPerCPU / alone.EventsPerCPU
		if err := report(ctx, r); err != nil {
			return err
		}
		// What the state costs that both write is seen by checkpoints as often.
		n.Checkpoints = time.Duration(alone.WallSeconds / 2 * float64(time.Second))
		kept, err := n.run(ctx, q)
		if err != nil {
			return err
		}
		kept.Engine = "pipelined, checkpoints"
		kept.Ratio = kept.EventsPerCPU / alone.EventsPerCPU
		if err := report(ctx, kept); err != nil {
			return err
		}
	}
	return nil
}

// functions runs a query of Nexmark as functions.
func (o FunctionsOptions) functions(ctx context.Context, n NexmarkOptions, q Query) (r Result, err error) {
	r = Result{Query: q.Name, Engine: "functions", Events: n.Events, Parallelism: n.Parallelism}
	dir, remove, err := o.scratch()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	script, gone, err := n.script(q)
	if err != nil {
		return r, err
	}
	defer gone()
	p := o.platform()
	f := functionsRun{invoker: p, parallelism: n.Parallelism, script: script, dir: dir, config: map[string]string{
		"wadi.staged.rows-per-epoch": fmt.Sprint(o.Events / int64(n.Parallelism)),
	}}
	err = f.do(ctx, func(job *wadi.Pipeline) error {
		before, err := childrenCPU()
		if err != nil {
			return err
		}
		err = measure(&r, func() error { return errors.Join(finish(ctx, job, &r, false), p.Close()) }) // processes count when they have ended
		if err != nil {
			return err
		}
		after, err := childrenCPU()
		r.CPUSeconds += after - before
		r.rate()
		return err
	})
	r.PeakRSS = p.Counts().Peak
	return r, err
}
