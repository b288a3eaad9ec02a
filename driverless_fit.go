package wadi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/stream"
)

// earlier is what is known of the epochs of a deployed job before the next. It is a
// hint: two that write it at once lose one of them.
type earlier struct {
	Epochs []earlierEpoch `json:"epochs,omitempty"` // the newest last
	// Rows is how many each source task may read, after epochs that did not fit; 0 is
	// any number.
	Rows int64 `json:"rows,omitempty"`
	// Usage is that of all epochs, those that failed among them.
	Usage cost.Usage `json:"usage,omitzero"`
}

type earlierEpoch struct {
	Epoch  stream.Epoch `json:"epoch"`
	Rows   int64        `json:"rows"` // of all source tasks
	Most   int64        `json:"most"` // of one
	Millis int64        `json:"millis"`
	// Slowest is how long the slowest task has taken.
	Slowest int64 `json:"slowestMillis"`
	Fused   bool  `json:"fused,omitempty"`
	Failed  bool  `json:"failed,omitempty"`
	// Usage is what was used for it.
	Usage cost.Usage `json:"usage,omitzero"`
}

// The numbers by which work is cut to fit.
const (
	earlierKept = 8
	fuseRows    = 100_000   // an epoch of so many rows runs in one invocation
	firstRows   = 1_000_000 // what a task is taken to have read of which nothing is known
	leastRows   = 1_000     // no task reads less at a time
)

// fusing says when all stages of an epoch run in one invocation.
type fusing string

const (
	fuseAuto fusing = "auto" // when it is expected to be small
	fuseOn   fusing = "on"
	fuseOff  fusing = "off"
)

func (e *Env) fusing() (fusing, error) {
	switch f := fusing(strings.ToLower(e.Config(keyFuse))); f {
	case "":
		return fuseAuto, nil
	case fuseAuto, fuseOn, fuseOff:
		return f, nil
	default:
		return "", fmt.Errorf("%w: '%s' = '%s': want auto, on or off", job.ErrInvalid, keyFuse, f)
	}
}

// fit says how many rows each source task reads in the next epoch, 0 being any
// number, and whether all of it runs in one invocation. It is pure.
//
// rows is what the user allows, timeout how long an invocation may take, waiting how
// many rows there are to read if that is known.
func (p earlier) fit(rows int64, timeout time.Duration, f fusing, waiting int64, known bool) (limit int64, fused bool) {
	limit = least(rows, p.Rows)
	var expected, speed int64
	seen := false
	for _, e := range p.Epochs {
		if e.Failed {
			continue
		}
		seen, expected = true, max(expected, e.Rows)
		if e.Slowest >= time.Second.Milliseconds() {
			speed = least(speed, e.Most*1000/e.Slowest)
		}
	}
	if speed > 0 { // rows per second of the slowest task
		limit = least(limit, max(leastRows, int64(float64(speed)*timeout.Seconds()/2)))
	}
	if known {
		seen, expected = true, waiting
	}
	n := len(p.Epochs)
	switch failed := n > 0 && p.Epochs[n-1].Failed; f {
	case fuseOn:
		return limit, true
	case fuseAuto:
		if fused = seen && expected <= fuseRows && !failed; fused { // whatever comes unexpectedly waits for the next
			limit = least(limit, 4*fuseRows)
		}
	case fuseOff:
	}
	return limit, fused
}

// least is the smaller one, where 0 is no limit.
func least(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// add notes an epoch. After one that did not fit, or has failed for another reason
// that a smaller one may not meet, tasks read a quarter; when all goes well for a
// while they read twice as much again.
func (p earlier) add(e earlierEpoch, limit int64) earlier {
	p.Epochs = append(p.Epochs[:len(p.Epochs):len(p.Epochs)], e)
	if n := len(p.Epochs) - earlierKept; n > 0 {
		p.Epochs = p.Epochs[n:]
	}
	p.Usage = p.Usage.Plus(e.Usage)
	switch {
	case e.Failed:
		read := limit
		for _, o := range p.Epochs {
			if read == 0 {
				read = o.Most
			}
		}
		if read == 0 {
			read = firstRows
		}
		p.Rows = max(leastRows, read/4)
	case p.Rows > 0 && e.Most >= p.Rows:
		if p.Rows *= 2; p.Rows >= 64*firstRows {
			p.Rows = 0
		}
	}
	return p
}

// smallest reports whether nothing more can be cut.
func (p earlier) smallest() bool { return p.Rows == leastRows }

const earlierFile = "driverless/earlier"

func readEarlier(ctx context.Context, s checkpoint.Store) (p earlier, err error) {
	data, err := s.Get(ctx, earlierFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return earlier{}, nil
	case err != nil:
		return earlier{}, fmt.Errorf("%w: read what is known of earlier epochs: %w", job.ErrUnavailable, err)
	}
	if json.Unmarshal(data, &p) != nil { // it is a hint
		return earlier{}, nil
	}
	return p, nil
}

// write is for the next epoch, which does without when it fails.
func (p earlier) write(ctx context.Context, s checkpoint.Store, log *slog.Logger) {
	data, err := json.Marshal(p)
	if err == nil {
		err = s.Put(ctx, earlierFile, data)
	}
	if err != nil {
		log.Warn("what an epoch was like is not kept", slog.Any("error", err))
	}
}

// epochOf is what is kept of an epoch.
func epochOf(p coordinator.Passed) (e earlierEpoch, limit int64) {
	e = earlierEpoch{Epoch: p.Epoch, Millis: p.Took.Milliseconds(), Fused: p.Fused}
	for _, r := range p.Ran {
		if r.Source {
			e.Rows, e.Most, limit = e.Rows+r.Out, max(e.Most, r.Most), least(limit, r.Rows)
		}
		e.Slowest = max(e.Slowest, r.Took.Milliseconds())
	}
	return e, limit
}
