package ast

// TableRef is what FROM reads.
//
//sumtype:decl
type TableRef interface {
	Node
	tableRef()
}

// Alias is AS t (a, b). Name is "" if there is none.
type Alias struct {
	Pos
	Name    string
	Columns []Ident
}

// Table is a table by name.
type Table struct {
	Pos
	Name   Name
	Hints  []Hint
	AsOf   Expr // FOR SYSTEM_TIME AS OF, nil if not given
	Sample *Sample
	Alias  Alias
}

// Sample is TABLESAMPLE BERNOULLI|SYSTEM (percent) [REPEATABLE (seed)].
type Sample struct {
	Pos
	System     bool
	Percent    Expr
	Repeatable Expr // nil if not given
}

// Derived is a query in FROM.
type Derived struct {
	Pos
	Lateral bool
	Query   Query
	Sample  *Sample
	Alias   Alias
}

// TableFunc is a table function in FROM: TABLE(f(…)), LATERAL TABLE(f(…)), or f(…) alone.
type TableFunc struct {
	Pos
	Lateral bool
	Wrapped bool // written with TABLE( … )
	Call    *Call
	Hints   []Hint
	Sample  *Sample
	Alias   Alias
}

// Unnest is UNNEST(arrays) [WITH ORDINALITY].
type Unnest struct {
	Pos
	Lateral    bool
	Args       []Expr
	Ordinality bool
	Alias      Alias
}

// JoinKind is the kind of a Join.
type JoinKind uint8

// The kinds of joins.
const (
	InnerJoin JoinKind = iota + 1
	LeftJoin
	RightJoin
	FullJoin
	CrossJoin
	CommaJoin    // a, b
	AsofJoin     // Match may be set
	LeftAsofJoin // Match may be set
	SemiJoin     // LEFT SEMI JOIN
	AntiJoin     // LEFT ANTI JOIN
)

func (k JoinKind) String() string {
	return [...]string{
		"", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ",",
		"ASOF JOIN", "LEFT ASOF JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN",
	}[k]
}

// Join combines two inputs. At most one of On and Using is set.
// Its position is that of the keyword or comma.
type Join struct {
	Pos
	Kind    JoinKind
	Natural bool
	Left    TableRef
	Right   TableRef
	Match   Expr // MATCH_CONDITION of the ASOF joins
	On      Expr
	Using   []Ident
}

// MatchRecognize finds patterns in the rows of its input.
type MatchRecognize struct {
	Pos
	Input        TableRef
	PartitionBy  []Expr
	OrderBy      []OrderItem
	Measures     []SelectItem
	AllRows      bool // ALL ROWS PER MATCH; otherwise ONE ROW PER MATCH
	RowsPerMatch bool // the clause was written
	After        AfterMatch
	AnchorStart  bool // PATTERN (^ …)
	AnchorEnd    bool // PATTERN (… $)
	Pattern      Pattern
	Within       Expr // an interval; nil if not given
	Subsets      []Subset
	Define       []Definition
	Alias        Alias
}

// AfterMatchKind is where matching goes on.
type AfterMatchKind uint8

// The places where matching goes on.
const (
	AfterMatchUnset AfterMatchKind = iota
	SkipPastLastRow
	SkipToNextRow
	SkipToFirst // AfterMatch.Variable
	SkipToLast  // AfterMatch.Variable
)

// AfterMatch is AFTER MATCH SKIP ….
type AfterMatch struct {
	Kind     AfterMatchKind
	Variable string
}

// Subset is U = (A, B): a union of pattern variables.
type Subset struct {
	Ident
	Variables []Ident
}

// Definition is A AS condition.
type Definition struct {
	Ident
	Cond Expr
}

// Pattern is a row pattern, a regular expression over pattern variables.
//
//sumtype:decl
type Pattern interface {
	Node
	pattern()
}

// PatternVar is one variable.
type PatternVar struct {
	Pos
	Name string
}

// PatternConcat is A B C.
type PatternConcat struct {
	Pos
	Parts []Pattern
}

// PatternAlt is A | B.
type PatternAlt struct {
	Pos
	Parts []Pattern
}

// PatternPermute is PERMUTE(A, B).
type PatternPermute struct {
	Pos
	Parts []Pattern
}

// PatternExclude is {- A -}: matched, but not in the output.
type PatternExclude struct {
	Pos
	X Pattern
}

// PatternRepeat is A{2,3}, A*, A+, A?, each followed by ? when reluctant.
type PatternRepeat struct {
	Pos
	X         Pattern
	Min       int
	Max       int // -1 = no limit
	Reluctant bool
}

func (*Table) tableRef()          {}
func (*Derived) tableRef()        {}
func (*TableFunc) tableRef()      {}
func (*Unnest) tableRef()         {}
func (*Join) tableRef()           {}
func (*MatchRecognize) tableRef() {}

func (*PatternVar) pattern()     {}
func (*PatternConcat) pattern()  {}
func (*PatternAlt) pattern()     {}
func (*PatternPermute) pattern() {}
func (*PatternExclude) pattern() {}
func (*PatternRepeat) pattern()  {}
