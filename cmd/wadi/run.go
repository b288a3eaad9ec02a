package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/render"
)

// runCommand is wadi run.
type runCommand struct {
	env     environment
	restore string
	leave   bool // state that the jobs no longer have
	cost    bool
	gear    string // "" leaves it to the configuration
	target  string // "" leaves it to the configuration
	cluster submission
}

func newRun() *cobra.Command {
	var r runCommand
	c := &cobra.Command{
		Use:   "run FILE.sql",
		Short: "Run the jobs of a script to their end",
		Long: `Run executes a script. Each INSERT and each statement set is a job, which runs to
its end before the next statement begins.

A job takes checkpoints when the script, or -D, sets a directory for them:

  SET 'execution.checkpointing.dir' = 'file:///data/checkpoints';
  SET 'execution.checkpointing.interval' = '10 s';
  SET 'pipeline.name' = 'flights';

Then it can be stopped (Ctrl-C, SIGTERM: with a last checkpoint) or killed, and
--restore latest goes on exactly where it was: no row is lost and none is doubled.
A job is found by its pipeline.name in that directory.

  --restore latest   go on with the newest job of that name; fresh when there is none
  --restore none     start fresh, and leave an unfinished job behind
  --restore PATH     start a new job from a checkpoint

With --gear staged or functions, a job is a batch for each epoch: of processes, or of
functions at 'execution.functions.target', and with auto it chooses (docs/gears.md).

With -t application, the command is the coordinator of a cluster that lives as long as
the jobs: they run on the workers that register with it.

With -m, the jobs run on a cluster instead, such as wadi standalone: all of them at
the same time, as new jobs unless --restore says otherwise. With -d, run does not
wait for their end.`,
		Example: "  wadi run testdata/examples/flights.sql\n  wadi run job.sql -p 4 -D execution.checkpointing.interval=2s --restore latest",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, a []string) error { return r.run(c, a[0]) },
	}
	r.env.flags(c)
	r.cluster.at.flags(c)
	c.Flags().StringVarP(&r.target, "target", "t", "", "where the jobs run: `local`, remote or application (execution.target)")
	c.Flags().StringVar(&r.gear, "gear", "", "how tasks live: `pipelined`, staged, functions or auto (execution.gear)")
	c.Flags().BoolVarP(&r.cluster.detached, "detached", "d", false, "do not wait for the end of the jobs; needs -m")
	c.Flags().StringVarP(&r.restore, "fromSavepoint", "s", "", "the `path` of a savepoint or checkpoint: as --restore")
	c.Flags().StringVar(&r.cluster.claim, "claimMode", "", "`no_claim`, or claim: the savepoint becomes the job's and is removed")
	c.Flags().BoolVarP(&r.leave, "allowNonRestoredState", "n", false, "as --allow-non-restored-state")
	c.Flags().BoolVar(&r.leave, "allow-non-restored-state", false, "restore although the checkpoint holds state that the jobs no longer have")
	c.Flags().BoolVar(&r.cost, "cost", false, "say what each job has cost, by cost.prices; in the functions gear it is said in any case")
	c.Flags().StringVar(&r.restore, "restore", "", "`latest`, none, or the path of a checkpoint")
	return c
}

func (r *runCommand) run(c *cobra.Command, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read the script: %w", err)}
	}
	if r.gear != "" {
		if err := c.Flags().Set("define", "execution.gear="+r.gear); err != nil {
			return usageError{err}
		}
	}
	set, err := configuration(c)
	if err != nil {
		return err
	}
	target := r.target
	if target == "" {
		target = strings.ToLower(set.Get("execution.target"))
	}
	switch {
	case c.Flags().Changed("jobmanager"), target == "remote":
		r.cluster.restore, r.cluster.allowNonRestored = r.restore, r.leave
		return r.cluster.submit(c, &r.env, set, string(text))
	case target == "application":
		r.env.serves = "coordinator"
		return coordinate(c, &r.env, &rest.Submission{
			Script: string(text), Restore: strings.TrimPrefix(r.restore, string(wadi.RestoreNone)), ClaimMode: r.cluster.claim, AllowNonRestored: r.leave,
		})
	case target == "local", target == "":
		return r.here(c, string(text))
	}
	return usageError{fmt.Errorf("-t %s: want local, remote or application", target)}
}

// here runs the jobs in this process.
func (r *runCommand) here(c *cobra.Command, text string) error {
	if r.cluster.detached {
		return usageError{fmt.Errorf("-d without -m, or execution.target=remote: a job that nobody waits for needs a cluster; start one with wadi standalone")}
	}
	if r.cluster.claim != "" {
		r.env.define = append(r.env.define, "execution.state-recovery.claim-mode="+r.cluster.claim)
	}
	if r.leave {
		r.env.define = append(r.env.define, "execution.state-recovery.ignore-unclaimed-state=true")
	}
	e, err := r.env.open()
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // everything that matters has been closed by its job
	x := &executor{env: e, out: c.OutOrStdout(), restore: wadi.Restore(r.restore), resume: resumeCommand(os.Args), quiet: r.env.verbosity() == 0, cost: r.cost}
	if r.cluster.at.json {
		x.format, x.ends = render.JSON, true
	}
	return e.Execute(c.Context(), text, func(o wadi.Outcome) error { return x.outcome(c.Context(), o) })
}

// resumeCommand is this command line with --restore latest.
func resumeCommand(argv []string) string {
	var words []string
	for i := 0; i < len(argv); i++ {
		switch a := argv[i]; {
		case a == "--restore":
			i++
		case strings.HasPrefix(a, "--restore="):
		case strings.ContainsAny(a, " \t'\"$&;|<>()*?"):
			words = append(words, "'"+strings.ReplaceAll(a, "'", `'\''`)+"'")
		default:
			words = append(words, a)
		}
	}
	return strings.Join(append(words, "--restore latest"), " ")
}
