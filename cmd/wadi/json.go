package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/pflag"

	"github.com/wadi-engine/wadi"
)

// printJSON prints v for programs.
func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// formatFlag is --format of those that can print several, and --json, which every
// verb that prints something has.
func formatFlag(flags *pflag.FlagSet, format *string, usage string) {
	flags.StringVar(format, "format", "table", usage)
	flags.BoolFunc("json", "as --format json", func(string) error {
		*format = "json"
		return nil
	})
}

// jobLine is how a job of wadi run has ended, in JSON.
type jobLine struct {
	ID         string `json:"jobid"`
	Name       string `json:"name"`
	State      string `json:"state"`
	Read       int64  `json:"rows-read"`
	Written    int64  `json:"rows-written"`
	RunMillis  int64  `json:"net-runtime"`
	Restarts   int    `json:"restarts"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Resumable  bool   `json:"resumable"`
	Failure    string `json:"failure-cause,omitempty"`
}

// printEnd prints how a job has ended.
func printEnd(out io.Writer, run *wadi.Run) error {
	res, err := run.Wait()
	p := run.Progress()
	line := jobLine{
		ID: string(p.Job), Name: run.Name(), State: string(res.State), Read: p.Read, Written: p.Written, RunMillis: res.Took.Milliseconds(),
		Restarts: res.Restarts, Checkpoint: res.Checkpoint, Resumable: res.Resumable,
	}
	if err != nil {
		line.Failure = err.Error()
	}
	return printJSON(out, line)
}
