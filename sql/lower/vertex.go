package lower

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/calc"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/sort"
	"github.com/wadi-engine/wadi/ops/union"
	"github.com/wadi-engine/wadi/ops/window"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/agg"
	"github.com/wadi-engine/wadi/vector/expr"
)

// config writes a vertex's configuration.
func config(c any) json.RawMessage {
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("config %T: %v", c, err)) // all of them are plain data
	}
	return b
}

func docs(list []expr.Expr) []expr.Doc {
	out := make([]expr.Doc, len(list))
	for i, e := range list {
		out[i] = expr.Doc{Expr: e}
	}
	return out
}

// open opens the source of a scan, once.
func (b *builder) open(n *logical.Scan) (ops.Scan, ops.Source, error) {
	scan := ops.Scan{Table: n.Table, Columns: n.Columns, Filter: expr.NewDoc(n.Filter), Limit: n.Limit}
	key := b.digest(n)
	if src, ok := b.sources[key]; ok {
		return scan, src, nil
	}
	c, err := b.o.Registry.Connector(n.Table.Connector)
	if err != nil {
		return scan, nil, err
	}
	if c.Source == nil {
		return scan, nil, fmt.Errorf("%w: table %s cannot be read: connector %q only writes", job.ErrInvalid, n.Table.Ident, c.Name)
	}
	src, err := c.Source(b.ctx, scan)
	if err != nil {
		return scan, nil, fmt.Errorf("open table %s: %w", n.Table.Ident, err)
	}
	b.sources[key] = src
	return scan, src, nil
}

