package rank_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/rank"
)

func TestOperator(t *testing.T) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		c, err := configOf(body, in)
		if err != nil {
			return opstest.Case{}, err
		}
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "rank", Kind: rank.Kind, Config: doc}
		return opstest.Case{
			New:      func() (ops.Operator, error) { return rank.New(v, []*arrow.Schema{in}) },
			Keys:     c.Partition,
			NullFree: c.Window != nil || c.Limit != nil,
		}, nil
	})
}

// configOf reads a function with its range, "rank 1 3", and the other settings.
func configOf(body string, in *arrow.Schema) (rank.Config, error) {
	c := rank.Config{}
	set, err := opstest.Settings(body, "row_number", "rank", "dense_rank", "by", "order", "limit", "window", "number", "changelog", "before", "final")
	if err != nil {
		return c, err
	}
	for _, f := range []rank.Function{rank.RowNumber, rank.Gaps, rank.Dense} {
		if text, ok := set[string(f)]; ok {
			c.Function = f
			if _, err := fmt.Sscan(text, &c.From, &c.To); err != nil {
				return c, err
			}
		}
	}
	if c.Partition, err = opstest.Columns(in, set["by"]); err != nil {
		return c, err
	}
	for _, text := range strings.Split(set["order"], ",") {
		name, dir, _ := strings.Cut(strings.TrimSpace(text), " ")
		at, err := opstest.Columns(in, name)
		if err != nil {
			return c, err
		}
		c.Order = append(c.Order, rank.Key{Column: at[0], Desc: dir == "desc", NullsFirst: dir != "desc"})
	}
	if text, ok := set["limit"]; ok {
		at, err := strconv.Atoi(text)
		if err != nil {
			return c, err
		}
		c.Limit = &at
	}
	if text, ok := set["window"]; ok {
		at, err := opstest.Columns(in, text)
		if err != nil {
			return c, err
		}
		c.Window = &rank.Window{End: at[0]}
	}
	_, c.Number = set["number"]
	_, c.Changelog = set["changelog"]
	_, c.UpdateBefore = set["before"]
	_, c.FinalOnly = set["final"]
	return c, nil
}
