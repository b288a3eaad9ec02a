// Package logical is the plan of a query between the text and the job graph: a
// tree of relational nodes whose expressions are bound and typed.
//
// The binder builds it, the optimizer rewrites it, and lowering turns it into
// a job.Graph. Nodes are immutable once built: a rewrite makes new ones.
package logical

import (
	"slices"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// TimeKind says whether a column is a time attribute.
type TimeKind uint8

// The kinds of time attributes.
const (
	NoTime   TimeKind = iota
	Rowtime           // event time: the column that the watermark is about
	Proctime          // processing time
)

// Column is one column of a node's result.
type Column struct {
	Name string
	Type datatype.Type
	Time TimeKind
}

// Schema is the columns of a node's result.
type Schema []Column

// Index is the position of the first column with this name, or -1.
func (s Schema) Index(name string) int {
	return slices.IndexFunc(s, func(c Column) bool { return c.Name == name })
}

// Ref is a reference to column i.
func (s Schema) Ref(i int) *expr.Column {
	return &expr.Column{Index: i, Name: s[i].Name, Of: s[i].Type.Arrow()}
}

// Refs refers to every column.
func (s Schema) Refs() []expr.Expr {
	out := make([]expr.Expr, len(s))
	for i := range s {
		out[i] = s.Ref(i)
	}
	return out
}

// Names lists the columns' names.
func (s Schema) Names() []string {
	out := make([]string, len(s))
	for i, c := range s {
		out[i] = c.Name
	}
	return out
}

// Node is one step of a plan. The set is closed: *Scan, *Values, *Project,
// *Filter, *Watermark, *Window, *Unnest, *Expand, *Changelog, *Aggregate,
// *WindowAggregate, *Join, *Union, *Sort, *Over, *Rank, *Match, *Sink.
//
//sumtype:decl
type Node interface {
	Schema() Schema
	Inputs() []Node
	// With returns a copy of the node over other inputs with the same schemas.
	With(inputs []Node) Node
	node()
}

// Scan reads a table: its physical columns, or some of them.
type Scan struct {
	Table job.Table
	// Columns are the paths that are read, nil for all of the table's
	// columns; see ops.Scan.
	Columns [][]string
	Filter  expr.Expr // a hint over the columns, or nil
	Limit   int64     // how many rows suffice, or 0
	// Watermark gives the watermark that a row implies, over the columns, or
	// is nil.
	Watermark expr.Expr
	// Errors is where rows go that cannot be read, or nil: Exprs are over
	// ops.Letters.
	Errors *Side
	// Again is after how many milliseconds the table is read again, when rows are
	// looked up in it; 0 is never.
	Again int64
	// Lookup says how the table may be asked for rows by key, when rows are looked
	// up in it; nil is not at all.
	Lookup *Lookup
	Output Schema
}

// Lookup is how a table is asked for rows by key.
type Lookup struct {
	Cache   *ops.LookupCache // nil is none
	Retries int
}

// Side is a table into which a node writes rows that are not part of its
// result: its columns, computed over those rows.
type Side struct {
	Table  job.Table
	Cond   expr.Expr // of the rows that are written, or nil for all
	Exprs  []expr.Expr
	Output Schema
	// Rejects is nil when the columns are written into Table.
	Rejects *Rejects
}

// Rejects says that rows, which have the columns of a side, are not written as they
// are.
type Rejects struct {
	Of      string // the table of the rows
	Letters *Side  // where their dead letters go: Exprs are over ops.Letters; nil fails the job
}

// Values is rows of constants. Each row has one expression per column, without
// references to columns.
type Values struct {
	Rows   [][]expr.Expr
	Output Schema
}

// Project computes columns.
type Project struct {
	Input  Node
	Exprs  []expr.Expr
	Output Schema
}

// Filter keeps the rows for which Cond is true.
type Filter struct {
	Input Node
	Cond  expr.Expr
}

// Watermark declares a column as event time. Expr gives the watermark that a
// row implies, over the columns of Input.
type Watermark struct {
	Input  Node
	Column int
	Expr   expr.Expr
	// Late says what becomes of rows that come too late for a window.
	Late Late
}

// Late says what becomes of the rows of a table that come too late for a window.
type Late struct {
	Policy LatePolicy
	Table  string    // that receives them, or their dead letters
	Of     job.Ident // the table
}

// LatePolicy is what becomes of late rows, which are counted in any case.
type LatePolicy uint8

// The policies.
const (
	LateSkipped LatePolicy = iota // nothing
	LateKept                      // a table receives them
	LateFails                     // they fail the job
	LateLetters                   // they are dead letters
)

// WindowKind is the shape of windows.
type WindowKind uint8

// The shapes of windows.
const (
	Tumble WindowKind = iota + 1
	Hop
	Cumulate
	Session
)

func (k WindowKind) String() string {
	return [...]string{"", "TUMBLE", "HOP", "CUMULATE", "SESSION"}[k]
}

// WindowSpec says which windows a row belongs to, by its column Time.
type WindowSpec struct {
	Kind   WindowKind
	Time   int   // column of the input
	Size   int64 // milliseconds, as all of these
	Slide  int64 // of HOP and CUMULATE; equal to Size for TUMBLE and SESSION
	Offset int64
	// Partition are the columns that have sessions of their own, of a Window
	// of kind Session, whose Size is the gap.
	Partition []int
	// Processing says that Time is of processing time.
	Processing bool
	// Grouped says that the window stands in GROUP BY, where also a batch
	// refuses rows without a time.
	Grouped bool
	// Emits says that its results may be given more than once, and behind its end.
	Emits bool
}

// TimeKind is what the windows' time is: event time or processing time.
func (w WindowSpec) TimeKind() TimeKind {
	if w.Processing {
		return Proctime
	}
	return Rowtime
}

// Window is a window table function: it appends window_start, window_end and
// window_time to its input's columns and repeats a row for each window it is
// in.
type Window struct {
	Input  Node
	Spec   WindowSpec
	Late   *Side // where late rows go, over the columns of Input, or nil
	Output Schema
}

// AggCall is one aggregate.
type AggCall struct {
	Func     string
	Args     []int // columns of the input
	Distinct bool
	Filter   int // BOOLEAN column of the input, or -1
	// KeepNulls says that NULL is a value like others.
	KeepNulls bool
	Separator string // of LISTAGG
	// Order is how the values stand; the column of a key is a place in Args.
	Order []SortKey
	Type  datatype.Type
	// User is what a function of the user cannot do, or nil.
	User *UserAgg
	// Text is the call as the query has it, for plans.
	Text string
}

// UserAgg is what is to be known of an aggregate function of the user.
type UserAgg struct {
	Name string
	// NoRetract says that rows cannot be taken away again, NoMerge that two
	// parts of a group cannot be put together.
	NoRetract, NoMerge bool
	Pos                ast.Pos // of the call
}

// Aggregate groups by columns of its input. Its result is the keys, then the
// aggregates. Without aggregates it is DISTINCT.
type Aggregate struct {
	Input  Node
	Keys   []int
	Aggs   []AggCall
	TTL    TTL // of its state
	Output Schema
}

// WindowProperty is something about a window that a WindowAggregate gives.
type WindowProperty uint8

// The properties of windows.
const (
	WindowStart WindowProperty = iota
	WindowEnd
	WindowTime
)

func (p WindowProperty) String() string { return [...]string{"start", "end", "rowtime"}[p] }

// Column is the name of the column that has the property.
func (p WindowProperty) Column() string {
	return [...]string{"window_start", "window_end", "window_time"}[p]
}

// WindowAggregate groups by keys and window. Its result is the keys, the
// aggregates, then the properties.
type WindowAggregate struct {
	Input      Node
	Spec       WindowSpec
	Keys       []int
	Aggs       []AggCall
	Properties []WindowProperty
	Late       *Side // where late rows go, over the columns of Input, or nil
	Output     Schema
}

// Union is the rows of all inputs, which have the same columns.
type Union struct {
	In     []Node
	Output Schema
}

// SortKey is one key of an order.
type SortKey struct {
	Column     int
	Desc       bool
	NullsFirst bool
}

// Sort orders its input and cuts it: Limit rows (-1 for all) after Offset. With
// no keys it only cuts.
type Sort struct {
	Input  Node
	Keys   []SortKey
	Offset int64
	Limit  int64
}

// Sink writes its input into a table. It has no result.
type Sink struct {
	Input Node
	Table job.Table
	// Name is how plans and messages call the table.
	Name string
	// OnConflict is ON CONFLICT DO DEDUPLICATE: of rows that meet in a primary key,
	// the last counts.
	OnConflict bool
}

// Schema implements Node.
func (n *Scan) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Values) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Project) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Filter) Schema() Schema { return n.Input.Schema() }