// ends reports whether all sources below n end by themselves.
func (b *builder) ends(n logical.Node) (bool, error) {
	if s, ok := n.(*logical.Scan); ok {
		_, src, err := b.open(s)
		return err == nil && src.Bounded(), err
	}
	for _, in := range n.Inputs() {
		if ok, err := b.ends(in); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// scan opens the source to learn whether it ends, and to see that it gives the
// columns that the plan expects.
func (b *builder) scan(n *logical.Scan) (built, error) {
	scan, src, err := b.open(n)
	if err != nil {
		return built{}, err
	}
	if err := b.matches(n, src.Schema()); err != nil {
		return built{}, err
	}
	if !src.Bounded() {
		b.res.Bounded = false
		b.endless = "table " + n.Table.Ident.String()
	}
	cfg := ops.SourceConfig{Scan: scan, Ticks: b.ticks}
	if c := userCall(n.Watermark); c != nil {
		return built{}, diag.Located(c.At, "a source computes its watermark, and calls no functions of the user; compute it with those of SQL")
	}
	if n.Watermark != nil {
		cfg.Watermark = &ops.WatermarkSpec{
			Expr: expr.NewDoc(n.Watermark), IntervalMillis: b.o.WatermarkIntervalMillis, IdleMillis: b.o.IdleMillis,
		}
		if err := b.paced(n.Table, cfg.Watermark); err != nil {
			return built{}, err
		}
	}
	p, err := parallelism(n.Table, "scan.parallelism", b.o.Parallelism)
	if err != nil {
		return built{}, err
	}
	v := b.add(job.Vertex{
		UID: "source-" + plain(n.Table.Ident), Name: logical.Operator(n), Kind: job.KindSource, Config: config(cfg),
		Parallelism: p, Output: schema(n.Output),
	}, sourceMode(src))
	if err := b.side(v, ops.Errors, ops.Letters, n.Errors); err != nil {
		return v, err
	}
	return b.normalized(n, src, v)
}

// sourceMode is the kinds of the rows of a source.
func sourceMode(src ops.Source) Mode {
	if u, ok := src.(ops.Updating); ok && u.Updating() {
		return Insert | UpdateBefore | UpdateAfter | Delete
	}
	return Insert
}

// plain is a table's name without quotes.
func plain(id job.Ident) string { return strings.ReplaceAll(id.String(), "`", "") }

// matches reports a connector that gives other columns than the plan expects.
func (b *builder) matches(n *logical.Scan, have *arrow.Schema) error {
	want := schema(n.Output)
	if have.NumFields() != want.NumFields() {
		return fmt.Errorf("%w: connector %q gives %d columns for %s, the plan reads %d", job.ErrInvalid, n.Table.Connector, have.NumFields(), n.Table.Ident, want.NumFields())
	}
	for i, f := range want.Fields() {
		if have.Field(i).Type.ID() != f.Type.ID() {
			return fmt.Errorf("%w: column %s of %s is declared as %s, the data has %s", job.ErrInvalid, f.Name, n.Table.Ident, f.Type, have.Field(i).Type)
		}
	}
	return nil
}

// parallelism reads an option that overrides the default.
func parallelism(t job.Table, key string, otherwise int) (int, error) {
	text, ok := t.Options[key]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%w: option '%s' of %s must be a number from 1, not %q", job.ErrInvalid, key, t.Ident, text)
	}
	return n, nil
}

// calc filters and computes columns, in the tasks of its input.
func (b *builder) calc(input logical.Node, exprs []expr.Expr, out logical.Schema, cond expr.Expr, name string) (built, error) {
	in, err := b.node(input)
	if err != nil {
		return built{}, err
	}
	marks := logical.AsksWatermark(append(exprs[:len(exprs):len(exprs)], cond)...)
	if marks {
		if in.mode&(UpdateBefore|Delete) != 0 {
			return built{}, errWatermarkChanges
		}
		exprs = slices.Clone(exprs)
		for i := range exprs {
			exprs[i] = watermarked(exprs[i], len(input.Schema()))
		}
		cond = watermarked(cond, len(input.Schema()))
	}
	if err := b.compiles(input, exprs, cond, marks); err != nil {
		return built{}, err
	}
	if err := b.repeatable(in.mode, append(exprs[:len(exprs):len(exprs)], cond)...); err != nil {
		return built{}, err
	}
	mode := in.mode
	if cond != nil && mode&UpdateAfter != 0 { // an update may leave the filter
		mode |= Delete
	}
	bad := badCalls(input, append(exprs[:len(exprs):len(exprs)], cond)...)
	v := b.add(job.Vertex{
		UID: uid("calc", b.lineage(input)), Name: name, Kind: calc.Kind,
		Config: config(calc.Config{
			Filter: expr.NewDoc(cond), Exprs: docs(exprs), Zone: b.zone(), NowMillis: b.o.NowMillis, Fixed: b.o.Batch,
			Rejects: bad.table, Watermark: marks,
		}),
		Parallelism: in.parallelism, Output: schema(out),
	}, mode, edge(in, in.parallelism))
	return v, b.side(v, ops.Errors, ops.Letters, bad.side)
}

// compiles reports an expression for which there is no kernel before the job
// runs.
func (b *builder) compiles(input logical.Node, exprs []expr.Expr, cond expr.Expr, marks bool) error {
	if cond != nil {
		exprs = append(exprs[:len(exprs):len(exprs)], cond)
	}
	for _, e := range exprs {
		if deeper(e, maxDepth) {
			return fmt.Errorf("%w: an expression is nested more than %d deep; put parts of it into subqueries", job.ErrInvalid, maxDepth)
		}
	}
	rows := schema(input.Schema()).Schema
	if marks {
		rows = arrow.NewSchema(append(rows.Fields(), calc.WatermarkFields...), nil)
	}
	if _, err := expr.Compile(exprs, rows, expr.Env{Functions: b.o.Registry.Functions}); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return nil
}

// maxDepth bounds the nesting of expressions, so that the plan can be written
// and read as JSON.
const maxDepth = 2000

func deeper(e expr.Expr, levels int) bool {
	c, ok := e.(*expr.Call)
	if !ok {
		return false
	}
	return levels == 0 || slices.ContainsFunc(c.Args, func(a expr.Expr) bool { return deeper(a, levels-1) })
}

// zone is the session's time zone as operators want it: "" for UTC.
func (b *builder) zone() string {
	if b.o.Zone == "UTC" {
		return ""
	}
	return b.o.Zone
}

func specs(aggs []logical.AggCall) []agg.Spec {
	out := make([]agg.Spec, len(aggs))
	for i, a := range aggs {
		out[i] = agg.Spec{Func: a.Func, Args: a.Args, Distinct: a.Distinct, KeepNulls: a.KeepNulls, Separator: a.Separator, Filter: a.Filter, Of: a.Type.Arrow()}
		for _, k := range a.Order {
			out[i].Order = append(out[i].Order, agg.By{Arg: k.Column, Desc: k.Desc, NullsFirst: k.NullsFirst})
		}
		if a.User != nil {
			out[i].At = fmt.Sprintf("line %d, column %d", a.User.Pos.Line, a.User.Pos.Col)
		}
	}
	return out
}

// spread is how many tasks share a keyed operator's groups.
func (b *builder) spread(keys []int) int {
	if len(keys) == 0 {
		return 1
	}
	return b.o.Parallelism
}

func (b *builder) aggregate(n *logical.Aggregate) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	if in.mode != Insert {
		if err := retractable(n.Aggs, "the rows below it change"); err != nil {
			return built{}, err
		}
	}
	mode := b.groupMode(n, in.mode)
	p := b.spread(n.Keys)
	return b.add(job.Vertex{
		UID:  uid("group-agg", b.keyText(n.Keys, n.Input), b.lineage(n.Input)),
		Name: logical.Operator(n), Kind: group.Kind,
		Config: config(group.Config{
			Keys: n.Keys, Aggs: specs(n.Aggs), UpdateBefore: mode&UpdateBefore != 0, FinalOnly: b.atEnd(), Changelog: in.mode != Insert,
			Settings: b.ttl(n.TTL.Or(b.o.TTLMillis)),
		}),
		Parallelism: p, Output: schema(n.Output),
	}, mode, keyed(in, p, n.Keys)), nil
}

