// Package builtin lists the operators that come with the engine.
package builtin

import (
	"maps"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/expand"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/match"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/ops/over"
	"github.com/wadi-engine/wadi/ops/rank"
	"github.com/wadi-engine/wadi/ops/sort"
	"github.com/wadi-engine/wadi/ops/sweep"
	"github.com/wadi-engine/wadi/ops/union"
	"github.com/wadi-engine/wadi/ops/unnest"
	"github.com/wadi-engine/wadi/ops/window"
)

// Register adds the engine's operators to r, by kind.
func Register(r *ops.Registry) {
	if r.Operators == nil {
		r.Operators = map[string]ops.NewOperator{}
	}
	maps.Copy(r.Operators, map[string]ops.NewOperator{
		calc.Kind:   calc.With(r.Functions),
		expand.Kind: expand.New,
		group.Kind:  sweep.Around(group.New),
		rank.Kind:   sweep.Cut(sweep.Around(rank.New)),
		dedup.Kind:  sweep.Cut(sweep.Around(dedup.New)),

		match.Kind:      match.New,
		over.StreamKind: over.NewStream,
		over.TableKind:  over.NewTable,

		join.Kind:      sweep.Around(join.New),
		normalize.Kind: normalize.New,

		sort.Kind:      sort.New,
		sort.LimitKind: sort.NewLimit,
		union.Kind:     union.New,
		unnest.Kind:    unnest.New,
		window.Kind:    window.New,

		window.AssignKind:        window.NewAssign,
		join.TemporalKind:        join.NewTemporal,
		join.IntervalKind:        join.NewInterval,
		join.WindowKind:          join.NewWindow,
		window.SessionKind:       window.NewSession,
		window.SessionAssignKind: window.NewSessionAssign,
	})
}

// Stateless reports that operators of a kind keep nothing between two batches.
func Stateless(kind string) bool {
	switch kind {
	case calc.Kind, expand.Kind, union.Kind, unnest.Kind, window.AssignKind:
		return true
	}
	return false
}
