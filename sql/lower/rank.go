package lower

import (
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/dedup"
	"github.com/wadi-engine/wadi/ops/rank"
	"github.com/wadi-engine/wadi/sql/logical"
)

var rankFunctions = map[logical.RankKind]rank.Function{
	logical.RowNumber: rank.RowNumber, logical.RankWithGaps: rank.Gaps, logical.DenseRank: rank.Dense,
}

// rankMode is what a Top-N emits: each row once where partitions are complete,
// else the changes of ranks, or of the set of rows.
func (b *builder) rankMode(n *logical.Rank, in Mode) Mode {
	switch {
	case b.atEnd() || n.Window >= 0:
		return Insert
	case !n.Number:
		return Insert | Delete
	}
	m := Insert | UpdateAfter
	if b.before[b.digest(n)] || n.Kind != logical.RowNumber {
		m |= UpdateBefore
	}
	if in != Insert || n.Kind != logical.RowNumber {
		m |= Delete
	}
	return m
}

func (b *builder) rank(n *logical.Rank) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	last, latest := n.Latest()
	latest = latest && in.mode == Insert
	if latest && n.Window < 0 {
		return b.deduplicate(n, in, last)
	}
	mode := b.rankMode(n, in.mode)
	c := rank.Config{
		Function: rankFunctions[n.Kind], Partition: n.Partition, From: n.From, To: n.To, Number: n.Number,
		UpdateBefore: mode&UpdateBefore != 0, FinalOnly: b.atEnd(), Changelog: in.mode != Insert,
		LatestFirst: latest && last,
	}
	if n.Window < 0 {
		c.Settings = b.ttl(b.o.TTLMillis)
	}
	for _, k := range n.Order {
		c.Order = append(c.Order, rank.Key{Column: k.Column, Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	if n.Limit >= 0 {
		c.Limit = &n.Limit
	}
	if n.Window >= 0 && !b.atEnd() {
		c.Window = &rank.Window{End: n.Window}
		if localWindows(n.Input) {
			c.Window.Zone = b.zone()
		}
	}
	p := b.spread(n.Partition)
	return b.add(job.Vertex{
		UID: uid("rank", b.rankLineage(n)), Name: logical.Operator(n), Kind: rank.Kind, Config: config(c),
		Parallelism: p, Output: schema(n.Output),
	}, mode, keyed(in, p, n.Partition)), nil
}

// deduplicate keeps the first or the last row of each key in the order of a
// time attribute.
func (b *builder) deduplicate(n *logical.Rank, in built, last bool) (built, error) {
	mode := Insert
	if last && !b.atEnd() {
		mode |= UpdateAfter
		if b.before[b.digest(n)] {
			mode |= UpdateBefore
		}
	}
	c := dedup.Config{Keys: n.Partition, Last: last, UpdateBefore: mode&UpdateBefore != 0, FinalOnly: b.atEnd(), Settings: b.ttl(b.o.TTLMillis)}
	c.TTLFirst = c.TTLMillis > 0 && !last
	if at := n.Order[0].Column; n.Input.Schema()[at].Time == logical.Rowtime {
		c.Time = &at
	}
	p := b.spread(n.Partition)
	return b.add(job.Vertex{
		UID: uid("deduplicate", fmt.Sprint(c.Rows()), b.rankLineage(n)), Name: logical.Operator(n), Kind: dedup.Kind, Config: config(c),
		Parallelism: p, Output: schema(n.Output),
	}, mode, keyed(in, p, n.Partition)), nil
}

// firstRows is ORDER BY … LIMIT over a stream that does not end: the first rows
// so far; of rows that change and end, those that are left.
func (b *builder) firstRows(n *logical.Sort) (built, error) {
	to := int64(math.MaxInt64)
	if n.Limit >= 0 {
		to = n.Offset + n.Limit
	}
	return b.rank(&logical.Rank{
		Input: n.Input, Order: n.Keys, From: n.Offset + 1, To: to, Limit: -1, Window: -1, Output: n.Schema(),
	})
}

func (b *builder) rankLineage(n *logical.Rank) string {
	limit := fmt.Sprint(n.From, n.To)
	if n.Limit >= 0 {
		limit = b.origins(n.Input)[n.Limit]
	}
	return fmt.Sprintf("%s(%s; %s; %s; %s)", n.Kind, limit, b.keyText(n.Partition, n.Input), logical.OrderText(n.Order, b.origins(n.Input)), b.lineage(n.Input))
}

// localWindows reports whether the windows of n lie on the time on the wall.
func localWindows(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Window:
		return local(n.Input, n.Spec)
	case *logical.WindowAggregate:
		return local(n.Input, n.Spec)
	}
	for _, in := range n.Inputs() {
		if localWindows(in) {
			return true
		}
	}
	return false
}

func local(in logical.Node, spec logical.WindowSpec) bool {
	t, ok := in.Schema()[spec.Time].Type.Arrow().(*arrow.TimestampType)
	return ok && t.TimeZone != ""
}
