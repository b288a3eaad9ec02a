package join_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/vector/expr"
)

// An operator is:
//
//	type left
//	keys k = id, …        or nothing
//	where v < w           one comparison of a left and a right column
//	changes left right    which inputs have other kinds than +I
//	nullsafe              NULL keys are equal
//	ttl 1000 0            of the rows of the left and the right input, or 0
//	final                 only the final rows; or static: the right input is read first
func TestOperator(t *testing.T) {
	opstest.RunTwo(t, "testdata/join", func(body string, left, right *arrow.Schema) (opstest.Case, error) {
		c, err := config(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "join", Kind: join.Kind, Config: doc}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return join.New(v, []*arrow.Schema{left, right}) },
			Keys: c.LeftKeys, RightKeys: c.RightKeys,
		}, nil
	})
}

func config(body string, left, right *arrow.Schema) (c join.Config, err error) {
	set, err := opstest.Settings(body, "type", "keys", "where", "changes", "final", "static", "nullsafe", "ttl")
	if err != nil {
		return c, err
	}
	c.Type = join.Type(set["type"])
	if ttl, ok := set["ttl"]; ok {
		if _, err := fmt.Sscanf(ttl, "%d %d", &c.LeftTTLMillis, &c.RightTTLMillis); err != nil {
			return c, err
		}
	}
	for _, pair := range opstest.Words(set["keys"]) {
		var l, r string
		if _, err := fmt.Sscanf(pair, "%s = %s", &l, &r); err != nil {
			return c, err
		}
		i, err := opstest.Column(left, l)
		if err != nil {
			return c, err
		}
		k, err := opstest.Column(right, r)
		if err != nil {
			return c, err
		}
		_, safe := set["nullsafe"]
		c.LeftKeys, c.RightKeys, c.NullSafe = append(c.LeftKeys, i), append(c.RightKeys, k), append(c.NullSafe, safe)
	}
	if where, ok := set["where"]; ok {
		var l, op, r string
		if _, err := fmt.Sscanf(where, "%s %s %s", &l, &op, &r); err != nil {
			return c, err
		}
		i, err := opstest.Column(left, l)
		if err != nil {
			return c, err
		}
		k, err := opstest.Column(right, r)
		if err != nil {
			return c, err
		}
		c.Condition = expr.NewDoc(&expr.Call{
			Func: map[string]string{"<": "lt", "<>": "ne"}[op], Of: arrow.FixedWidthTypes.Boolean,
			Args: []expr.Expr{
				&expr.Column{Index: i, Name: l, Of: left.Field(i).Type},
				&expr.Column{Index: left.NumFields() + k, Name: r, Of: right.Field(k).Type},
			},
		})
	}
	_, c.FinalOnly = set["final"]
	_, c.Static = set["static"]
	for _, side := range opstest.Words(set["changes"]) {
		c.LeftChanges, c.RightChanges = c.LeftChanges || side == "left", c.RightChanges || side == "right"
	}
	return c, nil
}

// An operator is as above, with the columns of the times: "type left", "keys k =
// id", "times at = since".
func TestTemporal(t *testing.T) {
	opstest.RunTwo(t, "testdata/temporal", func(body string, left, right *arrow.Schema) (opstest.Case, error) {
		body, l, r, err := times(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		c, err := config(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		return timed(join.TemporalConfig{Config: c, LeftTime: l, RightTime: r}, c, join.NewTemporal, left, right)
	})
}

// An operator is as above, with "between -2000 5000": the bounds of the left time
// minus the right one, in milliseconds, which are its condition.
func TestInterval(t *testing.T) {
	opstest.RunTwo(t, "testdata/interval", func(body string, left, right *arrow.Schema) (opstest.Case, error) {
		body, l, r, err := times(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		body, bounds, _ := strings.Cut(body, "between ")
		iv := join.IntervalConfig{LeftTime: l, RightTime: r}
		if _, err := fmt.Sscanf(bounds, "%d %d", &iv.LowerMillis, &iv.UpperMillis); err != nil {
			return opstest.Case{}, err
		}
		if iv.Config, err = config(body, left, right); err != nil {
			return opstest.Case{}, err
		}
		iv.Condition = expr.NewDoc(within(left, right, iv))
		return timed(iv, iv.Config, join.NewInterval, left, right)
	})
}

// An operator is as TestOperator has it, with "within -2000 5000", its condition: the
// bounds of the first column of the left input minus that of the right one; and
// "keep 2000", how long rows of the left input are kept.
func TestBounded(t *testing.T) {
	opstest.RunTwo(t, "testdata/bounded", func(body string, left, right *arrow.Schema) (opstest.Case, error) {
		body, bounds, _ := strings.Cut(body, "within ")
		var iv join.IntervalConfig
		var keep int64
		if _, err := fmt.Sscanf(bounds, "%d %d\nkeep %d", &iv.LowerMillis, &iv.UpperMillis, &keep); err != nil {
			return opstest.Case{}, err
		}
		c, err := config(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		c.Condition, c.LeftBound = expr.NewDoc(within(left, right, iv)), &join.Bound{KeepMillis: keep}
		return timed(c, c, join.New, left, right)
	})
}

// An operator is as above; the times are the ends of windows.
func TestWindow(t *testing.T) {
	opstest.RunTwo(t, "testdata/window", func(body string, left, right *arrow.Schema) (opstest.Case, error) {
		body, l, r, err := times(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		c, err := config(body, left, right)
		if err != nil {
			return opstest.Case{}, err
		}
		return timed(join.WindowConfig{Config: c, LeftEnd: l, RightEnd: r}, c, join.NewWindow, left, right)
	})
}

// within is right + lower <= left AND left <= right + upper.
func within(left, right *arrow.Schema, c join.IntervalConfig) expr.Expr {
	l := &expr.Column{Index: c.LeftTime, Of: left.Field(c.LeftTime).Type}
	r := &expr.Column{Index: left.NumFields() + c.RightTime, Of: right.Field(c.RightTime).Type}
	call := func(of arrow.DataType, name string, args ...expr.Expr) expr.Expr {
		return &expr.Call{Func: name, Args: args, Of: of}
	}
	plus := func(ms int64) expr.Expr {
		return call(r.Of, "add", r, &expr.Literal{Value: ms, Of: arrow.FixedWidthTypes.Duration_ms})
	}
	boolean := arrow.FixedWidthTypes.Boolean
	return call(boolean, "and", call(boolean, "ge", l, plus(c.LowerMillis)), call(boolean, "le", l, plus(c.UpperMillis)))
}

// times takes the line "times a = b" out of a body.
func times(body string, left, right *arrow.Schema) (rest string, l, r int, err error) {
	for line := range strings.Lines(body) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "times ")
		if !ok {
			rest += line
			continue
		}
		a, b, _ := strings.Cut(text, " = ")
		if l, err = opstest.Column(left, a); err != nil {
			return rest, l, r, err
		}
		if r, err = opstest.Column(right, b); err != nil {
			return rest, l, r, err
		}
	}
	return rest, l, r, nil
}

func timed(config any, c join.Config, build ops.NewOperator, left, right *arrow.Schema) (opstest.Case, error) {
	doc, err := json.Marshal(config)
	if err != nil {
		return opstest.Case{}, err
	}
	v := job.Vertex{Name: "join", Config: doc}
	return opstest.Case{
		New:  func() (ops.Operator, error) { return build(v, []*arrow.Schema{left, right}) },
		Keys: c.LeftKeys, RightKeys: c.RightKeys,
	}, nil
}
