package ast

// Expr is an expression, or what may stand in its place in some clause: a star,
// a named argument, a table as argument, DEFAULT.
//
//sumtype:decl
type Expr interface {
	Node
	expr()
}

// Column is a possibly dotted reference: a column, a column of a table, a field
// of a column. Which part is what is decided when it is bound.
type Column struct {
	Pos
	Parts []string
}

// Col makes a reference from its parts.
func Col(parts ...string) *Column { return &Column{Parts: parts} }

// Star is * or t.*: all columns, in a select list or as the argument of COUNT.
type Star struct {
	Pos
	Qualifier []string // nil for a bare *
}

// Null is the literal NULL.
type Null struct{ Pos }

// Default is DEFAULT in place of a value or an argument.
type Default struct{ Pos }

// Bool is TRUE, FALSE or, with Unknown set, UNKNOWN.
type Bool struct {
	Pos
	Value   bool
	Unknown bool
}

// Number is an unsigned numeric literal, as written: 1, 1.50 (an exact decimal),
// 1e3 (a double). A sign is a Unary around it.
type Number struct {
	Pos
	Text string
}

// Text is a character literal: 'it”s', or U&'\0041' and _UTF16'a' decoded.
type Text struct {
	Pos
	Value string
}

// Bytes is a binary literal: x'CAFE'.
type Bytes struct {
	Pos
	Value []byte
}

// TemporalKind says which literal a Temporal is.
type TemporalKind uint8

// The literals of date and time.
const (
	DateLiteral         TemporalKind = iota + 1 // DATE '2020-01-02'
	TimeLiteral                                 // TIME '10:11:12'
	TimestampLiteral                            // TIMESTAMP '2020-01-02 10:11:12.345'
	TimestampLTZLiteral                         // TIMESTAMP WITH LOCAL TIME ZONE '…'
)

