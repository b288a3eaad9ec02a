package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/lambda"
)

// triggerCommand is wadi trigger.
type triggerCommand struct {
	env    environment
	asJSON bool
	watch  time.Duration
	timer  bool
}

// newTrigger runs epochs of deployed jobs.
func newTrigger() *cobra.Command {
	var t triggerCommand
	c := &cobra.Command{
		Use: "trigger [JOB]", Short: "Run an epoch of a deployed job, or of all",
		Long: `Trigger runs an epoch of a job that wadi deploy has put into the checkpoint directory;
without JOB, of all. It finishes the one that is open first. Tasks run as functions when
the job has an 'execution.functions.target', otherwise in this process.

  --timer    only when one of the job's own triggers is due, as a platform's timer asks
  --watch    as a timer that asks every so often, until it is interrupted`,
		Example: "  wadi trigger bids -D execution.checkpointing.dir=s3://bucket/checkpoints\n  wadi trigger --watch 10s -D execution.checkpointing.dir=file:///data/checkpoints",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			ask := lambda.Trigger{}
			if len(a) > 0 {
				ask.Job = a[0]
			}
			if t.timer || t.watch > 0 {
				ask.Reason = lambda.Timer
			}
			return t.run(c, ask)
		},
	}
	t.env.flags(c)
	c.Flags().BoolVar(&t.asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&t.timer, "timer", false, "only when one of the job's own triggers is due")
	c.Flags().DurationVar(&t.watch, "watch", 0, "be the timer, every so `often`")
	return c
}

func (t *triggerCommand) run(c *cobra.Command, ask lambda.Trigger) error {
	o, err := t.env.options()
	if err != nil {
		return err
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	platforms := newLocalPlatforms(binary, o.Log)
	o.Invokers = platforms.invokers()
	e, err := wadi.Local(o)
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // everything that matters is in storage
	defer platforms.wait()
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if t.watch == 0 {
		return t.ask(ctx, c, e, ask)
	}
	ticks := time.NewTicker(t.watch)
	defer ticks.Stop()
	for {
		if err := t.ask(ctx, c, e, ask); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "wadi: "+err.Error()) // the next may succeed
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (t *triggerCommand) ask(ctx context.Context, c *cobra.Command, e *wadi.Env, ask lambda.Trigger) error {
	all, err := e.Trigger(ctx, ask)
	if t.asJSON && len(all) > 0 {
		if err := printJSON(c.OutOrStdout(), all); err != nil {
			return err
		}
	}
	for _, d := range all {
		if t.asJSON || t.watch > 0 && d.Epochs == 0 {
			continue
		}
		switch d.State {
		case wadi.TriggerDone, wadi.TriggerFinished:
			fmt.Fprintf(os.Stderr, "Job %s: %s, %d rows in %d epochs, up to %d\n", d.Job, d.State, d.Rows, d.Epochs, d.Epoch)
			if p, err := e.Prices(); err == nil && d.Epochs > 0 {
				fmt.Fprintln(os.Stderr, cost.Statement{Prices: p, Usage: d.Usage})
			}
		case wadi.TriggerOpen:
			fmt.Fprintf(os.Stderr, "Job %s: epoch %d goes on as functions\n", d.Job, d.Epoch)
		case wadi.TriggerIdle, wadi.TriggerNotDue, wadi.TriggerIgnored:
			fmt.Fprintf(os.Stderr, "Job %s: %s\n", d.Job, d.State)
		}
	}
	return err
}
