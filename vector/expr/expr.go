// Package expr holds typed expression trees and compiles them into kernel
// calls over whole batches.
//
// A tree is plain data with three kinds of nodes. Everything that computes is a
// Call: operators ("add", "eq", "and"), conditionals ("case", "coalesce"),
// conversions ("cast", "try_cast") and functions ("upper"). Types are decided
// by whoever builds the tree; Compile only looks for the kernel that takes
// these arguments to that result, and reports what it does not find.
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
