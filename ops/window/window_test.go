package window_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/opstest"
	"github.com/wadi-engine/wadi/ops/window"
)

// TestOperator runs every case twice: with a table for each pane, and with one
// for all but the first.
func TestOperator(t *testing.T) {
	for _, own := range []int{0, 1} {
		t.Run(fmt.Sprintf("own=%d", own), func(t *testing.T) { runCases(t, own) })
	}
}

func runCases(t *testing.T, own int) {
	opstest.Run(t, "testdata", func(body string, in *arrow.Schema) (opstest.Case, error) {
		set, err := opstest.Settings(body, "time", "size", "slide", "offset", "zone", "cumulate", "keys", "assign", "aggs", "properties", "changelog", "gap", "processing")
		if err != nil {
			return opstest.Case{}, err
		}
		c := window.Config{Zone: set["zone"], OwnPanes: own}
		for name, to := range map[string]*int64{"size": &c.SizeMillis, "slide": &c.SlideMillis, "offset": &c.OffsetMillis, "gap": &c.GapMillis} {
			if set[name] != "" {
				d, err := time.ParseDuration(set[name])
				if err != nil {
					return opstest.Case{}, err
				}
				*to = d.Milliseconds()
			}
		}
		if c.Time, err = opstest.Column(in, set["time"]); err != nil {
			return opstest.Case{}, err
		}
		if c.Keys, err = opstest.Columns(in, set["keys"]); err != nil {
			return opstest.Case{}, err
		}
		if c.Aggs, err = opstest.Aggs(in, set["aggs"]); err != nil {
			return opstest.Case{}, err
		}
		for _, p := range opstest.Words(set["properties"]) {
			c.Properties = append(c.Properties, window.Property(p))
		}
		_, c.Cumulate = set["cumulate"]
		_, c.Changelog = set["changelog"]
		_, c.Processing = set["processing"]
		doc, err := json.Marshal(c)
		if err != nil {
			return opstest.Case{}, err
		}
		v := job.Vertex{Name: "window", Kind: window.Kind, Config: doc}
		build, keys := window.New, c.Keys
		if c.GapMillis > 0 {
			build = window.NewSession
		}
		if _, ok := set["assign"]; ok {
			build, keys = window.NewAssign, []int{0}
			if c.GapMillis > 0 {
				build, keys = window.NewSessionAssign, c.Keys
			}
		}
		return opstest.Case{
			New:  func() (ops.Operator, error) { return build(v, []*arrow.Schema{in}) },
			Keys: keys,
		}, nil
	})
}
