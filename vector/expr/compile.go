package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/nearest"
)

// node is a compiled expression.
type node interface {
	// eval computes the rows of f. The caller owns the result.
	eval(f *frame) (value, error)
}

// maker compiles a call. It returns nil when it has no kernel for these types.
type maker func(c *compiler, call *Call) (node, error)

type compiler struct {
	makers map[string]maker
	in     *arrow.Schema
	env    *Env
}

// node compiles e.
func (c *compiler) node(e Expr) (node, error) {
	switch e := e.(type) {
	case *Column:
		if e.Index < 0 || e.Index >= c.in.NumFields() {
			return nil, fmt.Errorf("column %s is number %d of %d columns", e.Name, e.Index, c.in.NumFields())
		}
		if have := c.in.Field(e.Index).Type; !sameLayout(have, e.Of) {
			return nil, fmt.Errorf("column %s is %s in the expression and %s in the input", e.Name, TypeName(e.Of), TypeName(have))
		}
		return &columnNode{index: e.Index}, nil
	case *Literal:
		arr, err := literalArray(e)
		if err != nil {
			return nil, err
		}
		return &literalNode{v: value{Array: arr, scalar: true}}, nil
	case *Call:
		return c.compileCall(e)
	case Doc:
		return c.node(e.Expr)
	}
	return nil, fmt.Errorf("expression of Go type %T", e)
}

func (c *compiler) compileCall(e *Call) (node, error) {
	compile, ok := c.makers[e.Func]
	if n, err := c.userCall(e); n != nil || err != nil {
		return n, err
	}
	if !ok {
		return nil, fmt.Errorf("there is no function %s%s", e.Func, nearest.Hint(e.Func, Functions(), ""))
	}
	n, err := compile(c, e)
	if err != nil {
		return nil, err
	}
	if n == nil && strings.HasSuffix(e.Func, "cast") && len(e.Args) > 0 {
		return nil, fmt.Errorf("%s cannot be cast to %s", TypeName(e.Args[0].Type()), TypeName(e.Of))
	}
	if n == nil {
		return nil, fmt.Errorf("no function %s returns %s", signature(e), TypeName(e.Of))
	}
	if call, ok := n.(*callNode); ok && !call.volatile && call.constant() {
		return fold(c.env, call), nil
	}
	return n, nil
}

// sameLayout tells whether a kernel for the type b reads arrays of type a.
// Names of fields do not matter.
func sameLayout(a, b arrow.DataType) bool {
	if arrow.TypeEqual(a, b) {
		return true
	}
	if a.ID() != b.ID() {
		return false
	}
	x, ok := a.(arrow.NestedType)
	y, also := b.(arrow.NestedType)
	if !ok || !also || x.NumFields() != y.NumFields() {
		return false
	}
	for i, f := range x.Fields() {
		if !sameLayout(f.Type, y.Fields()[i].Type) {
			return false
		}
	}
	return true
}

// signature prints a call by the types of its arguments: `ADD(INT, BOOLEAN)`.
func signature(e *Call) string {
	types := make([]string, len(e.Args))
	for i, a := range e.Args {
		types[i] = TypeName(a.Type())
	}
	return strings.ToUpper(e.Func) + "(" + strings.Join(types, ", ") + ")"
}

// call compiles the arguments of e and applies run to them.
func (c *compiler) call(e *Call, run kernel, args ...Expr) (*callNode, error) {
	n := &callNode{expr: e, run: run}
	for _, a := range args {
		arg, err := c.node(a)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
	}
	return n, nil
}

// totalCall is call for a kernel that costs little and cannot fail.
func (c *compiler) totalCall(e *Call, run kernel, args ...Expr) (node, error) {
	n, err := c.call(e, run, args...)
	if err != nil {
		return nil, err
	}
	n.total = true
	return n, nil
}

// as returns e, converted to t when it has another type.
func as(e Expr, t arrow.DataType) Expr {
	if sameLayout(e.Type(), t) {
		return e
	}
	if l, ok := e.(*Literal); ok && l.Value == nil {
		return &Literal{Of: t}
	}
	return &Call{Func: "cast", Args: []Expr{e}, Of: t}
}

// callNode applies a kernel to the values of its arguments.
type callNode struct {
	expr     *Call
	args     []node
	run      kernel
	total    bool // costs little and cannot fail
	volatile bool // differs from row to row although no argument does
}

func (n *callNode) constant() bool {
	return !slices.ContainsFunc(n.args, func(a node) bool { _, ok := a.(*literalNode); return !ok })
}

func (n *callNode) eval(f *frame) (value, error) {
	args := make([]value, 0, 4)
	defer func() { release(args) }()
	for _, a := range n.args {
		v, err := a.eval(f)
		if err != nil {
			return value{}, err
		}
		args = append(args, v)
	}
	v, err := n.run(f, args)
	if err != nil {
		return value{}, inExpr(n.expr, err)
	}
	return v, nil
}

// fold computes a call of literals now, unless that fails: then it fails when,
// and only if, a row needs it.
func fold(env *Env, n *callNode) node {
	f := &frame{alloc: memory.DefaultAllocator, env: env, n: 1}
	defer f.release()
	v, err := n.eval(f)
	if err != nil || !v.scalar {
		return n
	}
	return &literalNode{v: v}
}

// evalError says in which expression a row was bad.
type evalError struct {
	expr string
	err  error
}

func (e *evalError) Error() string { return e.err.Error() + " in " + e.expr }
func (e *evalError) Unwrap() error { return e.err }

// inExpr names the innermost expression of an error.
func inExpr(e Expr, err error) error {
	var known *evalError
	if errors.As(err, &known) {
		return err
	}
	return &evalError{expr: e.String(), err: err}
}

type columnNode struct{ index int }

func (n *columnNode) eval(f *frame) (value, error) {
	c := f.column(n.index)
	c.Retain()
	return value{Array: c}, nil
}

type literalNode struct{ v value }

func (n *literalNode) eval(*frame) (value, error) {
	n.v.Retain()
	return n.v, nil
}
