// Package builtin lists the operators that come with the engine.
package builtin

import (
	"maps"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/ops/changelog"
	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/expand"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/match"
	"github.com/wadi-engine/wadi/ops/materialize"
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
		calc.Kind:       calc.With(r.Functions),
		calc.RejectKind: calc.NewReject,
		expand.Kind:     expand.New,

		changelog.FromKind: changelog.NewFrom,
		changelog.ToKind:   changelog.NewTo,

		group.EmitKind: group.EmitWith(r.Aggregates),
		group.Kind:     sweep.Around(idle.Around(group.With(r.Aggregates))),
		rank.Kind:      sweep.Cut(sweep.Around(idle.Around(rank.New))),
		dedup.Kind:     sweep.Cut(sweep.Around(idle.Around(dedup.New))),

		match.Kind:      match.With(r),
		over.StreamKind: idle.Around(over.StreamWith(r.Aggregates)),
		over.TableKind:  idle.Around(over.TableWith(r.Aggregates)),

		join.Kind:      sweep.Around(join.With(r.Functions)),
		normalize.Kind: idle.Around(normalize.New),

		sort.Kind:      sort.New,
		sort.LimitKind: sort.NewLimit,
		union.Kind:     union.New,
		unnest.Kind:    unnest.New,
		window.Kind:    window.With(r.Aggregates),

		materialize.Kind:         idle.Around(materialize.New),
		window.AssignKind:        window.NewAssign,
		join.LookupKind:          join.NewLookup,
		join.ByKeyKind:           join.ByKeyWith(r),
		join.TemporalKind:        join.TemporalWith(r.Functions),
		join.IntervalKind:        join.IntervalWith(r.Functions),
		join.WindowKind:          join.WindowWith(r.Functions),
		window.SessionKind:       window.SessionWith(r.Aggregates),
		window.SessionAssignKind: window.NewSessionAssign,
	})
}

// Stateless reports that operators of a kind keep nothing between two batches.
func Stateless(kind string) bool {
	switch kind {
	case calc.Kind, calc.RejectKind, changelog.FromKind, changelog.ToKind, expand.Kind, union.Kind, unnest.Kind, window.AssignKind:
		return true
	}
	return false
}
