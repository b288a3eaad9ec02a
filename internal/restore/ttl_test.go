package restore

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/idle"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/ops/rank"
	"github.com/wadi-engine/wadi/vector/agg"
)

// TestTTLComesAndGoes restores state of operators without a TTL by those with one,
// and the other way round: while nothing expires, the table is the same.
func TestTTLComesAndGoes(t *testing.T) {
	hour := idle.Settings{TTLMillis: 3600_000}
	aggs := []agg.Spec{
		{Func: "count", Filter: -1},
		{Func: "sum", Args: []int{2}, Filter: -1},
		{Func: "max", Args: []int{1}, Filter: -1},
		{Func: "count", Args: []int{2}, Distinct: true, Filter: -1},
		{Func: "array_agg", Args: []int{2}, Filter: -1},
	}
	for name, c := range map[string]struct {
		kind   string
		config func(s idle.Settings) any
	}{
		"group": {group.Kind, func(s idle.Settings) any {
			return group.Config{Keys: []int{1}, Aggs: aggs, UpdateBefore: true, Settings: s}
		}},
		"changes": {group.Kind, func(s idle.Settings) any {
			return group.Config{Keys: []int{1}, Aggs: aggs, UpdateBefore: true, Changelog: true, Settings: s}
		}},
		"one":      {group.Kind, func(s idle.Settings) any { return group.Config{Aggs: aggs, UpdateBefore: true, Settings: s} }},
		"distinct": {group.Kind, func(s idle.Settings) any { return group.Config{Keys: []int{1, 2}, Settings: s} }},
		"last": {dedup.Kind, func(s idle.Settings) any {
			return dedup.Config{Keys: []int{1}, Last: true, UpdateBefore: true, Settings: s}
		}},
		"first":     {dedup.Kind, func(s idle.Settings) any { return dedup.Config{Keys: []int{1}, Settings: s} }},
		"normalize": {normalize.Kind, func(s idle.Settings) any { return normalize.Config{Keys: []int{1}, UpdateBefore: true, Settings: s} }},
		"join": {join.Kind, func(s idle.Settings) any {
			return join.Config{Type: join.Left, LeftKeys: []int{1, 2}, RightKeys: []int{1, 2}, LeftTTLMillis: s.TTLMillis, RightTTLMillis: s.TTLMillis / 2}
		}},
		"rank": {rank.Kind, func(s idle.Settings) any {
			return rank.Config{Function: rank.RowNumber, Partition: []int{1}, Order: []rank.Key{{Column: 2}}, From: 1, To: 3, Settings: s}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			vertex := func(s idle.Settings) job.Vertex {
				doc, err := json.Marshal(c.config(s))
				if err != nil {
					t.Fatal(err)
				}
				return job.Vertex{Name: name, Kind: c.kind, Config: doc}
			}
			without, with := vertex(idle.Settings{}), vertex(hour)
			want := table(run(t, without, false))
			if got := table(run(t, without, true, with)); len(want) == 0 || !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d; first of each:\n%q\n%q", len(got), len(want), first(got, want), first(want, got))
			}
		})
	}
}

// table is the rows that changes leave.
func table(changes []string) []string {
	count := map[string]int{}
	for _, l := range changes {
		kind, row, _ := strings.Cut(strings.TrimPrefix(l, "0 "), " ")
		if kind == "-U" || kind == "-D" {
			count[row]--
		} else {
			count[row]++
		}
	}
	var rows []string
	for row, n := range count {
		for range n {
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return rows
}
