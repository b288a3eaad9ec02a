package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/job"
)

// exitCorrupt is how a stage says that a checkpoint's file is damaged: the job
// may go on from an older one.
const exitCorrupt = 3

type corruptError struct{ error }

func (e corruptError) Unwrap() error { return e.error }

// newStage runs one stage of a job in the staged gear: the document of a
// wadi.Stage comes in, that of its result goes out.
func newStage() *cobra.Command {
	var env environment
	c := &cobra.Command{
		Use: "stage", Short: "Run one stage of a job for one epoch", Hidden: true,
		Long: "Stage reads a stage, as JSON, from standard input, runs it, and writes its result,\nas JSON, to standard output. A job with execution.gear=staged starts one such process\nper stage and epoch.",
		Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var s wadi.Stage
			if err := json.NewDecoder(c.InOrStdin()).Decode(&s); err != nil {
				return usageError{fmt.Errorf("read the stage: %w", err)}
			}
			o, err := env.optionsOf(&config.Loaded{}) // the stage brings its own
			if err != nil {
				return err
			}
			o.Config, o.Stdout = s.Config, os.Stderr // standard output is for the result
			e, err := wadi.Local(o)
			if err != nil {
				return err
			}
			defer func() { _ = e.Close() }() // everything that matters has been closed by the stage
			res, err := e.RunStage(c.Context(), s)
			if errors.Is(err, checkpoint.ErrCorrupt) {
				return corruptError{err}
			}
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(res)
		},
	}
	env.command = c
	return c
}

// processes launches every stage as a process of its own.
type processes struct {
	binary string
	log    *slog.Logger
}

var _ wadi.Launcher = processes{}

// Launch runs "wadi stage" on s. A process that is interrupted, because the job
// is canceled, leaves nothing that another would take for finished.
func (p processes) Launch(ctx context.Context, s wadi.Stage) (wadi.StageResult, error) {
	in, err := json.Marshal(s)
	if err != nil {
		return wadi.StageResult{}, fmt.Errorf("describe the stage: %w", err)
	}
	var out, problem bytes.Buffer
	cmd := exec.CommandContext(ctx, p.binary, "stage")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &problem
	detach(cmd) // Ctrl-C is for the job, which stops after the epoch
	err = cmd.Run()
	if cmd.ProcessState != nil {
		p.log.Debug("stage process", slog.Int("pid", cmd.ProcessState.Pid()), slog.Uint64("epoch", uint64(s.Spec.Epoch)),
			slog.String("vertex", s.Spec.Graph.Vertices[s.Spec.Tasks[0].Task.Vertex].Name), slog.Duration("cpu", cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
	}
	if ctx.Err() != nil {
		return wadi.StageResult{}, context.Cause(ctx)
	}
	if err != nil {
		return wadi.StageResult{}, stageError(err, problem.String())
	}
	_, _ = os.Stderr.Write(problem.Bytes()) // what it logged
	var res wadi.StageResult
	if err := json.Unmarshal(out.Bytes(), &res); err != nil {
		return res, fmt.Errorf("%w: read the result of a stage: %w", job.ErrUnavailable, err)
	}
	return res, nil
}

// stageError is the error of a process, with the class that its exit code says.
func stageError(err error, text string) error {
	text = strings.TrimPrefix(strings.TrimSpace(text), "wadi: ")
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("%w: start the process of a stage: %w", job.ErrUnavailable, err)
	}
	switch exit.ExitCode() {
	case exitBad:
		return classed{job.ErrInvalid, text}
	case exitCorrupt:
		return classed{checkpoint.ErrCorrupt, text}
	case exitFailed:
		return errors.New(text)
	}
	return fmt.Errorf("%w: the process of a stage: %w: %s", job.ErrUnavailable, exit, text)
}

// classed is an error of another process: its text, which names the class
// already, and its class.
type classed struct {
	class error
	text  string
}

func (e classed) Error() string { return e.text }
func (e classed) Unwrap() error { return e.class }
