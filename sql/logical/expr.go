package logical

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/vector/expr"
)

// Key is a text that is equal for equal expressions: columns by index.
func Key(e expr.Expr) string {
	var b strings.Builder
	writeKey(&b, e)
	return b.String()
}

func writeKey(b *strings.Builder, e expr.Expr) {
	switch x := e.(type) {
	case *expr.Column:
		fmt.Fprintf(b, "$%d", x.Index)
	case *expr.Literal:
		fmt.Fprintf(b, "%T:%v:%s", x.Value, x.Value, x.Of)
	case *expr.Call:
		b.WriteString(x.Func + "(")
		for _, a := range x.Args {
			writeKey(b, a)
			b.WriteByte(',')
		}
		b.WriteString(")")
		if x.Func == "cast" || x.Func == "try_cast" {
			b.WriteString(":" + x.Of.String())
		}
	}
}

// Walk visits e and its arguments until visit returns false for one.
func Walk(e expr.Expr, visit func(expr.Expr) bool) {
	if !visit(e) {
		return
	}
	if c, ok := e.(*expr.Call); ok {
		for _, a := range c.Args {
			Walk(a, visit)
		}
	}
}

// Rewrite replaces nodes from the leaves up: f gets each node with its new
// arguments and returns what stands in its place.
func Rewrite(e expr.Expr, f func(expr.Expr) expr.Expr) expr.Expr {
	c, ok := e.(*expr.Call)
	if !ok {
		return f(e)
	}
	args := make([]expr.Expr, len(c.Args))
	changed := false
	for i, a := range c.Args {
		args[i] = Rewrite(a, f)
		changed = changed || args[i] != a
	}
	if changed {
		e = c.With(args)
	}
	return f(e)
}

// Substitute puts by[i] in place of column i.
func Substitute(e expr.Expr, by []expr.Expr) expr.Expr {
	return Rewrite(e, func(e expr.Expr) expr.Expr {
		if c, ok := e.(*expr.Column); ok {
			return by[c.Index]
		}
		return e
	})
}

// Size is the number of nodes of e, or limit when it has more.
func Size(e expr.Expr, limit int) int {
	n := 0
	Walk(e, func(expr.Expr) bool {
		n++
		return n < limit
	})
	return min(n, limit)
}

// Grown is the size of e after substitution with by, or limit when it is more:
// a column that is used twice brings its expression twice.
func Grown(e expr.Expr, by []expr.Expr, limit int) int {
	n := 0
	Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok {
			n += Size(by[c.Index], limit)
		} else {
			n++
		}
		return n < limit
	})
	return min(n, limit)
}

// Columns marks in used, by index, the columns that e refers to.
func Columns(e expr.Expr, used map[int]bool) {
	Walk(e, func(e expr.Expr) bool {
		if c, ok := e.(*expr.Column); ok {
			used[c.Index] = true
		}
		return true
	})
}

// Conjuncts splits a condition at its ANDs.
func Conjuncts(e expr.Expr) []expr.Expr {
	if c, ok := e.(*expr.Call); ok && c.Func == "and" {
		var out []expr.Expr
		for _, a := range c.Args {
			out = append(out, Conjuncts(a)...)
		}
		return out
	}
	return []expr.Expr{e}
}

// And joins conditions to one flat AND, dropping repeated ones; nil for none.
func And(conds ...expr.Expr) expr.Expr {
	var args []expr.Expr
	seen := map[string]bool{}
	for _, c := range conds {
		if c == nil {
			continue
		}
		for _, part := range Conjuncts(c) {
			if key := Key(part); !seen[key] {
				seen[key] = true
				args = append(args, part)
			}
		}
	}
	switch len(args) {
	case 0:
		return nil
	case 1:
		return args[0]
	}
	return &expr.Call{Func: "and", Args: args, Of: args[0].Type()}
}

// volatile are the kernels whose result differs between two calls.
var volatile = map[string]bool{
	"rand": true, "rand_integer": true, "uuid": true, "current_timestamp": true, "current_date": true, "localtime": true,
	"localtimestamp": true, "unix_timestamp": true, "proctime": true, "current_time": true, "current_row_timestamp": true,
	CurrentWatermark: true,
}

// Deterministic reports whether e gives the same result whenever it is
// computed over the same row.
func Deterministic(e expr.Expr) bool {
	ok := true
	Walk(e, func(e expr.Expr) bool {
		if c, is := e.(*expr.Call); is && (volatile[c.Func] || strings.HasPrefix(c.Func, expr.UserPrefix)) && (c.Func != "unix_timestamp" || len(c.Args) == 0) {
			ok = false
		}
		return ok
	})
	return ok
}

// Constant reports whether e refers to no column and is deterministic.
func Constant(e expr.Expr) bool {
	used := map[int]bool{}
	Columns(e, used)
	return len(used) == 0 && Deterministic(e)
}
