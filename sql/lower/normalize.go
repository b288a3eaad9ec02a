package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/normalize"
	"github.com/wadi-engine/wadi/sql/logical"
)

// normalized puts behind a source of upserts what makes a full changelog of
// them: the rows of the table by its primary key.
func (b *builder) normalized(n *logical.Scan, src ops.Source, v built) (built, error) {
	u, ok := src.(ops.Upserting)
	if !ok || !u.Upserts() {
		return v, nil
	}
	if len(n.Table.PrimaryKey) == 0 {
		return v, fmt.Errorf("%w: table %s gives updates by key and needs PRIMARY KEY (…) NOT ENFORCED", job.ErrInvalid, n.Table.Ident)
	}
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
