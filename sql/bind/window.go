package bind

import (
	"context"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// groupWindows are the windows, as table functions and in GROUP BY.
var groupWindows = map[string]logical.WindowKind{
	"TUMBLE": logical.Tumble, "HOP": logical.Hop, "CUMULATE": logical.Cumulate, "SESSION": logical.Session,
}

// windowArgs are the arguments of a window table function by their names, in
// the order in which they stand without names.
var windowArgs = map[logical.WindowKind][]string{
	logical.Tumble:   {"DATA", "TIMECOL", "SIZE", "OFFSET"},
	logical.Hop:      {"DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"},
	logical.Cumulate: {"DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"},
	logical.Session:  {"DATA", "TIMECOL", "GAP"},
}

// windowFunc binds TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND) and
// its relatives.
func (b *Binder) windowFunc(ctx context.Context, f *ast.TableFunc, kind logical.WindowKind, env *ctes) (logical.Node, *scope, error) {
	named, err := windowArguments(f.Call, kind)
	if err != nil {
		return nil, nil, err
	}
	data, ok := named["DATA"].(*ast.TableArg)
	if q, is := named["DATA"].(*ast.Subquery); is {
		data, ok = &ast.TableArg{Pos: q.Pos, Query: q.Query}, true
	}
	if !ok {
		return nil, nil, diag.At(f.Call.Pos, "the first argument of %s is a table: TABLE t", kind)
	}
	if len(data.OrderBy) > 0 {
		return nil, nil, diag.At(data.Pos, "%s takes a table without ORDER BY", kind)
	}
	if len(data.PartitionBy) > 0 && kind != logical.Session {
		return nil, nil, diag.At(data.Pos, "%s does not depend on other rows, so PARTITION BY says nothing: leave it out", kind)
	}
	node, err := b.tableArg(ctx, data, env)
	if err != nil {
		return nil, nil, err
	}
	d, ok := named["TIMECOL"].(*ast.Descriptor)
	if !ok || len(d.Columns) != 1 {
		return nil, nil, diag.At(f.Call.Pos, "%s needs one time column: DESCRIPTOR(ts)", kind)
	}
	at := node.Schema().Index(d.Columns[0].Name)
	if at < 0 {
		return nil, nil, diag.At(d.Columns[0].Pos, "no column %q%s", d.Columns[0].Name, meant(d.Columns[0].Name, node.Schema().Names()))
	}
	w, err := b.window(ctx, f.Call.Pos, kind, node, at, d.Columns[0].Pos, named)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range data.PartitionBy {
		c, ok := e.(*ast.Column)
		if !ok {
			return nil, nil, diag.At(e.Position(), "PARTITION BY of %s takes columns", kind)
		}
		v, err := scopeOf("", node.Schema()).find(c)
		if err != nil {
			return nil, nil, err
		}
		if columnOf(v) < 0 {
			return nil, nil, diag.At(e.Position(), "PARTITION BY of %s takes columns", kind)
		}
		w.Spec.Partition = append(w.Spec.Partition, columnOf(v))
	}
	return aliased(w, scopeOf("", w.Schema()), f.Alias)
}

// windowArguments gives the arguments their names.
func windowArguments(c *ast.Call, kind logical.WindowKind) (map[string]ast.Expr, error) {
	names := windowArgs[kind]
	out := map[string]ast.Expr{}
	for i, a := range c.Args {
		name, e := "", a
		if n, ok := a.(*ast.NamedArg); ok {
			name, e = strings.ToUpper(n.Name), n.Value
			if !slices.Contains(names, name) {
				return nil, diag.At(n.Pos, "%s has no argument %s%s", kind, n.Name, meant(name, names))
			}
		} else if i < len(names) {
			name = names[i]
		} else {
			return nil, diag.At(a.Position(), "%s takes at most %d arguments: %s", kind, len(names), strings.Join(names, ", "))
		}
		if out[name] != nil {
			return nil, diag.At(a.Position(), "argument %s of %s is given twice", name, kind)
		}
		out[name] = e
	}
	return out, nil
}

func (b *Binder) tableArg(ctx context.Context, a *ast.TableArg, env *ctes) (logical.Node, error) {
	if a.Query != nil {
		return b.query(ctx, a.Query, env)
	}
	node, _, err := b.table(ctx, a.Table, env)
	return node, err
}

// window checks the arguments and builds the node, which appends window_start,
// window_end and window_time.
func (b *Binder) window(ctx context.Context, pos ast.Pos, kind logical.WindowKind, in logical.Node, column int, columnPos ast.Pos, named map[string]ast.Expr) (*logical.Window, error) {
	spec := logical.WindowSpec{Kind: kind, Time: column, Processing: in.Schema()[column].Time == logical.Proctime}
	size := "SIZE"
	if kind == logical.Session {
		size = "GAP"
	}
	var err error
	if spec.Size, err = b.span(ctx, pos, kind, size, named); err != nil {
		return nil, err
	}
	spec.Slide = spec.Size
	if kind == logical.Hop {
		if spec.Slide, err = b.span(ctx, pos, kind, "SLIDE", named); err != nil {
			return nil, err
		}
	}
	if kind == logical.Cumulate {
		if spec.Slide, err = b.span(ctx, pos, kind, "STEP", named); err != nil {
			return nil, err
		}
		if spec.Size%spec.Slide != 0 {
			return nil, diag.At(pos, "the SIZE of CUMULATE must be a multiple of its STEP")
		}
	}
	if named["OFFSET"] != nil {
		if spec.Offset, err = b.millis(ctx, named["OFFSET"], "OFFSET"); err != nil {
			return nil, err
		}
	}
	c := in.Schema()[column]
	if err := b.checkTime(columnPos, kind, c); err != nil {
		return nil, err
	}
	bound := datatype.TimestampOf(3).WithNull(false)
	at := datatype.Type{Kind: c.Type.Kind, Precision: 3, NotNull: true}
	w := &logical.Window{Input: in, Spec: spec, Output: slices.Clone(in.Schema())}
	if !spec.Processing {
		if w.Late, err = b.lateRows(ctx, pos, in); err != nil {
			return nil, err
		}
	}
	w.Output = append(w.Output,
		logical.Column{Name: "window_start", Type: bound},
		logical.Column{Name: "window_end", Type: bound},
		logical.Column{Name: "window_time", Type: at, Time: spec.TimeKind()})
	return w, nil
}

// checkTime refuses a column over which windows cannot be built.
func (b *Binder) checkTime(pos ast.Pos, kind logical.WindowKind, c logical.Column) error {
	if !c.Type.IsTimestamp() {
		return diag.At(pos, "%s needs a TIMESTAMP or TIMESTAMP_LTZ column, %q is of type %s", kind, c.Name, c.Type.Text())
	}
	if !b.Batch && c.Time == logical.NoTime {
		return diag.At(pos, "%s needs a time attribute in streaming mode, but %q is a plain %s; declare WATERMARK FOR it in its table, or SET 'execution.runtime-mode' = 'batch'", kind, c.Name, c.Type.Text())
	}
	return nil
}

// span is a length of time above zero.
func (b *Binder) span(ctx context.Context, pos ast.Pos, kind logical.WindowKind, name string, named map[string]ast.Expr) (int64, error) {
	e := named[name]
	if e == nil {
		return 0, diag.At(pos, "%s needs its argument %s, such as INTERVAL '10' SECOND", kind, name)
	}
	ms, err := b.millis(ctx, e, name)
	if err == nil && ms <= 0 {
		err = diag.At(e.Position(), "%s of a window must be more than zero", name)
	}
	return ms, err
}

// millis is a constant interval.
func (b *Binder) millis(ctx context.Context, e ast.Expr, name string) (int64, error) {
	x := &exprs{b: b, ctx: ctx, scope: &scope{}}
	v, err := x.bind(e)
	if err != nil {
		return 0, err
	}
	l, ok := v.Expr.(*expr.Literal)
	ms, ok := value[int64](l, ok)
	if !ok || v.Type.Kind != datatype.IntervalMillis {
		return 0, diag.At(e.Position(), "%s of a window is a constant interval of days to seconds, such as INTERVAL '10' SECOND", name)
	}
	return ms, nil
}

// groupWindow binds TUMBLE(ts, INTERVAL '1' HOUR) in GROUP BY.
func (b *Binder) groupWindow(ctx context.Context, c *ast.Call, node logical.Node, sc *scope) (*logical.Window, *scope, error) {
	kind := groupWindows[strings.ToUpper(c.Name.Last())]
	if kind == logical.Cumulate {
		return nil, nil, diag.At(c.Pos, "CUMULATE is a table function only: FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(ts), …)) GROUP BY window_start, window_end")
	}
	names := windowArgs[kind][1:]
	if len(c.Args) < 2 || len(c.Args) > len(names) {
		return nil, nil, diag.At(c.Pos, "%s in GROUP BY takes a time column and its sizes", kind)
	}
	x := &exprs{b: b, ctx: ctx, scope: sc}
	v, err := x.bind(c.Args[0])
	if err != nil {
		return nil, nil, err
	}
	col, ok := v.Expr.(*expr.Column)
	if !ok {
		return nil, nil, diag.At(c.Args[0].Position(), "%s in GROUP BY takes a column", kind)
	}
	named := map[string]ast.Expr{}
	for i, a := range c.Args[1:] {
		named[names[i+1]] = a
	}
	w, err := b.window(ctx, c.Pos, kind, node, col.Index, c.Args[0].Position(), named)
	if err != nil {
		return nil, nil, err
	}
	w.Spec.Grouped, w.Spec.Emits = true, b.Emits && w.Spec.Kind != logical.Session
	out := &scope{columns: slices.Clone(sc.columns)}
	for _, added := range w.Output[len(sc.columns):] {
		out.columns = append(out.columns, scopeColumn{Column: added})
	}
	return w, out, nil
}
