package rest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// TestFlame: samples add up along their stacks, and those of other vertices are
// left out.
func TestFlame(t *testing.T) {
	at := func(names ...string) []*profile.Location { // the innermost first, as in profiles
		var all []*profile.Location
		for _, n := range names {
			all = append(all, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: n}}}})
		}
		return all
	}
	of := func(job, uid string) map[string][]string {
		return map[string][]string{labelJob: {job}, labelVertex: {uid}}
	}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples"}, {Type: "cpu"}},
		Sample: []*profile.Sample{
			{Location: at("hash", "join", "run"), Value: []int64{1, 10}, Label: of("a", "join-1")},
			{Location: at("send", "join", "run"), Value: []int64{1, 20}, Label: of("a", "join-1")},
			{Location: at("read", "run"), Value: []int64{1, 40}, Label: of("a", "source-x")},
			{Location: at("gc"), Value: []int64{1, 80}},
		},
	}
	join := &Frame{"join", 30, []*Frame{{Name: "hash", Value: 10}, {Name: "send", Value: 20}}}
	for _, c := range []struct {
		job, vertex string
		want        *Frame
	}{
		{"", "", &Frame{"all", 150, []*Frame{{Name: "gc", Value: 80}, {"run", 70, []*Frame{join, {Name: "read", Value: 40}}}}}},
		{"a", "", &Frame{"all", 70, []*Frame{{"run", 70, []*Frame{join, {Name: "read", Value: 40}}}}}},
		{"a", VertexID("join-1"), &Frame{"all", 30, []*Frame{{"run", 30, []*Frame{join}}}}},
		{"b", "", &Frame{Name: "all"}},
	} {
		if diff := cmp.Diff(c.want, flame(p, c.job, c.vertex)); diff != "" {
			t.Errorf("%q, %q: %s", c.job, c.vertex, diff)
		}
	}
}
