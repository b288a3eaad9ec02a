package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
)

// newCancel is flink cancel.
func newCancel() *cobra.Command {
	var at cluster
	var directory string
	c := &cobra.Command{
		Use: "cancel JOB", Short: "End a job of a cluster at once",
		Example: "  wadi cancel 136c3e9978b7e87355f5b34ec6997dfa",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			if c.Flags().Changed("withSavepoint") {
				return at.cancelWithSavepoint(c, a[0], directory)
			}
			at.say(c, "Cancelling job %s.", a[0])
			if err := at.client().Cancel(c.Context(), a[0]); err != nil {
				return err
			}
			at.say(c, "Cancelled job %s.", a[0])
			return at.object(c, map[string]string{"jobid": a[0]})
		},
	}
	at.flags(c)
	c.Flags().StringVarP(&directory, "withSavepoint", "s", "", "with a savepoint in a `directory`; use stop instead")
	c.Flags().Lookup("withSavepoint").NoOptDefVal = " "
	return c
}

func (f *cluster) cancelWithSavepoint(c *cobra.Command, id, directory string) error {
	directory = strings.TrimSpace(directory)
	f.say(c, "DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use \"stop\" instead.")
	to := "default savepoint directory"
	if directory != "" {
		to = directory
	}
	f.say(c, "Cancelling job %s with savepoint to %s.", id, to)
	path, err := f.client().Savepoint(c.Context(), id, rest.SavepointRequest{Directory: directory, Cancel: true})
	if err != nil {
		return err
	}
	f.say(c, "Cancelled job %s. Savepoint stored in %s.", id, path)
	return f.object(c, map[string]string{"jobid": id, "location": path})
}

// newStop is flink stop.
func newStop() *cobra.Command {
	var at cluster
	var q rest.StopRequest
	var detached bool
	c := &cobra.Command{
		Use: "stop JOB", Short: "End a job of a cluster with a savepoint",
		Long: `Stop ends a job with a savepoint, from which others go on: wadi run -s PATH. When it
cannot be made, the job goes on.

With --drain the job ends as if its input had: windows that have not ended fire, and
nothing can go on from the savepoint.`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			verb := "Suspending"
			if q.Drain {
				verb = "Draining"
			}
			at.say(c, "%s job \"%s\" with a savepoint.", verb, a[0])
			if detached {
				return at.trigger(c, a[0], "stop", q)
			}
			path, err := at.client().Stop(c.Context(), a[0], q)
			if err != nil {
				return err
			}
			at.say(c, "Savepoint completed. Path: %s", path)
			return at.object(c, map[string]string{"jobid": a[0], "location": path})
		},
	}
	at.flags(c)
	c.Flags().StringVarP(&q.Directory, "savepointPath", "p", "", "the `directory` of the savepoint (execution.checkpointing.savepoint-dir)")
	c.Flags().BoolVarP(&q.Drain, "drain", "d", false, "let windows fire, as at the end of the input")
	c.Flags().StringVar(&q.Format, "type", "", "canonical or native: the format is the same")
	c.Flags().BoolVar(&detached, "detached", false, "do not wait; print the id of the operation")
	return c
}

// newSavepoint is flink savepoint.
func newSavepoint() *cobra.Command {
	var at cluster
	var q rest.SavepointRequest
	var dispose string
	var detached bool
	c := &cobra.Command{
		Use: "savepoint JOB [DIRECTORY] | savepoint -d PATH", Short: "Make a savepoint of a job of a cluster, or remove one",
		Long: `Savepoint makes a savepoint in a folder of a directory (otherwise of
execution.checkpointing.savepoint-dir, or of the job's checkpoint directory); the job
goes on. A savepoint holds everything: it can be moved, and any number of jobs may
start from it, at any parallelism.`,
		Args: args(cobra.MaximumNArgs(2)),
		RunE: func(c *cobra.Command, a []string) error {
			if dispose != "" {
				return at.dispose(c, dispose)
			}
			if len(a) == 0 {
				return usageError{fmt.Errorf("want the id of a job, or -d PATH; see wadi savepoint --help")}
			}
			if len(a) == 2 {
				q.Directory = a[1]
			}
			at.say(c, "Triggering savepoint for job %s.", a[0])
			if detached {
				return at.trigger(c, a[0], "savepoints", q)
			}
			at.say(c, "Waiting for response...")
			path, err := at.client().Savepoint(c.Context(), a[0], q)
			if err != nil {
				return err
			}
			at.say(c, "Savepoint completed. Path: %s", path)
			at.say(c, "You can resume your program from this savepoint with the run command.")
			return at.object(c, map[string]string{"jobid": a[0], "location": path})
		},
	}
	at.flags(c)
	c.Flags().StringVarP(&dispose, "dispose", "d", "", "remove the savepoint at a `path`")
	c.Flags().StringVar(&q.Format, "type", "", "canonical or native: the format is the same")
	c.Flags().BoolVar(&detached, "detached", false, "do not wait; print the id of the operation")
	return c
}

func (f *cluster) dispose(c *cobra.Command, path string) error {
	f.say(c, "Disposing savepoint '%s'.", path)
	f.say(c, "Waiting for response...")
	if err := f.client().Dispose(c.Context(), path); err != nil {
		return err
	}
	f.say(c, "Savepoint '%s' disposed.", path)
	return f.object(c, map[string]string{"disposed": path})
}

// newCheckpoint is flink checkpoint.
func newCheckpoint() *cobra.Command {
	var at cluster
	var full bool
	c := &cobra.Command{
		Use: "checkpoint JOB", Short: "Take a checkpoint of a job of a cluster now", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, a []string) error {
			kind := "CONFIGURED"
			if full {
				kind = "FULL"
			}
			at.say(c, "Triggering checkpoint for job %s.", a[0])
			at.say(c, "Waiting for response...")
			n, err := at.client().Checkpoint(c.Context(), a[0], rest.CheckpointRequest{Type: kind})
			if err != nil {
				return err
			}
			at.say(c, "Checkpoint(%s) %d for job %s completed.", kind, n, a[0])
			at.say(c, "You can resume your program from this checkpoint with the run command.")
			return at.object(c, map[string]any{"jobid": a[0], "checkpoint": n})
		},
	}
	at.flags(c)
	c.Flags().BoolVar(&full, "full", false, "as without it: a checkpoint always lists everything")
	return c
}
