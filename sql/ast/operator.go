package ast

// UnaryOp is a prefix operator.
type UnaryOp uint8

// The prefix operators.
const (
	Not   UnaryOp = iota + 1 // NOT x
	Minus                    // -x
	Plus                     // +x
)

func (op UnaryOp) String() string {
	return [...]string{"", "NOT", "-", "+"}[op]
}

// BinaryOp is an infix operator.
type BinaryOp uint8

// The infix operators, from the loosest to the tightest.
const (
	Or BinaryOp = iota + 1
	And

	Eq // =
	Ne // <> and !=
	Lt
	Le
	Gt
	Ge
	MemberOf      // x MEMBER OF multiset
	SubmultisetOf // multiset SUBMULTISET OF multiset
	Overlaps      // (start, end) OVERLAPS (start, end)
	Contains      // period CONTAINS period or time; the others are likewise
	Precedes
	Succeeds
	ImmediatelyPrecedes
	ImmediatelySucceeds
	PeriodEquals // period EQUALS period

	Add
	Sub
	Concat // ||
	Mul
	Div
	Mod // %

	MultisetUnion // multiset MULTISET UNION multiset; the others are likewise
	MultisetUnionDistinct
	MultisetIntersect
	MultisetIntersectDistinct
	MultisetExcept
	MultisetExceptDistinct
)

var binaryOps = [...]string{
	Or: "OR", And: "AND",
	Eq: "=", Ne: "<>", Lt: "<", Le: "<=", Gt: ">", Ge: ">=",
	MemberOf: "MEMBER OF", SubmultisetOf: "SUBMULTISET OF",
	Overlaps: "OVERLAPS", Contains: "CONTAINS", Precedes: "PRECEDES", Succeeds: "SUCCEEDS",
	ImmediatelyPrecedes: "IMMEDIATELY PRECEDES", ImmediatelySucceeds: "IMMEDIATELY SUCCEEDS",
	PeriodEquals: "EQUALS",
	Concat:       "||", Add: "+", Sub: "-", Mul: "*", Div: "/", Mod: "%",
	MultisetUnion: "MULTISET UNION ALL", MultisetUnionDistinct: "MULTISET UNION DISTINCT",
	MultisetIntersect: "MULTISET INTERSECT ALL", MultisetIntersectDistinct: "MULTISET INTERSECT DISTINCT",
	MultisetExcept: "MULTISET EXCEPT ALL", MultisetExceptDistinct: "MULTISET EXCEPT DISTINCT",
}

func (op BinaryOp) String() string { return binaryOps[op] }

// IsComparison reports whether op is one of = <> < <= > >=.
func (op BinaryOp) IsComparison() bool { return op >= Eq && op <= Ge }

// The strengths with which operators hold their operands. The parser and the
// printer use the same ones, so what one writes the other reads.
//
//	OR < AND < NOT < IS < comparison < BETWEEN, IN, LIKE < + - < * / % || < MULTISET … < unary sign < postfix
//
// That || holds as * does is Calcite's choice, and so Flink's.
const (
	BindLowest = iota
	BindOr
	BindAnd
	BindNot
	BindIs
	BindCompare
	BindPredicate
	BindAdd
	BindMul
	BindMultiset
	BindSign
	BindPostfix
)

// Binding is the strength with which op holds its operands: one of the Bind constants.
// Operators of one strength associate to the left.
func (op BinaryOp) Binding() int {
	switch {
	case op == Or:
		return BindOr
	case op == And:
		return BindAnd
	case op <= PeriodEquals:
		return BindCompare
	case op == Add || op == Sub:
		return BindAdd
	case op <= Mod:
		return BindMul
	}
	return BindMultiset
}