func (b *builder) windowAggregate(n *logical.WindowAggregate) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	if err := windowable(n, in.mode); err != nil {
		return built{}, err
	}
	if e, err := b.emits(n); e != nil || err != nil {
		if err != nil {
			return built{}, err
		}
		return b.emit(n, in, e)
	}
	c, kind := b.windowConfig(n.Spec, n.Input.Schema())
	c.Keys, c.Aggs, c.Changelog = n.Keys, specs(n.Aggs), in.mode != Insert
	if kind == "" {
		kind = window.Kind
	}
	for _, p := range n.Properties {
		c.Properties = append(c.Properties, window.Property(p.Column()))
	}
	p := b.spread(n.Keys)
	v := b.add(job.Vertex{
		UID:  uid(kind, b.windowLineage(n)),
		Name: logical.Operator(n), Kind: kind, Config: config(c),
		Parallelism: p, Output: schema(n.Output),
	}, Insert, keyed(in, p, n.Keys))
	return v, b.late(v, in, n.Input.Schema(), n.Late)
}

// processes reports whether a node of the plan waits for processing time.
func processes(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Window:
		if n.Spec.Processing && n.Spec.Kind == logical.Session {
			return true
		}
	case *logical.WindowAggregate:
		if n.Spec.Processing {
			return true
		}
	}
	return slices.ContainsFunc(n.Inputs(), processes)
}

// windowConfig is what the operators of windows have in common; kind is that
// of an aggregation by sessions, or "".
func (b *builder) windowConfig(w logical.WindowSpec, in logical.Schema) (c window.Config, kind string) {
	c = window.Config{Time: w.Time, Processing: w.Processing, SkipNulls: b.o.Batch && !w.Grouped}
	if w.Kind == logical.Session {
		c.GapMillis, kind = w.Size, window.SessionKind
	} else {
		c.SizeMillis, c.SlideMillis, c.OffsetMillis, c.Cumulate = w.Size, w.Slide, w.Offset, w.Kind == logical.Cumulate
	}
	if t, ok := in[w.Time].Type.Arrow().(*arrow.TimestampType); ok && t.TimeZone != "" {
		c.Zone = b.zone()
	}
	return c, kind
}

