package lower

import (
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

var joinTypes = map[logical.JoinType]join.Type{
	logical.InnerJoin: join.Inner, logical.LeftJoin: join.Left, logical.RightJoin: join.Right, logical.FullJoin: join.Full,
	logical.SemiJoin: join.Semi, logical.AntiJoin: join.Anti,
}

// joinMode is what a join emits. Pairs of rows that stay, stay; what has no
// partner yet may get one.
func (b *builder) joinMode(n *logical.Join, left, right Mode) Mode {
	stays := n.Type == logical.InnerJoin || n.Type == logical.SemiJoin || n.AsOf != nil
	if b.atEnd() || stays && left == Insert && (right == Insert || n.AsOf != nil) {
		return Insert
	}
	return Insert | Delete
}

// join brings rows with equal keys into one task; without keys there is one.
func (b *builder) join(n *logical.Join) (built, error) {
	if n.AsOf != nil && !n.AsOf.Lookup {
		return b.temporal(n)
	}
	if v, ok, err := b.lookupJoin(n); ok {
		return v, err
	}
	left, err := b.node(n.Left)
	if err != nil {
		return built{}, err
	}
	right, err := b.rightSide(n, left.mode)
	if err != nil {
		return built{}, err
	}
	if v, ok, err := b.intervalJoin(n, left, right); ok || err != nil {
		return v, err
	}
	if v, ok, err := b.windowJoin(n, left, right); ok || err != nil {
		return v, err
	}
	keys := n.Keys()
	c := join.Config{
		Type: joinTypes[n.Type], LeftKeys: keys.Left, RightKeys: keys.Right, NullSafe: keys.NullSafe, Condition: expr.NewDoc(keys.Rest),
		LeftChanges: left.mode != Insert, RightChanges: right.mode != Insert, FinalOnly: b.atEnd(), Static: n.AsOf != nil,
		Zone: b.zone(), NowMillis: b.o.NowMillis,
	}
	if err := b.conditionCompiles(n, keys.Rest); err != nil {
		return built{}, err
	}
	if n.AsOf == nil && !b.atEnd() {
		c.LeftTTLMillis, c.RightTTLMillis = n.Hints.Left.Or(b.o.TTLMillis), n.Hints.Right.Or(b.o.TTLMillis)
	}
	b.stateBounds(n, left, right, &c)
	p := b.spread(keys.Left)
	in0, in1 := keyed(left, p, keys.Left), keyed(right, p, keys.Right)
	in1.Input = 1
	var forget []string
	if c.Static && left.mode == Insert {
		forget = []string{join.RightTable}
	}
	return b.add(job.Vertex{
		UID: uid("join", b.lineage(n)), Name: boundedName(n, c), Kind: join.Kind, Config: config(c),
		Parallelism: p, Output: schema(n.Output), Forget: forget,
	}, b.joinMode(n, left.mode, right.mode), in0, in1), nil
}

// conditionCompiles reports a condition for which there is no kernel before the
// job runs.
func (b *builder) conditionCompiles(n *logical.Join, cond expr.Expr) error {
	if cond == nil {
		return nil
	}
	if deeper(cond, maxDepth) {
		return fmt.Errorf("%w: a condition is nested more than %d deep; put parts of it into subqueries", job.ErrInvalid, maxDepth)
	}
	if _, err := expr.CompileFilter(cond, schema(n.Both()).Schema, expr.Env{Functions: b.o.Registry.Functions}); err != nil {
		return fmt.Errorf("%w: not supported yet: %w", job.ErrInvalid, err)
	}
	return nil
}

// rightSide lowers the right side of a join. A lookup reads it to its end, and
// wants only its final rows. When the job is restored it reads it again, unless
// rows of the left side may be taken back: those were joined with what was read
// before.
func (b *builder) rightSide(n *logical.Join, left Mode) (built, error) {
	if n.AsOf == nil {
		return b.node(n.Right)
	}
	ends, err := b.ends(n.Right)
	if err != nil {
		return built{}, err
	}
	if !ends {
		return built{}, fmt.Errorf("%w: a table FOR SYSTEM_TIME AS OF processing time is read to its end before rows are joined with it, "+
			"but the right side of %s does not end; bound it, or join it AS OF an event time", job.ErrInvalid, logical.Operator(n))
	}
	b.final++
	defer func() { b.final-- }()
	if left == Insert {
		b.afresh++
		defer func() { b.afresh-- }()
	}
	return b.node(n.Right)
}

// joinLineage describes the rows of a join.
func (b *builder) joinLineage(n *logical.Join) string {
	cond := "true"
	if n.Cond != nil {
		cond = logical.Text(n.Cond, append(append([]string{}, b.origins(n.Left)...), b.origins(n.Right)...))
	}
	how := n.Type.String()
	if n.AsOf != nil {
		how += fmt.Sprintf(" as of %v", n.AsOf.Lookup)
	}
	return how + "(" + bounded(cond) + "; " + b.lineage(n.Left) + "; " + b.lineage(n.Right) + ")"
}

func (b *builder) traceJoin(n *logical.Join) []string {
	names := append([]string{}, b.origins(n.Left)...)
	if !n.Type.Half() {
		names = append(names, b.origins(n.Right)...)
	}
	return names
}
