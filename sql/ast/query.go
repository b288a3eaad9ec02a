package ast

// Query is what gives rows: SELECT, VALUES, set operations, and the wrappers
// WITH and ORDER BY … LIMIT. Every query is a statement.
//
//sumtype:decl
type Query interface {
	Statement
	query()
}

// With names queries for use in its body. The body is Ordered when an ORDER BY
// or LIMIT follows it without parentheses.
type With struct {
	Pos
	Recursive bool
	CTEs      []CTE
	Body      Query
}

// CTE is one named query of a With.
type CTE struct {
	Ident
	Columns []Ident // nil if not given
	Query   Query
}

// Ordered sorts and cuts the rows of its body. At least one of its clauses is set.
type Ordered struct {
	Pos
	Body    Query
	OrderBy []OrderItem
	Offset  Expr // nil if not given
	Limit   Expr // LIMIT n and FETCH FIRST n ROWS ONLY; nil if not given
}

// OrderItem is one key of an ORDER BY.
type OrderItem struct {
	Expr  Expr
	Desc  bool
	Nulls NullOrder
}

// NullOrder is NULLS FIRST, NULLS LAST, or neither.
type NullOrder uint8

// The orders of NULL. The default takes NULL as the lowest value.
const (
	NullsDefault NullOrder = iota
	NullsFirst
	NullsLast
)

// SetOpKind is the operation of a SetOp.
type SetOpKind uint8

// The set operations.
const (
	Union SetOpKind = iota + 1
	Intersect
	Except // MINUS is the same
)

func (k SetOpKind) String() string { return [...]string{"", "UNION", "INTERSECT", "EXCEPT"}[k] }

// SetOp combines the rows of two queries. INTERSECT holds tighter than the others.
type SetOp struct {
	Pos
	Op    SetOpKind
	All   bool
	Left  Query
	Right Query
}

// Values is VALUES (1, 'a'), (2, 'b'). A row of one column may be a bare expression;
// rows of more are Rows.
type Values struct {
	Pos
	Rows []Expr
}

// TableQuery is TABLE t, short for SELECT * FROM t.
type TableQuery struct {
	Pos
	Name Name
}

// Select is one SELECT with the clauses that belong to it.
type Select struct {
	Pos
	Hints    []Hint
	Distinct bool
	Items    []SelectItem
	From     TableRef // nil without FROM
	Where    Expr
	GroupBy  *GroupBy // nil without GROUP BY
	Having   Expr
	Windows  []NamedWindow
	Qualify  Expr
}

// SelectItem is one item of a select list; Alias is zero without AS.
type SelectItem struct {
	Expr  Expr
	Alias Ident
}

// GroupBy is GROUP BY with its items; see Grouping. GROUP BY () has one Row without elements.
type GroupBy struct {
	Pos
	Distinct bool
	Items    []Expr
}

// NamedWindow is one item of the WINDOW clause.
type NamedWindow struct {
	Ident
	Window Window
}

// Window is what follows OVER: a name (Base alone and Paren false), or a
// specification in parentheses that may begin with the name of another.
type Window struct {
	Pos
	Base        string // "" if none
	Named       bool   // OVER w, without parentheses
	PartitionBy []Expr
	OrderBy     []OrderItem
	Frame       *Frame // nil if not given
}

// FrameMode is the unit of a frame.
type FrameMode uint8

// The units of frames.
const (
	RowsFrame FrameMode = iota + 1
	RangeFrame
)

// Frame is ROWS|RANGE BETWEEN start AND end. ROWS n PRECEDING alone has a zero End.
type Frame struct {
	Pos
	Mode  FrameMode
	Start Bound
	End   Bound
}

// BoundKind is the kind of a Bound.
type BoundKind uint8

// The bounds of frames.
const (
	NoBound BoundKind = iota
	UnboundedPreceding
	Preceding // Bound.Offset
	CurrentRow
	Following // Bound.Offset
	UnboundedFollowing
)

// Bound is one end of a Frame.
type Bound struct {
	Kind   BoundKind
	Offset Expr
}

// Hint is one hint of /*+ … */: OPTIONS('k'='v'), LOOKUP('table'='t'), BROADCAST(t1, t2), STATE_TTL('t'='1d').
// One of Options and Args is set, or neither.
type Hint struct {
	Pos
	Name    string
	Options []Option
	Args    []HintArg
}

// HintArg is a bare argument of a Hint.
type HintArg struct {
	Text   string
	Quoted bool // a character literal; otherwise an identifier or number
}

func (*With) query()       {}
func (*Ordered) query()    {}
func (*SetOp) query()      {}
func (*Values) query()     {}
func (*TableQuery) query() {}
func (*Select) query()     {}

func (*With) statement()       {}
func (*Ordered) statement()    {}
func (*SetOp) statement()      {}
func (*Values) statement()     {}
func (*TableQuery) statement() {}
func (*Select) statement()     {}
