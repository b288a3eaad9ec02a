package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// Tally is what became of the cases of a set.
type Tally struct {
	Set     string `json:"set"`
	Cases   int    `json:"cases"`
	Passed  int    `json:"passed"`
	Failed  int    `json:"failed"`
	Skipped int    `json:"skipped"`

	Results []Result `json:"-"`
	Want    int      `json:"-"`
}

func (t *Tally) add(r Result) {
	t.Results = append(t.Results, r)
	switch r.Outcome {
	case Passed:
		t.Passed++
	case Failed:
		t.Failed++
	case Skipped:
		t.Skipped++
	}
}

// Percent is the part of the cases that were run and passed.
func (t *Tally) Percent() float64 {
	if t.Passed+t.Failed == 0 {
		return 0
	}
	return 100 * float64(t.Passed) / float64(t.Passed+t.Failed)
}

// Supervisor runs sets in worker processes.
type Supervisor struct {
	// Binary and Args start a worker; the set's job is appended as flags.
	Binary string
	Args   []string
	Dir    string // of the corpora
	Case   string // runs only cases whose name has this in it
	// Each is called with every result.
	Each func(set string, r Result)
	// Log receives what workers write to their standard error.
	Log io.Writer
}

// Run runs the cases of one set. When a worker dies, the case that it was at
// has failed, and another worker goes on with the next.
func (s *Supervisor) Run(ctx context.Context, set Set) (*Tally, error) {
	t := &Tally{Set: set.Name, Want: set.Want}
	for from := 0; ; {
		next, err := s.worker(ctx, set, from, t)
		if err != nil || next < 0 {
			return t, err
		}
		from = next
	}
}

// worker runs one process. It returns the index of the case to go on with, or
// -1 when all is done.
func (s *Supervisor) worker(ctx context.Context, set Set, from int, t *Tally) (int, error) {
	timeout := set.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	args := append(append([]string{}, s.Args...), "-worker", "-corpora", s.Dir, "-set", set.Name, "-case", s.Case, "-from", fmt.Sprint(from))
	cmd := exec.CommandContext(ctx, s.Binary, args...)
	cmd.Stderr = s.Log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return -1, err
	}
	if err := cmd.Start(); err != nil {
		return -1, fmt.Errorf("start a worker: %w", err)
	}
	// A worker that says nothing for far longer than a case may take is ended.
	watchdog := time.AfterFunc(timeout+30*time.Second, cancel)
	defer watchdog.Stop()
	at := -1
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<26)
	for in.Scan() {
		watchdog.Reset(timeout + 30*time.Second)
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			continue // a library's own words
		}
		switch {
		case l.Error != "":
			_ = cmd.Wait()
			return -1, errors.New(l.Error)
		case l.Begun != nil:
			at = *l.Begun
		case l.Result != nil:
			at = -1
			s.report(t, *l.Result)
		default:
			t.Cases = l.Cases
		}
	}
	err = cmd.Wait()
	if at >= 0 {
		s.report(t, Result{Case: fmt.Sprintf("case %d", at), Outcome: Failed, Why: fmt.Sprintf("the process died: %v", err)})
		return at + 1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("worker of %s: %w", set.Name, err)
	}
	return -1, nil
}

func (s *Supervisor) report(t *Tally, r Result) {
	t.add(r)
	s.Each(t.Set, r)
}
