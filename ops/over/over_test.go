package over_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/over"
	"github.com/wadi-engine/wadi/vector/agg"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		kind, c, err := configOf(body, in)
		if err != nil {
			return opstest.Case{}, err
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "over", Kind: kind, Config: doc, Output: job.Schema{Schema: output(in, c)}}
		build := over.NewTable
		if kind == over.StreamKind {
			build = over.NewStream
		}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return build(v, []*arrow.Schema{in}) },
			Keys: c.Partition,
		}, nil
	})
}

func output(in *arrow.Schema, c over.Config) *arrow.Schema {
	fields := in.Fields()
	for i, call := range c.Calls {
		var of arrow.DataType
		switch call.Func {
		case "row_number", "rank", "dense_rank", "count":
			of = arrow.PrimitiveTypes.Int64
		case "percent_rank", "cume_dist":
			of = arrow.PrimitiveTypes.Float64
		case "ntile":
			of = arrow.PrimitiveTypes.Int32
		default:
			of = in.Field(call.Args[0]).Type
		}
		fields = append(fields, arrow.Field{Name: fmt.Sprint("w", i), Type: of, Nullable: true})
	}
	return arrow.NewSchema(fields, nil)
}

// configOf reads lines such as
//
//	stream
//	by k
//	order ts
//	call sum(v) rows 2 preceding
//	call lag(v) 1
func configOf(body string, in *arrow.Schema) (string, over.Config, error) {
	kind, c := over.TableKind, over.Config{}
	for line := range strings.Lines(body) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		var err error
		switch word {
		case "stream":
			kind = over.StreamKind
		case "arrival":
			kind, c.Arrival = over.StreamKind, true
		case "by":
			c.Partition, err = opstest.Columns(in, rest)
		case "order":
			for _, text := range opstest.Words(rest) {
				name, dir, _ := strings.Cut(text, " ")
				var at int
				at, err = opstest.Column(in, name)
				c.Order = append(c.Order, over.Key{Column: at, Desc: dir == "desc", NullsFirst: dir != "desc"})
			}
		case "call":
			var call over.Call
			call, err = callOf(rest, in)
			c.Calls = append(c.Calls, call)
		case "changelog":
			c.Changelog = true
		case "before":
			c.UpdateBefore = true
		case "final":
			c.FinalOnly = true
		default:
			err = fmt.Errorf("no setting %q", word)
		}
		if err != nil {
			return "", c, err
		}
	}
	return kind, c, nil
}

func callOf(text string, in *arrow.Schema) (over.Call, error) {
	fn, frame, _ := strings.Cut(text, ") ")
	specs, err := opstest.Aggs(in, strings.TrimSuffix(fn, ")")+")")
	if err != nil {
		return over.Call{}, err
	}
	c := over.Call{Spec: specs[0], Frame: over.Frame{
		Start: over.Bound{Kind: over.UnboundedPreceding}, End: over.Bound{Kind: over.CurrentRow},
	}}
	if slices.Contains([]string{"row_number", "rank", "dense_rank", "percent_rank", "cume_dist"}, c.Func) {
		c.Spec = agg.Spec{Func: c.Func, Filter: -1}
	}
	words := strings.Fields(frame)
	if len(words) == 1 {
		c.Offset, err = strconv.ParseInt(words[0], 10, 64)
		return c, err
	}
	if len(words) == 0 {
		return c, nil
	}
	c.Frame.Range = words[0] == "range"
	start, end, _ := strings.Cut(strings.Join(words[1:], " "), " and ")
	if c.Frame.Start, err = boundOf(start); err == nil && end != "" {
		c.Frame.End, err = boundOf(end)
	}
	return c, err
}

func boundOf(text string) (over.Bound, error) {
	number, kind, _ := strings.Cut(text, " ")
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		return over.Bound{Kind: over.BoundKind(kind), Offset: n}, nil
	}
	return over.Bound{Kind: over.BoundKind(text)}, nil
}
