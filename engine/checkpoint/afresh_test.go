package checkpoint

import (
	"testing"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestAfresh restores a join with a table that is read again when tasks start:
//
//	orders ──┐
//	         ├→ join → sink
//	rates ───┘
func TestAfresh(t *testing.T) {
	g := &job.Graph{KeyGroups: 4, Vertices: []job.Vertex{
		{ID: 0, UID: "orders", Kind: job.KindSource, Parallelism: 1},
		{ID: 1, UID: "rates", Kind: job.KindSource, Parallelism: 1, Afresh: true},
		{ID: 2, UID: "join", Kind: "join", Parallelism: 1, Forget: []string{"right"}},
		{ID: 3, UID: "sink", Kind: job.KindSink, Parallelism: 1},
	}, Edges: []job.Edge{{From: 0, To: 2}, {From: 1, To: 2, Input: 1}, {From: 2, To: 3}}}
	m := &Manifest{KeyGroups: 4}
	for _, v := range g.Vertices {
		head := v.ID
		if v.UID == "sink" {
			head = 2
		}
		m.Vertices = append(m.Vertices, Vertex{ID: v.ID, UID: v.UID, Kind: v.Kind, Head: head})
	}
	run := []Run{{Groups: stream.KeyGroupRange{End: 4}}}
	all := stream.KeyGroupRange{End: 4}
	m.Handles = []Handle{
		{Task: TaskID{Vertex: 0}, Groups: all, Splits: []ops.Split{{ID: "o"}}, Watermark: 7},
		{Task: TaskID{Vertex: 1}, Groups: all, Watermark: stream.End, Ended: true},
		{
			Task: TaskID{Vertex: 2}, Groups: all, Watermark: 7, Channels: []ChannelTime{{Watermark: 7}, {Input: 1, Watermark: stream.End}},
			Tables: []TableState{{UID: "join", Name: "left", Runs: run}, {UID: "join", Name: "right", Runs: run}},
		},
	}
	for _, again := range []bool{false, true} {
		l, err := Redistribute(m, g, RedistributeOptions{Again: again})
		if err != nil {
			t.Fatal(err)
		}
		rates, join := l.Tasks[1], l.Tasks[2]
		wm, tables := stream.Start, 1
		if again {
			wm, tables = stream.End, 2
		}
		if rates.Ended != again || l.Afresh["rates"] == again || join.Channels[1].Watermark != wm || len(join.Tables) != tables {
			t.Errorf("again %v: rates ended %v, afresh %v, channel at %v, %d tables", again, rates.Ended, l.Afresh, join.Channels[1].Watermark, len(join.Tables))
		}
		if join.Channels[0].Watermark != 7 || len(l.Splits["orders"]) != 1 {
			t.Errorf("again %v: the other side is not restored: %+v", again, join)
		}
	}
	m.Handles[0].Ended, m.Handles[2].Ended = true, true
	l, err := Redistribute(m, g, RedistributeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Ended) != 3 || l.Afresh["rates"] {
		t.Errorf("nobody looks anything up any more, but %v is read", l.Afresh)
	}
}