func (k TemporalKind) String() string {
	return [...]string{"", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH LOCAL TIME ZONE"}[k]
}

// Temporal is a typed literal of date or time. Its text is not validated here.
type Temporal struct {
	Pos
	Kind  TemporalKind
	Value string
}

// Interval is INTERVAL '1-2' YEAR TO MONTH or, when Value is not a Text,
// an expression counted in a unit: INTERVAL (n + 1) DAY.
type Interval struct {
	Pos
	Negative bool // INTERVAL -'1' DAY
	Value    Expr
	Unit     IntervalUnit
}

// IntervalUnit is the qualifier of an interval: DAY(3) TO SECOND(6).
type IntervalUnit struct {
	From      Unit
	To        Unit // "" if From stands alone
	Precision int  // of From, 0 = not given
	Fraction  int  // digits of SECOND, -1 = not given
}

// Unit is a unit of time in capitals.
type Unit string

// The units of intervals, EXTRACT, FLOOR … TO, TIMESTAMPADD and TIMESTAMPDIFF.
const (
	Nanosecond  Unit = "NANOSECOND"
	Microsecond Unit = "MICROSECOND"
	Millisecond Unit = "MILLISECOND"
	Second      Unit = "SECOND"
	Minute      Unit = "MINUTE"
	Hour        Unit = "HOUR"
	Day         Unit = "DAY"
	DayOfWeek   Unit = "DOW"
	ISODow      Unit = "ISODOW"
	DayOfYear   Unit = "DOY"
	Week        Unit = "WEEK"
	Month       Unit = "MONTH"
	Quarter     Unit = "QUARTER"
	Year        Unit = "YEAR"
	ISOYear     Unit = "ISOYEAR"
	Epoch       Unit = "EPOCH"
	Decade      Unit = "DECADE"
	Century     Unit = "CENTURY"
	Millennium  Unit = "MILLENNIUM"
)

// Unary is a prefix operator and its operand.
type Unary struct {
	Pos
	Op UnaryOp
	X  Expr
}

// Binary is an infix operator and its operands. Its position is the operator's.
type Binary struct {
	Pos
	Op    BinaryOp
	Left  Expr
	Right Expr
}

// IsWhat is what IS asks for.
type IsWhat uint8

// The questions of IS.
const (
	IsNull IsWhat = iota + 1
	IsTrue
	IsFalse
	IsUnknown
	IsDistinctFrom // uses Is.Other
	IsASet
	IsEmpty
	IsJSON // IS JSON VALUE is the same
	IsJSONObject
	IsJSONArray
	IsJSONScalar
)

func (w IsWhat) String() string {
	return [...]string{
		"", "NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT FROM", "A SET", "EMPTY",
		"JSON", "JSON OBJECT", "JSON ARRAY", "JSON SCALAR",
	}[w]
}

// Is is X IS [NOT] NULL and its relatives.
type Is struct {
	Pos
	X     Expr
	Not   bool
	What  IsWhat
	Other Expr // the right side of IsDistinctFrom
}

// Between is X [NOT] BETWEEN [SYMMETRIC] Low AND High.
type Between struct {
	Pos
	X         Expr
	Not       bool
	Symmetric bool
	Low       Expr
	High      Expr
}

// In is X [NOT] IN (list) or X [NOT] IN (query): one of List and Query is set.
type In struct {
	Pos
	X     Expr
	Not   bool
	List  []Expr
	Query Query
}

// LikeKind is the language of a Like's pattern.
type LikeKind uint8

// The languages of patterns.
const (
	LikePattern      LikeKind = iota + 1 // LIKE
	ILikePattern                         // ILIKE: ignores case
	SimilarToPattern                     // SIMILAR TO
	RLikePattern                         // RLIKE: a regular expression
)

func (k LikeKind) String() string {
	return [...]string{"", "LIKE", "ILIKE", "SIMILAR TO", "RLIKE"}[k]
}

// Like is X [NOT] LIKE Pattern [ESCAPE Escape].
type Like struct {
	Pos
	Kind    LikeKind
	X       Expr
	Not     bool
	Pattern Expr
	Escape  Expr // nil if not given
}

// Quantified is X op ANY|ALL (…): one of List and Query is set. SOME is ANY.
type Quantified struct {
	Pos
	X     Expr
	Op    BinaryOp // a comparison
	All   bool
	List  []Expr
	Query Query
}

// Exists is EXISTS (query).
type Exists struct {
	Pos
	Query Query
}

// Unique is UNIQUE (query).
type Unique struct {
	Pos
	Query Query
}

// Subquery is a query used as a value.
type Subquery struct {
	Pos
	Query Query
}

// Case is CASE [Operand] WHEN … THEN … [ELSE …] END.
type Case struct {
	Pos
	Operand Expr // nil in a searched CASE
	Whens   []When
	Else    Expr // nil if not given
}

// When is one branch of a Case. A CASE with an operand may list several values in one branch.
type When struct {
	Conds []Expr
	Then  Expr
}

// Cast is CAST(X AS Type) or TRY_CAST, which gives NULL where CAST would fail.
type Cast struct {
	Pos
	X    Expr
	Type *DataType
	Try  bool
}

// Call is a call of a scalar, aggregate, window or table function. The functions
// with keywords between their arguments are Calls too, their arguments in this order:
//
//	EXTRACT(unit FROM x)                  Symbol unit, x
//	FLOOR(x TO unit), CEIL(x TO unit)     x, Symbol unit
//	TIMESTAMPADD(unit, n, t), …DIFF       Symbol unit, n, t
//	TRIM(BOTH 'a' FROM x)                 Symbol BOTH, 'a', x; plain TRIM(x) keeps one argument
//	SUBSTRING(x FROM a FOR b)             x, a, b
//	POSITION(a IN x FROM n)               a, x, n
//	OVERLAY(x PLACING y FROM a FOR b)     x, y, a, b
type Call struct {
	Pos
	Name      Name
	Args      []Expr
	Bare      bool // written without parentheses: CURRENT_TIMESTAMP
	Distinct  bool
	Nulls     NullTreatment
	OrderBy   []OrderItem // inside the parentheses
	Within    []OrderItem // WITHIN GROUP (ORDER BY …)
	Filter    Expr        // FILTER (WHERE …)
	Over      *Window
	Semantics MatchSemantics // RUNNING or FINAL, in MATCH_RECOGNIZE
}

// Fn makes a plain call.
func Fn(name string, args ...Expr) *Call { return &Call{Name: NewName(name), Args: args} }

// NullTreatment is IGNORE NULLS or RESPECT NULLS.
type NullTreatment uint8

// The treatments of NULL by FIRST_VALUE, LAG and their like.
const (
	DefaultNulls NullTreatment = iota
	RespectNulls
	IgnoreNulls
)

// MatchSemantics is the prefix of an aggregate in MATCH_RECOGNIZE.
type MatchSemantics uint8

// The semantics of measures: over the match so far, or over the whole match.
const (
	DefaultSemantics MatchSemantics = iota
	RunningSemantics
	FinalSemantics
)

// Symbol is a keyword in place of an argument: a unit of time, BOTH, LEADING, TRAILING.
type Symbol struct {
	Pos
	Keyword string // in capitals
}

// NamedArg is name => value among a call's arguments.
type NamedArg struct {
	Pos
	Name  string
	Value Expr
}

// TableArg is a table as argument of a table function:
// TABLE t PARTITION BY (k) ORDER BY (x), or (query) PARTITION BY k. One of Table and Query is set.
type TableArg struct {
	Pos
	Table       *Table
	Query       Query
	PartitionBy []Expr
	OrderBy     []OrderItem
}

// ModelArg is MODEL m as argument of a table function.
type ModelArg struct {
	Pos
	Name Name
}

// Descriptor is DESCRIPTOR(a, b), a list of column names (with types, when a
// function declares new columns).
type Descriptor struct {
	Pos
	Columns []DescriptorColumn
}

// DescriptorColumn is one column of a Descriptor.
type DescriptorColumn struct {
	Ident
	Type *DataType // nil if not given
}

// Row is ROW(a, b), or (a, b) when Explicit is false: the row of an IN list, of VALUES, of GROUP BY.
type Row struct {
	Pos
	Explicit bool
	Elems    []Expr
}

// Array is ARRAY[a, b] or ARRAY(query).
type Array struct {
	Pos
	Elems []Expr
	Query Query
}

// Map is MAP[k1, v1, k2, v2] (Entries has both, in turn) or MAP(query).
type Map struct {
	Pos
	Entries []Expr
	Query   Query
}

// Multiset is MULTISET[a, b] or MULTISET(query).
type Multiset struct {
	Pos
	Elems []Expr
	Query Query
}

// Item is X[Index]: an element of an array (from 1) or the value of a map's key.
type Item struct {
	Pos
	X     Expr
	Index Expr
}

// Field is X.Name, where X is not a plain dotted reference: f(a).b, t[1].b, (a.b).c.
// Name is "*" for X.*, all fields of a row.
type Field struct {
	Pos
	X    Expr
	Name string
}

// GroupingKind is what a Grouping does with its items.
type GroupingKind uint8

// The kinds of multiple grouping.
const (
	GroupingSets GroupingKind = iota + 1
	Cube
	Rollup
)

func (k GroupingKind) String() string {
	return [...]string{"", "GROUPING SETS", "CUBE", "ROLLUP"}[k]
}

// Grouping is an item of GROUP BY: GROUPING SETS ((a, b), a, ()), CUBE (…), ROLLUP (…).
// A set of several columns is a Row, the empty set a Row without elements;
// items of GROUPING SETS may be Groupings.
type Grouping struct {
	Pos
	Kind  GroupingKind
	Items []Expr
}

func (*Column) expr()     {}
func (*Star) expr()       {}
func (*Null) expr()       {}
func (*Default) expr()    {}
func (*Bool) expr()       {}
func (*Number) expr()     {}
func (*Text) expr()       {}
func (*Bytes) expr()      {}
func (*Temporal) expr()   {}
func (*Interval) expr()   {}
func (*Unary) expr()      {}
func (*Binary) expr()     {}
func (*Is) expr()         {}
func (*Between) expr()    {}
func (*In) expr()         {}
func (*Like) expr()       {}
func (*Quantified) expr() {}
func (*Exists) expr()     {}
func (*Unique) expr()     {}
func (*Subquery) expr()   {}
func (*Case) expr()       {}
func (*Cast) expr()       {}
func (*Call) expr()       {}
func (*Symbol) expr()     {}
func (*NamedArg) expr()   {}
func (*TableArg) expr()   {}
func (*ModelArg) expr()   {}
func (*Descriptor) expr() {}
func (*Row) expr()        {}
func (*Array) expr()      {}
func (*Map) expr()        {}
func (*Multiset) expr()   {}
func (*Item) expr()       {}
func (*Field) expr()      {}
func (*Grouping) expr()   {}
func (*JSONValue) expr()  {}
func (*JSONQuery) expr()  {}
func (*JSONExists) expr() {}
func (*JSONObject) expr() {}
func (*JSONArray) expr()  {}
