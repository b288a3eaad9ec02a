package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/lambda/local"
)

// counting is a query with two chains, of so many events.
func counting(events int64) string {
	return NexmarkTables(events, 100_000) + `
CREATE TABLE sink (auction BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT auction, COUNT(*) FROM bid GROUP BY auction;`
}

// An epoch of the part warm has warmRows, or as many as a source gives at a time;
// warmEvents is all.
const (
	warmRows   = 1000
	warmEvents = 500_000
)

// warm measures epochs of few rows in functions that run already: two waves with a
// task each, with a coordinator; and all in one invocation, without one.
func (o FunctionsOptions) warm(ctx context.Context, report Report) (err error) {
	dir, remove, err := o.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	p := o.platform()
	defer func() { err = errors.Join(err, p.Close()) }()
	run := functionsRun{invoker: p, script: counting(warmEvents), dir: dir, config: map[string]string{
		"wadi.staged.rows-per-epoch": fmt.Sprint(warmRows), "pipeline.name": "warm",
	}}
	for _, name := range []string{"starting", "coordinated"} { // the first run starts the processes
		r := Result{Query: name, Engine: "functions, an epoch", Events: warmEvents, Parallelism: 1}
		err := run.do(ctx, func(job *wadi.Pipeline) error {
			r.Checkpoints = -1 // until they are counted
			return measure(&r, func() error { return finish(ctx, job, &r, false) })
		})
		if err != nil {
			return err
		}
		r.WallSeconds /= float64(r.Checkpoints)
		if err := report(ctx, r); err != nil {
			return err
		}
	}
	return o.warmDriverless(ctx, p, run, report)
}

func (o FunctionsOptions) warmDriverless(ctx context.Context, p *local.Platform, run functionsRun, report Report) error {
	run.config["execution.functions.fuse"] = "on"
	err := run.do(ctx, func(job *wadi.Pipeline) error {
		_, err := job.Deploy(ctx, wadi.RestoreNone)
		return err
	})
	if err != nil {
		return err
	}
	event, err := json.Marshal(map[string]lambda.Trigger{"trigger": {Storage: "file://" + run.dir, Job: "warm"}})
	if err != nil {
		return err
	}
	r := Result{Query: "driverless", Engine: "functions, an epoch", Events: warmEvents, Parallelism: 1}
	var done []wadi.Triggered
	err = measure(&r, func() error {
		reply, err := p.Invoke(ctx, event)
		if err != nil {
			return err
		}
		return json.Unmarshal(reply, &done)
	})
	if err != nil {
		return err
	}
	if len(done) != 1 || done[0].Epochs == 0 {
		return fmt.Errorf("%+v: want epochs", done)
	}
	r.Checkpoints = int64(done[0].Epochs)
	r.WallSeconds /= float64(r.Checkpoints)
	r.Requests = (done[0].Usage.Puts + done[0].Usage.Gets) / int64(done[0].Epochs)
	return report(ctx, r)
}

// requests counts what an epoch asks of storage, by the number of tasks of each of
// its two chains.
func (o FunctionsOptions) requests(ctx context.Context, report Report) error {
	for _, tasks := range []int{4, 16, 64} {
		for _, rows := range []int64{warmRows, 20 * warmRows} { // of a task: in its result, and in an object
			r, err := o.requestsOf(ctx, tasks, rows)
			if err != nil {
				return err
			}
			if err := report(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o FunctionsOptions) requestsOf(ctx context.Context, tasks int, rows int64) (r Result, err error) {
	const epochs = 3
	r = Result{Query: fmt.Sprintf("%d rows each", rows), Engine: "functions, an epoch", Events: epochs * rows * int64(tasks), Parallelism: tasks}
	dir, remove, err := o.scratch()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	run := functionsRun{invoker: here{wadi.StageHandler(wadi.Options{})}, parallelism: tasks, script: counting(r.Events), dir: dir, config: map[string]string{
		"wadi.staged.rows-per-epoch": fmt.Sprint(rows),
	}}
	err = run.do(ctx, func(job *wadi.Pipeline) error {
		return measure(&r, func() error {
			started, err := job.Start(ctx, wadi.RestoreNone)
			if err == nil {
				_, err = started.Wait()
			}
			if err != nil {
				return err
			}
			c := started.Cost()
			r.Requests = (c.Usage.Puts + c.Usage.Gets) / c.Usage.Epochs
			r.Bytes, r.WallSeconds = c.Usage.Written/c.Usage.Epochs, r.WallSeconds/float64(c.Usage.Epochs)
			return nil
		})
	})
	return r, err
}

// here runs events in this process.
type here struct{ handle lambda.Handler }

func (h here) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	return h.handle(ctx, event)
}

// change measures how long it takes until a job that runs has its first epoch in
// another gear.
func (o FunctionsOptions) change(ctx context.Context, report Report) (err error) {
	dir, remove, err := o.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	p := o.platform()
	defer func() { err = errors.Join(err, p.Close()) }()
	run := functionsRun{invoker: p, script: limited(), dir: dir, config: map[string]string{
		"execution.gear": "pipelined", "execution.checkpointing.interval": "1 s", "wadi.staged.rows-per-epoch": fmt.Sprint(warmRows),
	}}
	return run.do(ctx, func(job *wadi.Pipeline) error {
		started, err := job.Start(ctx, wadi.RestoreNone)
		if err != nil {
			return err
		}
		defer func() {
			started.Cancel(nil)
			_, _ = started.Wait() // it was canceled
		}()
		if err := epochs(ctx, started, "pipelined", 2); err != nil {
			return err
		}
		for _, gear := range []string{"functions", "pipelined", "functions", "pipelined"} {
			r := Result{Query: "to " + gear, Engine: "first epoch in it", Events: 1, Parallelism: 1}
			err := measure(&r, func() error {
				if err := started.ChangeGear(ctx, gear); err != nil {
					return err
				}
				return epochs(ctx, started, gear, 1)
			})
			if err == nil {
				err = report(ctx, r)
			}
			if err == nil {
				err = epochs(ctx, started, gear, 1)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// limited is a query without state and without an end, to speak of.
func limited() string {
	return `
CREATE TABLE events (bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, dateTime TIMESTAMP(3), extra STRING>)
  WITH ('connector' = 'nexmark', 'events.num' = '1000000000', 'first-event.rate' = '10000', 'next-event.rate' = '10000', 'rate-limited' = 'true');
CREATE TABLE sink (auction BIGINT, price BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT bid.auction, bid.price FROM events WHERE bid IS NOT NULL;`
}

// epochs waits until the job is in a gear and has claimed so many more epochs.
func epochs(ctx context.Context, r *wadi.Run, gear string, n uint64) error {
	for first, in := uint64(0), false; ; {
		p := r.Progress()
		if !in && r.Gear() == gear {
			first, in = uint64(p.Epoch), true
		}
		if in && uint64(p.Epoch) >= first+n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.Done():
			_, err := r.Wait()
			return errors.Join(errors.New("the job has ended"), err)
		case <-time.After(time.Millisecond):
		}
	}
}