// window appends the windows of each row, in the tasks of its input; sessions
// are known only where all rows of a key meet.
func (b *builder) window(n *logical.Window) (built, error) {
	in, err := b.node(n.Input)
	if err != nil {
		return built{}, err
	}
	c, kind := b.windowConfig(n.Spec, n.Input.Schema())
	c.Properties = []window.Property{window.Start, window.End, window.Time}
	v := job.Vertex{
		UID: uid("window-assign", b.lineage(n)), Name: logical.Operator(n), Kind: window.AssignKind,
		Parallelism: in.parallelism, Output: schema(n.Output),
	}
	e := edge(in, in.parallelism)
	if kind != "" {
		c.Keys, v.Kind = n.Spec.Partition, window.SessionAssignKind
		v.UID, v.Parallelism = uid(v.Kind, b.lineage(n)), b.spread(n.Spec.Partition)
		e = keyed(in, v.Parallelism, n.Spec.Partition)
	}
	v.Config = config(c)
	out := b.add(v, in.mode, e)
	if kind == "" {
		return out, nil
	}
	return out, b.late(out, in, n.Input.Schema(), n.Late)
}

func (b *builder) union(n *logical.Union) (built, error) {
	mode, p := Insert, 1
	var ins []built
	for _, side := range n.In {
		in, err := b.node(side)
		if err != nil {
			return built{}, err
		}
		ins = append(ins, in)
		mode, p = mode|in.mode, max(p, in.parallelism)
	}
	var edges []job.Edge
	for i, in := range ins {
		e := edge(in, p)
		e.Input = i
		edges = append(edges, e)
	}
	return b.add(job.Vertex{
		UID: uid("union", b.lineage(n)), Name: logical.Operator(n), Kind: union.Kind, Parallelism: p, Output: schema(n.Output),
	}, mode, edges...), nil
}

// sort orders all rows in one task. A stream can be ordered when it ends; the
// aggregations below it then need to give no more than their final results.
func (b *builder) sort(n *logical.Sort) (built, error) {
	ends, err := b.ends(n)
	if err != nil {
		return built{}, err
	}
	if ends {
		b.final++
		defer func() { b.final-- }()
	}
	in, err := b.node(n.Input)
	switch {
	case err != nil:
		return built{}, err
	case n.Limit >= 0 && (len(n.Keys) > 0 && !ends || in.mode != Insert), ends && in.mode != Insert:
		return b.firstRows(n)
	case in.mode != Insert:
		return built{}, fmt.Errorf("%w: not supported yet: OFFSET over results that change, of a stream that does not end", job.ErrInvalid)
	case len(n.Keys) > 0 && !ends && n.Offset == 0 && !n.Keys[0].Desc && n.Schema()[n.Keys[0].Column].Time == logical.Rowtime:
		return b.over(&logical.Over{Input: n.Input, Order: n.Keys, Output: n.Schema()}) // in the order of time, as it goes on
	case len(n.Keys) > 0 && !ends:
		return built{}, fmt.Errorf("%w: not supported yet: ORDER BY over a stream that does not end", job.ErrInvalid)
	}
	v := job.Vertex{
		UID: uid("sort", b.lineage(n)), Name: logical.Operator(n), Kind: sort.Kind, Parallelism: 1, Output: schema(n.Schema()),
	}
	if len(n.Keys) == 0 {
		v.Kind = sort.LimitKind
		v.Config = config(sort.LimitConfig{Offset: n.Offset, Limit: n.Limit})
	} else {
		c := sort.Config{Offset: n.Offset, Limit: n.Limit}
		for _, k := range n.Keys {
			c.Keys = append(c.Keys, sort.Key{Column: k.Column, Desc: k.Desc, NullsFirst: k.NullsFirst})
		}
		v.Config = config(c)
	}
	return b.add(v, Insert, single(in)), nil
}
