package http

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var (
	_ ops.Updating      = (*source)(nil)
	_ ops.Acknowledging = (*enumerator)(nil)
)

// source is a scan of a table that listens.
type source struct {
	*config
	schema  *arrow.Schema
	paths   [][]string
	durable *beside.Durable
}

// position is how many requests have been read.
type position struct {
	Requests uint64 `json:"requests"`
}

func openSource(scan ops.Scan, durable *beside.Durable) (ops.Source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, err
	}
	if c.listen == "" {
		return nil, fmt.Errorf("%w: table %s: option 'listen' is missing: the address on which requests are taken", job.ErrInvalid, scan.Table.Ident)
	}
	s := &source{config: c, durable: durable}
	if s.schema, s.paths, err = scan.Flat(); err != nil {
		return nil, err
	}
	_, err = s.NewRows(s.schema, s.paths, nil)
	return s, err
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return false }

// Updating implements ops.Updating.
func (s *source) Updating() bool { return s.Format.Changes }

// enumerator has one split: one task listens.
type enumerator struct {
	*deal.List
	source *source
}

// Enumerator implements ops.Source.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	l, err := deal.NewList(func(context.Context) ([]ops.Split, error) {
		p, err := json.Marshal(position{})
		return []ops.Split{{ID: s.listen, Position: p}}, err
	}, state)
	return &enumerator{l, s}, err
}

// Durable implements ops.Acknowledging: requests are answered.
func (e *enumerator) Durable(_ context.Context, _ []byte, splits []ops.Split) error {
	for _, s := range splits {
		var p position
		if err := json.Unmarshal(s.Position, &p); err != nil {
			return fmt.Errorf("position in %s: %w", s.ID, err)
		}
		e.source.durable.Set(e.source.listen, p.Requests)
	}
	return nil
}
