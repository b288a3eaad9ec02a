package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/stream"
)

// executor carries out the statements of a script or of the shell: rows go to
// out, everything else to standard error.
type executor struct {
	env     *wadi.Env
	out     io.Writer
	format  render.Format
	op      bool // rows come with how they change the result
	restore wadi.Restore
	resume  string // the command that goes on with a stopped job
	quiet   bool   // no word of statements that only declare
	cost    bool   // say what jobs cost; of functions it is said in any case
	ends    bool   // how each job has ended goes to out, as JSON
}

// Run runs one statement; the shell calls it.
func (x *executor) Run(ctx context.Context, src string, stmt ast.Statement, out io.Writer) error {
	o, err := x.env.Statement(ctx, stmt, src)
	if err != nil {
		return err
	}
	y := *x
	y.out = out
	err = y.outcome(ctx, o)
	if o.Record != nil {
		o.Record.Release()
	}
	return err
}

// outcome shows what a statement gave, and runs what it asks to be run.
func (x *executor) outcome(ctx context.Context, o wadi.Outcome) error {
	switch {
	case o.Query != nil:
		return x.query(ctx, o.Query)
	case o.Pipeline != nil:
		return x.pipeline(ctx, o.Pipeline)
	case o.Record != nil:
		return x.record(o.Record)
	case o.Message != "" && !x.quiet:
		fmt.Fprintln(os.Stderr, o.Message)
	}
	return nil
}

// record prints the answer of SHOW, DESCRIBE or EXPLAIN.
func (x *executor) record(rec arrow.RecordBatch) error {
	w := render.New(x.out, rec.Schema(), render.Options{Format: x.plain(), MaxColumnWidth: 1 << 20, NullAsEmpty: true})
	if err := w.Write(stream.NewBatch(rec)); err != nil {
		return err
	}
	return w.Close()
}

// plain is the format of rows that are not the result of a job.
func (x *executor) plain() render.Format {
	if x.format == render.Changelog {
		return render.Table
	}
	return x.format
}

// query runs a SELECT and prints its rows.
func (x *executor) query(ctx context.Context, q *wadi.Query) error {
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer cancel()
	width, err := strconv.Atoi(x.env.Config("table.display.max-column-width"))
	if err != nil {
		width = 0
	}
	w := render.New(x.out, q.Schema, render.Options{Format: x.format, Op: x.op, MaxColumnWidth: width, Zone: x.env.Zone()})
	changes := x.op || x.format == render.Changelog || q.Updating && !q.Bounded
	if changes {
		for c, err := range q.Changes(ctx) {
			if err != nil {
				return x.ended(ctx, w, err)
			}
			if err := w.Write(&stream.Batch{Rows: c.Record, Kinds: c.Kinds}); err != nil {
				return err
			}
		}
		return w.Close()
	}
	for rec, err := range q.All(ctx) {
		if err != nil {
			return x.ended(ctx, w, err)
		}
		if err := w.Write(stream.NewBatch(rec)); err != nil {
			return err
		}
	}
	return w.Close()
}

// ended finishes the output of a query that did not end by itself: by the
// user's wish, that is no failure.
func (x *executor) ended(ctx context.Context, w *render.Writer, err error) error {
	if ctx.Err() != nil {
		return w.Close()
	}
	return failedError{err}
}

// oneSignal is for how long signals count as one: a key press reaches the
// process by its group and by whoever runs it.
const oneSignal = 500 * time.Millisecond

// pipeline runs the job of an INSERT to its end, or until a signal stops it
// with a last checkpoint.
func (x *executor) pipeline(ctx context.Context, p *wadi.Pipeline) error {
	before := x.env.StorageCounts()
	run, err := p.Start(ctx, x.restore)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	show := newProgress(run, p.Bounded())
	defer show.stop()
	var stopping time.Time
	for {
		select {
		case <-run.Done():
			show.stop()
			err := x.report(run)
			x.tally(run, before)
			if x.ends {
				err = errors.Join(err, printEnd(x.out, run))
			}
			return err
		case <-signals:
			if !stopping.IsZero() {
				if time.Since(stopping) > oneSignal {
					run.Cancel(fmt.Errorf("the user did not want to wait for the last checkpoint"))
				}
				continue
			}
			stopping = time.Now()
			show.say("stopping with a last checkpoint; once more to stop at once")
			go func() { _, _ = run.Stop() }() // its result is reported when the job is done
		case <-show.tick():
			show.update()
		}
	}
}

// report says how a job ended.
func (x *executor) report(run *wadi.Run) error {
	res, err := run.Wait()
	p := run.Progress()
	if err != nil {
		if res.State == "" { // it did not start
			return err
		}
		if res.Resumable && x.resume != "" {
			fmt.Fprintf(os.Stderr, "The job can go on from its last checkpoint:\n  %s\n", x.resume)
		}
		return failedError{fmt.Errorf("job %s %s: %w", run.Name(), lower(string(res.State)), err)}
	}
	switch res.State {
	case coordinator.Finished:
		fmt.Fprintf(os.Stderr, "Job %s finished: %s rows read, %s written, in %v.\n", run.Name(), thousands(p.Read), thousands(p.Written), res.Took.Round(time.Millisecond))
	case coordinator.Stopped:
		if !res.Resumable {
			fmt.Fprintf(os.Stderr, "Job %s stopped: %s rows read, %s written. It took no checkpoints, so that it cannot go on from here: SET 'execution.checkpointing.dir'.\n", run.Name(), thousands(p.Read), thousands(p.Written))
			return nil
		}
		fmt.Fprintf(os.Stderr, "Job %s stopped with checkpoint %s.\n", run.Name(), res.Checkpoint)
		if x.resume != "" {
			fmt.Fprintf(os.Stderr, "It goes on with:\n  %s\n", x.resume)
		}
	case coordinator.Canceled, coordinator.Failed, coordinator.Fenced, coordinator.Left:
	}
	return nil
}
