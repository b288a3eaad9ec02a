package lower

import (
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// pass finds the scans whose upserts may go to sinks as they are: everybody who
// reads them only computes columns for a table with the same key, in which rows
// are replaced and deleted by it.
func (b *builder) pass(sinks []logical.Node) map[string]bool {
	passed := map[string]bool{}
	if b.o.Batch {
		return passed
	}
	readers := map[string]int{}
	var count func(n logical.Node)
	count = func(n logical.Node) {
		if s, ok := n.(*logical.Scan); ok {
			readers[b.digest(s)]++
		}
		for _, in := range n.Inputs() {
			count(in)
		}
	}
	direct := map[string]int{}
	for _, n := range sinks {
		count(n)
		if s, ok := n.(*logical.Sink); ok {
			if scan := b.byKey(s); scan != nil {
				direct[b.digest(scan)]++
			}
		}
	}
	for d, n := range direct {
		passed[d] = n == readers[d]
	}
	return passed
}

// byKey is the scan whose rows a sink can replace and delete by their key, or
// nil.
func (b *builder) byKey(s *logical.Sink) *logical.Scan {
	c, err := b.o.Registry.Connector(s.Table.Connector)
	if err != nil || c.KeyDeletes == nil || !c.KeyDeletes(s.Table) || b.takesBack(s) || b.materializes(s) {
		return nil
	}
	var key []int
	for i, f := range s.Schema() {
		if slices.Contains(s.Table.PrimaryKey, f.Name) {
			key = append(key, i)
		} else if !s.Table.Schema.Field(i).Nullable {
			return nil // a -D may have NULL there
		}
	}
	n := s.Input
	for {
		switch in := n.(type) {
		case *logical.Project:
			for i, k := range key {
				c, ok := in.Exprs[k].(*expr.Column)
				if !ok {
					return nil
				}
				key[i] = c.Index
			}
			n = in.Input
		case *logical.Scan:
			if len(key) != len(in.Table.PrimaryKey) {
				return nil
			}
			for _, k := range in.Table.PrimaryKey {
				if !slices.Contains(key, in.Output.Index(k)) {
					return nil
				}
			}
			return in
		default:
			return nil
		}
	}
}

// normalized puts behind a source of upserts what makes a full changelog of
// them: the rows of the table by its primary key.
func (b *builder) normalized(n *logical.Scan, src ops.Source, v built) (built, error) {
	u, ok := src.(ops.Upserting)
	if !ok || !u.Upserts() {
		if !b.o.Duplicates || v.mode == Insert || len(n.Table.PrimaryKey) == 0 {
			return v, nil
		}
		return b.normalizedByKey(n, v)
	}
	if b.passed[b.digest(n)] {
		b.res.Modes[v.id] = Insert | UpdateAfter | Delete
		v.mode = b.res.Modes[v.id]
		return v, nil
	}
	if len(n.Table.PrimaryKey) == 0 {
		return v, fmt.Errorf("%w: table %s gives updates by key and needs PRIMARY KEY (…) NOT ENFORCED", job.ErrInvalid, n.Table.Ident)
	}
	return b.normalizedByKey(n, v)
}

// normalizedByKey keeps the rows of a table by its primary key: changes that come
// twice change nothing the second time.
func (b *builder) normalizedByKey(n *logical.Scan, v built) (built, error) {
	keys := make([]int, len(n.Table.PrimaryKey))
	for i, k := range n.Table.PrimaryKey {
		if keys[i] = n.Output.Index(k); keys[i] < 0 {
			return v, fmt.Errorf("%w: column %s of the primary key of %s is not read", job.ErrInvalid, k, n.Table.Ident)
		}
	}
	return b.normalize(n, keys, v)
}

// normalize keeps the rows of n, which are those of v, by their keys.
func (b *builder) normalize(n logical.Node, keys []int, v built) (built, error) {
	mode := Insert
	if !b.atEnd() {
		mode |= UpdateAfter | Delete
		if b.before[b.digest(n)] {
			mode |= UpdateBefore
		}
	}
	p := b.spread(keys)
	return b.add(job.Vertex{
		UID: uid("changelog-normalize", b.lineage(n)), Name: "ChangelogNormalize(key=[" + b.keyText(keys, n) + "])", Kind: normalize.Kind,
		Config:      config(normalize.Config{Keys: keys, UpdateBefore: mode&UpdateBefore != 0, FinalOnly: b.atEnd(), Settings: b.ttl(b.o.TTLMillis)}),
		Parallelism: p, Output: schema(n.Schema()),
	}, mode, keyed(v, p, keys)), nil
}
