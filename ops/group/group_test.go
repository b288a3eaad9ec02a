package group_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/group"
	"github.com/wadi-engine/wadi/ops/opstest"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "keys", "aggs", "final", "changelog", "before", "time", "early", "late", "lateness")
		if err != nil {
			return opstest.Case{}, err
		}
		var c group.Config
		if c.Keys, err = opstest.Columns(in, set["keys"]); err != nil {
			return opstest.Case{}, err
		}
		if c.Aggs, err = opstest.Aggs(in, set["aggs"]); err != nil {
			return opstest.Case{}, err
		}
		_, c.FinalOnly = set["final"]
		_, c.Changelog = set["changelog"]
		_, c.UpdateBefore = set["before"]
		if set["time"] != "" {
			return emitCase(c, set, in)
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "group", Kind: group.Kind, Config: doc}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return group.New(v, []*arrow.Schema{in}) },
			Keys: c.Keys,
		}, nil
	})
}

// emitCase is an operator of kind EmitKind, whose last key is the window.
func emitCase(c group.Config, set map[string]string, in *arrow.Schema) (opstest.Case, error) {
	e := group.EmitConfig{Config: c, Time: len(c.Keys) - 1, Width: in.NumFields()}
	for name, to := range map[string]**int64{"early": &e.EarlyMillis, "late": &e.LateMillis} {
		if set[name] == "" {
			continue
		}
		d, err := time.ParseDuration(set[name])
		if err != nil {
			return opstest.Case{}, err
		}
		*to = new(int64)
		**to = d.Milliseconds()
	}
	d, err := time.ParseDuration(set["lateness"])
	if err != nil {
		return opstest.Case{}, err
	}
	e.LatenessMillis = d.Milliseconds()
	fields := make([]arrow.Field, 0, len(c.Keys)+len(c.Aggs))
	for i, k := range c.Keys {
		e.Pick, fields = append(e.Pick, i), append(fields, in.Field(k))
	}
	for i, a := range c.Aggs {
		e.Pick = append(e.Pick, len(c.Keys)+i)
		fields = append(fields, arrow.Field{Name: fmt.Sprintf("agg%d", i), Type: a.Of, Nullable: true})
		if a.Of == nil {
			fields[len(fields)-1].Type = arrow.PrimitiveTypes.Int64
		}
	}
	doc, err := json.Marshal(e)
	if err != nil {
		return opstest.Case{}, err
	}
	v := job.Vertex{Name: "emit", Kind: group.EmitKind, Config: doc, Output: job.Schema{Schema: arrow.NewSchema(fields, nil)}}
	return opstest.Case{
		New:  func() (ops.Operator, error) { return group.EmitWith(nil)(v, []*arrow.Schema{in}) },
		Keys: c.Keys, NullFree: true,
	}, nil
}
