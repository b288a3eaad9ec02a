// Package function is the catalogue of SQL functions: which arguments a
// function takes, to what they are cast, what it returns, and which kernel of
// vector/expr or accumulator of vector/agg computes it.
//
// The catalogue is data: one line per function in scalars.go and aggregates.go,
// in the small notation of signature.go. Functions with a syntax of their own
// (CAST, CASE, EXTRACT, …) are bound by sql/bind.
package function

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Arg is an argument as the binder knows it.
type Arg struct {
	Type datatype.Type
	// Literal is the value of a constant argument (int64, string, bool, …),
	// or nil.
	Literal any
}

// Resolved says how a call is carried out.
type Resolved struct {
	// Func is the kernel's or accumulator's name.
	Func string
	// Casts gives for each argument the type in which the kernel takes it.
	Casts  []datatype.Type
	Result datatype.Type
	// Volatile says that two calls may differ: it is not folded.
	Volatile bool
	// User is the function of the user that is called, or nil.
	User *User
}

// Catalogue finds functions by name. The zero value is not usable; see New.
type Catalogue struct {
	scalars    map[string][]scalar
	aggregates map[string]aggregate
	tables     map[string]tableFunction
	names      []string
	kernels    map[string]bool // functions that vector/expr computes
}

type scalar struct {
	sig  signature
	user *User // of a function of the user, in place of sig
	fn   string
	with rule
	vol  bool
}

// rule computes a result type that the notation cannot say.
type rule func(args []Arg) datatype.Type

// New builds the catalogue of Flink's built-in functions.
func New() *Catalogue {
	c := &Catalogue{scalars: map[string][]scalar{}, aggregates: map[string]aggregate{}, tables: map[string]tableFunction{}, kernels: map[string]bool{}}
	for _, name := range expr.Functions() {
		c.kernels[name] = true
	}
	for _, line := range scalarLines {
		sig, err := parseSignature(line.sig)
		if err != nil {
			panic("function " + line.names + ": " + err.Error())
		}
		for _, name := range strings.Fields(line.names) {
			c.scalars[name] = append(c.scalars[name], scalar{sig: sig, fn: line.fn, with: line.with, vol: line.volatile})
		}
	}
	maps.Copy(c.aggregates, aggregates)
	for name := range c.scalars {
		c.names = append(c.names, name)
	}
	for name := range c.aggregates {
		c.names = append(c.names, name)
	}
	c.names = append(c.names, special...)
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	return c
}

// special are the functions with a syntax of their own, for SHOW FUNCTIONS.
var special = []string{
	"ARRAY", "CASE", "CAST", "CEIL", "COALESCE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_WATERMARK", "EXTRACT", "FLOOR",
	"LOCALTIME", "LOCALTIMESTAMP", "MAP", "OVERLAY", "POSITION", "ROW", "SUBSTRING", "TRIM", "TRY_CAST",
}

// Names lists every function, sorted.
func (c *Catalogue) Names() []string { return c.names }

// IsScalar reports whether name is a scalar function of the catalogue.
func (c *Catalogue) IsScalar(name string) bool { return len(c.scalars[strings.ToUpper(name)]) > 0 }

// IsAggregate reports whether name is an aggregate function.
func (c *Catalogue) IsAggregate(name string) bool {
	_, ok := c.aggregates[strings.ToUpper(name)]
	return ok
}

// Scalar resolves a call of a scalar function. The error says which arguments
// the function takes.
func (c *Catalogue) Scalar(name string, args []Arg) (Resolved, error) {
	name = strings.ToUpper(name)
	var forms []string
	for _, s := range c.scalars[name] {
		r, ok := s.resolve(args)
		if ok && !c.kernels[r.Func] {
			return r, fmt.Errorf("%w: function %s", ErrNotSupported, name)
		}
		if ok {
			return r, nil
		}
		if s.user != nil {
			forms = append(forms, name+s.user.String())
			continue
		}
		forms = append(forms, name+s.sig.String())
	}
	return Resolved{}, fmt.Errorf("%s cannot be applied to arguments of type %s; it is called as %s",
		name, typesText(args), strings.Join(forms, " or "))
}

func typesText(args []Arg) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.Type.Text()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func (s scalar) resolve(args []Arg) (Resolved, bool) {
	if s.user != nil {
		return s.user.resolve(s.fn, args)
	}
	casts, common, ok := s.sig.match(args)
	if !ok {
		return Resolved{}, false
	}
	r := Resolved{Func: s.fn, Casts: casts, Volatile: s.vol}
	if s.with != nil {
		r.Result = s.with(args)
	} else {
		r.Result = s.sig.result(args, common)
	}
	if s.sig.null == nullIfArg {
		null := slices.ContainsFunc(args, func(a Arg) bool { return a.Type.Nullable() })
		r.Result = r.Result.WithNull(null)
	} else {
		r.Result = r.Result.WithNull(s.sig.null == nullAlways)
	}
	return r, true
}
