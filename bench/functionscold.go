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
	"github.com/wadi-engine/wadi/stream"
)

// coldStarts is how many processes are started for an event of the part cold.
const coldStarts = 5

// cold measures the first invocation of a process: from its start to the reply, of a
// task that has nothing to restore, and of one that restores a range of state and
// then reads few rows.
func (o FunctionsOptions) cold(ctx context.Context, report Report) (err error) {
	dir, remove, err := o.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	p := o.platform()
	defer func() { err = errors.Join(err, p.Close()) }()
	keys := o.State / rowBytes
	again := &coldInvoker{Platform: p, options: o, report: report}
	run := functionsRun{invoker: again, dir: dir, config: map[string]string{"wadi.staged.rows-per-epoch": fmt.Sprint(keys)}, script: fmt.Sprintf(`
CREATE TABLE changing (k BIGINT, v STRING) WITH ('connector' = 'datagen', 'fields.k.kind' = 'sequence', 'fields.k.start' = '1', 'fields.k.end' = '%d',
  'fields.v.length' = '%d', 'rows-per-second' = '0');
CREATE TABLE newest (k BIGINT, v STRING, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO newest SELECT k, LAST_VALUE(v), COUNT(*) FROM changing GROUP BY k`, keys+warmRows, valueBytes)}
	return run.do(ctx, func(job *wadi.Pipeline) error {
		_, err := job.Run(ctx)
		return err
	})
}

// coldInvoker gives each event but those of the first epoch to processes that are
// started for it, and then to one that runs already. The first reply counts.
type coldInvoker struct {
	*local.Platform
	options FunctionsOptions
	report  Report
	first   stream.Epoch
}

// Invoke measures.
func (c *coldInvoker) Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	reply, _, err := c.InvokeBilled(ctx, event)
	return reply, err
}

// InvokeBilled measures.
func (c *coldInvoker) InvokeBilled(ctx context.Context, event json.RawMessage) (json.RawMessage, lambda.Billed, error) {
	var e lambda.Event
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, lambda.Billed{}, err
	}
	if c.first == 0 {
		c.first = e.Stage.Epoch
	}
	if e.Stage.Epoch == c.first {
		return c.Platform.InvokeBilled(ctx, event)
	}
	r := Result{Query: "no state", Engine: "process start to reply", Events: 1, Parallelism: 1}
	for _, t := range e.Stage.Tasks[0].Tables {
		for _, run := range t.Runs {
			r.Query, r.Bytes, r.Events = "state", r.Bytes+run.Bytes, r.Events+run.Rows
		}
	}
	for range coldStarts {
		if err := c.start(ctx, r, event); err != nil {
			return nil, lambda.Billed{}, err
		}
	}
	r.Engine = "warm, to reply"
	var reply json.RawMessage
	var billed lambda.Billed
	err := measure(&r, func() (err error) {
		reply, billed, err = c.Platform.InvokeBilled(ctx, event)
		return err
	})
	if err == nil {
		r.PeakRSS = 0
		err = c.report(ctx, r)
	}
	return reply, billed, err
}

// start measures one process.
func (c *coldInvoker) start(ctx context.Context, r Result, event json.RawMessage) error {
	p := c.options.platform()
	before, err := childrenCPU()
	if err != nil {
		return err
	}
	began := time.Now()
	reply, err := p.Invoke(ctx, event)
	r.WallSeconds = time.Since(began).Seconds()
	if err = errors.Join(err, p.Close()); err != nil {
		return err
	}
	after, err := childrenCPU()
	if err != nil {
		return err
	}
	var answer lambda.Reply
	if err := json.Unmarshal(reply, &answer); err != nil {
		return err
	}
	r.CPUSeconds, r.PeakRSS = after-before, p.Counts().Peak
	r.OwnRSS = p.Counts().Own
	return c.report(ctx, r)
}
