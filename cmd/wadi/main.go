// Command wadi runs streaming and batch SQL over files, streams and lakehouse
// tables: one binary, and nothing beside it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/job"
)

// version is set by the linker.
var version = "dev"

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // a job failed
	exitBad    = 2 // the request cannot be carried out as it is
)

func main() {
	tuneMemory()
	args := os.Args[1:]
	if len(args) == 0 && filepath.Base(os.Args[0]) == "bootstrap" { // what clouds start
		args = []string{"function"}
	}
	os.Exit(execute(context.Background(), args))
}

// tuneMemory lets the heap grow before it is swept: batches live outside of it,
// so it is small, and sweeping it often buys nothing.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// execute runs one command and returns its exit code.
func execute(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(fromFlink(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(os.Stderr, "wadi: "+err.Error())
	return codeOf(err)
}

// failedError is a job that was started and failed: whatever it failed of, the
// request was good.
type failedError struct{ error }

func (e failedError) Unwrap() error { return e.error }

func codeOf(err error) int {
	var failed failedError
	var usage usageError
	var corrupt corruptError
	switch {
	case errors.As(err, &corrupt):
		return exitCorrupt
	case errors.As(err, &failed):
		return exitFailed
	case errors.As(err, &usage), errors.Is(err, job.ErrInvalid):
		return exitBad
	}
	return exitFailed
}

// usageError is a mistake in the flags or arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "wadi",
		Short: "Streams and batches of SQL, in one binary",
		Long: `Wadi runs Flink SQL over files, streams and lakehouse tables, as batch and as
stream, exactly once: one binary, and nothing beside it.

Begin here:

  wadi demo                                   a backfill, a stream, a crash, and the proof
  wadi sql -e "SELECT * FROM read_parquet('flights.parquet') LIMIT 5"
  wadi run job.sql --restore latest           a job that can be killed and goes on

Rows go to standard output and nothing else does. The exit code is 0 when all was
done, 1 when a job failed, 2 when the request is wrong.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.Args = func(_ *cobra.Command, a []string) error {
		if len(a) == 0 {
			return nil
		}
		return usageError{fmt.Errorf("no command %q; see wadi --help", a[0])}
	}
	logFlags(root)
	configFlags(root)
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	root.AddCommand(newRun(), newSQL(), newExplain(), newDemo(), newBench(), newState(), newKafka(), newDLQ(), newCoordinator(), newWorker(), newStage(), newFunction(), newVersion())
	root.AddCommand(newStandalone(), newList(), newJobs(), newCancel(), newStop(), newSavepoint(), newCheckpoint(), newInfo(), newDoctor(), newConfig(), newLogs())
	root.AddCommand(newGC(), newFork(), newGear(), newTop(), newCost(), newDeploy(), newUndeploy(), newDeployments(), newTrigger())
	return root
}

// args makes a mistake in the number of arguments a usageError.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, a []string) error {
		if err := check(c, a); err != nil {
			return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
		}
		return nil
	}
}

func newVersion() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return printJSON(c.OutOrStdout(), map[string]string{"version": version, "text": versionText()})
			}
			_, err := fmt.Fprintln(c.OutOrStdout(), versionText())
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func versionText() string {
	text := "wadi " + version
	if info, ok := debug.ReadBuildInfo(); ok {
		if version == "dev" && info.Main.Version != "" {
			text = "wadi " + info.Main.Version
		}
		text += " " + info.GoVersion
	}
	return text
}
