package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/ops/over"
	"github.com/wadi-engine/wadi/ops/rank"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/sql/lower"
	"github.com/wadi-engine/wadi/sql/optimize"
)

// costs is the optimized plan with about how many rows each node gives, where the
// sizes of the tables are known.
func (s *Session) costs(ctx context.Context, b *bound) string {
	o := s.optimizer(ctx)
	var out strings.Builder
	for i, r := range optimize.Plan(b.roots, o) {
		if i > 0 {
			out.WriteString("\n")
		}
		if b.query != nil {
			r = r.Inputs()[0]
		}
		out.WriteString(logical.TreeWith(r, func(n logical.Node) string {
			rows, ok := o.Estimate(n)
			if !ok {
				return ": rowcount = unknown"
			}
			return fmt.Sprintf(": rowcount = %.0f", rows)
		}))
	}
	return out.String()
}

// keepers are the kinds of operators whose state grows with their keys, and what of
// it does.
var keepers = map[string]string{
	group.Kind: "its groups", join.Kind: "the rows of both sides", rank.Kind: "the partitions", dedup.Kind: "its keys",
	normalize.Kind: "the rows of the source", over.TableKind: "the partitions",
}

// advice names what in a plan a user may want to change: state that grows for ever.
func advice(res *lower.Result, batch bool) string {
	var all []string
	for _, v := range res.Graph.Vertices {
		kept, ok := keepers[v.Kind]
		if !ok || batch || res.Bounded || forgets(v.Config) {
			continue
		}
		all = append(all, fmt.Sprintf("advice[%d]: [ADVICE] %s keeps %s for ever. Bound it by windows or by time, "+
			"or let it forget with 'table.exec.state.ttl' or the hint STATE_TTL.", len(all)+1, strings.SplitN(v.Name, "(", 2)[0], kept))
	}
	if len(all) == 0 {
		return "No available advice..\n"
	}
	return strings.Join(all, "\n") + "\n"
}

// forgets reports whether an operator's state has a TTL.
func forgets(config json.RawMessage) bool {
	var c struct {
		TTL   int64 `json:"ttlMillis"`
		Left  int64 `json:"leftTTLMillis"`
		Right int64 `json:"rightTTLMillis"`
	}
	if json.Unmarshal(config, &c) != nil {
		return false
	}
	return slices.ContainsFunc([]int64{c.TTL, c.Left * c.Right}, func(ttl int64) bool { return ttl > 0 })
}
