// Package expr holds typed expression trees and compiles them into kernel
// calls over whole batches.
//
// A tree is plain data with three kinds of nodes. Everything that computes is a
// Call: operators ("add", "eq", "and"), conditionals ("case", "coalesce"),
// conversions ("cast", "try_cast") and functions ("upper"). Types are decided
// by whoever builds the tree; Compile only looks for the kernel that takes
// these arguments to that result, and reports what it does not find. Arguments
// of numbers, times and literals of NULL are converted where that is plain.
//
// What happens to a batch: a Program opens a frame over it and asks every node
// for its rows (frame.go). A node evaluates its arguments, and its kernel runs
// over their arrays (rows.go has the shapes); AND, OR, CASE and COALESCE open
// smaller frames, so that only the rows that need an argument compute it. A
// Filter narrows a selection, condition by condition (filter.go).
//
// Meaning is Flink's: three-valued logic, integers that wrap around, decimals
// that round half up and become NULL when they overflow, casts by its rules. An
// error of a row names the innermost expression and the value.
//
//	family        file            family          file
//	logic, NULL   logic.go        strings         text.go, printf.go
//	choices       choice.go       LIKE, regexp    pattern.go
//	comparison    compare.go      digests, codecs digest.go
//	IN            in.go           times           timefn.go
//	arithmetic    arith.go        rows, arrays    collection.go
//	numbers       math.go         JSON            json.go
//	casts         cast*.go        new arrays      arraymake.go
package expr

import "github.com/apache/arrow-go/v18/arrow"

// Expr is a bound, typed expression. The set is closed: *Column, *Literal, *Call.
//
//sumtype:decl
type Expr interface {
	// Type is the Arrow type of the result.
	Type() arrow.DataType
	// String prints the expression as SQL, for plans.
	String() string
	expr()
}

// Column is a column of the input record.
type Column struct {
	Index int
	Name  string
	Of    arrow.DataType
}

// Literal is a constant: nil (a typed NULL), bool, int64 (every integer, date,
// time, timestamp and interval type, in the unit of the type), float64,
// string, []byte, or decimal128.Num.
type Literal struct {
	Value any
	Of    arrow.DataType
}

// Call applies a function to arguments.
type Call struct {
	Func string
	Args []Expr
	Of   arrow.DataType
	// At is where a call of a function of the user stands in the query, for its
	// errors, or "".
	At string
}

// With is the same call of other arguments.
func (e *Call) With(args []Expr) *Call {
	c := *e
	c.Args = args
	return &c
}

// Type is the column's type.
func (e *Column) Type() arrow.DataType { return e.Of }

// Type is the type that the literal was given.
func (e *Literal) Type() arrow.DataType { return e.Of }

// Type is the type of the result.
func (e *Call) Type() arrow.DataType { return e.Of }

func (*Column) expr()  {}
func (*Literal) expr() {}
func (*Call) expr()    {}
