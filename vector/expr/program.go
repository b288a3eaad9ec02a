package expr

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/vector"
)

// Env is what functions may ask of the world around them. The zero value works:
// UTC, a clock that stands at 1970, and randomness from a fixed seed.
type Env struct {
	// Zone is the session's time zone (table.local-time-zone). Nil is UTC.
	Zone *time.Location
	// Now is the time in milliseconds since 1970 for CURRENT_TIMESTAMP and its
	// kin. It is asked once per batch; a batch job gives one that stands still.
	Now func() int64
	// Functions are those of the user, by their Func with UserPrefix.
	Functions map[string]UserFunc
	// Rand is the source of RAND and UUID.
	Rand *rand.Rand
}

func (e Env) withDefaults() *Env {
	if e.Zone == nil {
		e.Zone = time.UTC
	}
	if e.Now == nil {
		e.Now = func() int64 { return 0 }
	}
	if e.Rand == nil {
		e.Rand = rand.New(rand.NewPCG(1, 2))
	}
	return &e
}

// Program computes expressions over batches of one schema. It keeps scratch, so
// one goroutine may use it at a time.
type Program struct {
	env   *Env
	nodes []node
}

// Compile looks up the kernels for expressions over records of the schema in.
// Its error names the function and the argument types that have none.
func Compile(e []Expr, in *arrow.Schema, env Env) (*Program, error) {
	p := &Program{env: env.withDefaults()}
	c := &compiler{makers: functions(), in: in, env: p.env}
	for _, x := range e {
		n, err := c.node(x)
		if err != nil {
			return nil, fmt.Errorf("compile %s: %w", x, err)
		}
		p.nodes = append(p.nodes, n)
	}
	return p, nil
}

// Eval computes the expressions for the rows sel of rec, or for all rows when
// sel is nil: one array per expression, of len(sel) or rec.NumRows() rows,
// which the caller owns. A plain column with a nil sel is rec's own, retained.
//
// The error of a bad row names the expression and the value.
func (p *Program) Eval(alloc memory.Allocator, rec arrow.RecordBatch, sel vector.Sel) ([]arrow.Array, error) {
	f := newFrame(alloc, p.env, rec, sel)
	defer f.release()
	out := make([]arrow.Array, 0, len(p.nodes))
	for _, n := range p.nodes {
		v, err := n.eval(f)
		if err != nil {
			for _, a := range out {
				a.Release()
			}
			return nil, err
		}
		out = append(out, v.expand(alloc, f.n))
	}
	return out, nil
}

// Functions returns the names that a Call may have, sorted.
func Functions() []string {
	all := functions()
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
