package hybrid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var (
	_ ops.Acknowledging = (*enumerator)(nil)
	_ ops.Measuring     = (*enumerator)(nil)
)

// enumerator hands out the splits of the parts, in their order.
type enumerator struct {
	*source
	inner []ops.SplitEnumerator // of the parts that have been opened
	done  []bool
	// start are options of the last part, once it is known where that begins.
	start map[string]string
}

// enumerated is what an enumerator knows after a restart.
type enumerated struct {
	Parts []json.RawMessage `json:"parts"` // their snapshots; fewer than parts before it is known where the last begins
	Start map[string]string `json:"start,omitempty"`
}

// Enumerator implements ops.Source.
func (s *source) Enumerator(ctx context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{source: s}
	var was enumerated
	if state != nil {
		if err := json.Unmarshal(state, &was); err != nil || len(was.Parts) > len(s.parts) {
			return nil, fmt.Errorf("%w: restore the parts of table %s: the state is of another table: %w", job.ErrInvalid, s.scan.Table.Ident, errors.Join(err))
		}
	}
	e.start = was.Start
	for i := range len(s.parts) - 1 {
		var of []byte
		if i < len(was.Parts) {
			of = was.Parts[i]
		}
		if err := e.begin(ctx, s.inner[i], of); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	if len(was.Parts) == len(s.parts) {
		if err := e.last(ctx, was.Parts[len(s.parts)-1]); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	return e, nil
}

// begin opens the enumerator of the next part. Snapshots of parts are JSON strings of
// their bytes.
func (e *enumerator) begin(ctx context.Context, of ops.Source, state json.RawMessage) error {
	var data []byte
	if state != nil {
		if err := json.Unmarshal(state, &data); err != nil {
			return fmt.Errorf("%w: restore part %s: %w", job.ErrInvalid, e.parts[len(e.inner)].id, err)
		}
	}
	inner, err := of.Enumerator(ctx, data)
	if err != nil {
		return fmt.Errorf("part %s: %w", e.parts[len(e.inner)].id, err)
	}
	e.inner, e.done = append(e.inner, inner), append(e.done, false)
	return nil
}

// last opens that of the last part, where it begins.
func (e *enumerator) last(ctx context.Context, state json.RawMessage) error {
	i := len(e.parts) - 1
	of := e.source.inner[i]
	if len(e.start) > 0 {
		var err error
		if of, err = e.open(ctx, i, e.columns(), e.start); err != nil {
			return err
		}
	}
	return e.begin(ctx, of, state)
}

// Discover implements ops.SplitEnumerator.
func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	for i := range e.parts {
		if i == len(e.inner) {
			var err error
			if e.start, err = e.change.start(ctx, e); err != nil {
				return false, fmt.Errorf("where part %s begins: %w", e.parts[i].id, err)
			}
			if err := e.last(ctx, nil); err != nil {
				return false, err
			}
		}
		if e.done[i] {
			continue
		}
		var err error
		if e.done[i], err = e.inner[i].Discover(ctx); err != nil {
			return false, fmt.Errorf("part %s: %w", e.parts[i].id, err)
		}
		if !e.done[i] {
			return false, nil
		}
	}
	return true, nil
}

// Take implements ops.SplitEnumerator.
func (e *enumerator) Take(reader, readers, n int) (taken []ops.Split) {
	for i, of := range e.inner {
		for _, s := range of.Take(reader, readers, n-len(taken)) {
			s.ID = e.parts[i].id + "/" + s.ID
			s.Untimed = s.Untimed || e.change.untimed && i < len(e.parts)-1
			taken = append(taken, s)
		}
		if len(taken) >= n || !e.done[i] {
			break
		}
	}
	return taken
}

// part is which part a split is of, and its ID there.
func (s *source) part(split string) (part int, id string) {
	for i, p := range s.parts {
		if rest, ok := strings.CutPrefix(split, p.id+"/"); ok {
			return i, rest
		}
	}
	return -1, split
}

// divide are splits by the parts that they are of; those of none are forgotten: the
// table has been declared otherwise.
func (s *source) divide(splits []ops.Split) [][]ops.Split {
	all := make([][]ops.Split, len(s.parts))
	for _, sp := range splits {
		if i, id := s.part(sp.ID); i >= 0 {
			sp.ID = id
			all[i] = append(all[i], sp)
		}
	}
	return all
}

// Return implements ops.SplitEnumerator.
func (e *enumerator) Return(splits []ops.Split) {
	for i, of := range e.divide(splits) {
		if len(of) > 0 && i < len(e.inner) {
			e.inner[i].Return(of)
		}
	}
}

// Snapshot implements ops.SplitEnumerator.
func (e *enumerator) Snapshot() ([]byte, error) {
	was := enumerated{Start: e.start}
	for i, of := range e.inner {
		data, err := of.Snapshot()
		if err != nil {
			return nil, fmt.Errorf("part %s: %w", e.parts[i].id, err)
		}
		text, err := json.Marshal(data)
		if err != nil {
			return nil, err
		}
		was.Parts = append(was.Parts, text)
	}
	return json.Marshal(was)
}

// Durable implements ops.Acknowledging.
func (e *enumerator) Durable(ctx context.Context, snapshot []byte, splits []ops.Split) error {
	var was enumerated
	if err := json.Unmarshal(snapshot, &was); err != nil {
		return err
	}
	var all error
	for i, of := range e.divide(splits) {
		if i >= len(e.inner) || i >= len(was.Parts) {
			continue
		}
		a, ok := e.inner[i].(ops.Acknowledging)
		var data []byte
		if !ok || json.Unmarshal(was.Parts[i], &data) != nil {
			continue
		}
		all = errors.Join(all, a.Durable(ctx, data, of))
	}
	return all
}

// Measure implements ops.Measuring. A split that ends by itself counts as a row.
func (e *enumerator) Measure(ctx context.Context, splits []ops.Split) (until []ops.Split, rows int64, err error) {
	until = []ops.Split{}
	for i, of := range e.divide(splits) {
		if len(of) == 0 || i >= len(e.inner) {
			continue
		}
		m, ok := e.inner[i].(ops.Measuring)
		if !ok {
			rows += int64(len(of))
			continue
		}
		to, n, err := m.Measure(ctx, of)
		if err != nil {
			return nil, 0, fmt.Errorf("part %s: %w", e.parts[i].id, err)
		}
		rows += n
		for _, s := range to {
			s.ID = e.parts[i].id + "/" + s.ID
			until = append(until, s)
		}
	}
	return until, rows, nil
}

// Close implements ops.SplitEnumerator.
func (e *enumerator) Close() (err error) {
	for _, of := range e.inner {
		err = errors.Join(err, of.Close())
	}
	return err
}