// Schema implements Node.
func (n *Window) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Aggregate) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *WindowAggregate) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Union) Schema() Schema { return n.Output }

// Schema implements Node.
func (n *Sort) Schema() Schema { return n.Input.Schema() }

// Schema implements Node.
func (n *Sink) Schema() Schema { return n.Input.Schema() }

// Schema is the input's, with the column marked as event time.
func (n *Watermark) Schema() Schema {
	s := slices.Clone(n.Input.Schema())
	s[n.Column].Time = Rowtime
	return s
}

// Inputs implements Node.
func (n *Scan) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Values) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Watermark) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Aggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *WindowAggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Union) Inputs() []Node { return n.In }

// Inputs implements Node.
func (n *Sort) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Sink) Inputs() []Node { return []Node{n.Input} }

// With implements Node.
func (n *Scan) With([]Node) Node { return n }

// With implements Node.
func (n *Values) With([]Node) Node { return n }

// With implements Node.
func (n *Project) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Filter) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Watermark) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Window) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Aggregate) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *WindowAggregate) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Union) With(in []Node) Node { c := *n; c.In = in; return &c }

// With implements Node.
func (n *Sort) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Sink) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

func (*Scan) node()            {}
func (*Values) node()          {}
func (*Project) node()         {}
func (*Filter) node()          {}
func (*Watermark) node()       {}
func (*Window) node()          {}
func (*Aggregate) node()       {}
func (*WindowAggregate) node() {}
func (*Union) node()           {}
func (*Sort) node()            {}
func (*Sink) node()            {}
