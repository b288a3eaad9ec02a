package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

func keeper(s Store) Keeper {
	return Keeper{Store: s, Job: "j", Now: func() stream.Timestamp { return 0 }, Pause: giveUp}
}

// TestDecide writes the claims that a line lists, oldest first, and decides.
// c complete, a aborted, x damaged, - deleted; then what sinks have published.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		claims    string
		published int // -1: the decision must not ask
		want      string
	}{
		{"", -1, "fresh"},
		{"a", -1, "fresh"},
		{"ca", -1, "restore 1"},
		{"cca", -1, "restore 2"},
		{"--cca", -1, "restore 4"},
		{"aaa", -1, "fresh"},
		{"-aa", -1, "refuse"},
		{"cxa", 0, "restore 1"},
		{"cxa", 1, "restore 1"},
		{"cxa", 2, "refuse"},
		{"xa", 0, "fresh"},
		{"xa", 1, "refuse"},
		{"c-xa", 0, "fresh"},
		{"-cxxa", 3, "refuse"},
		{"-cxxa", 2, "restore 2"},
	} {
		store := memory{}
		for i, kind := range c.claims {
			m := &Manifest{Kind: Complete, Epoch: stream.Epoch(i + 1), Owner: Owner{1, 1, "n"}}
			switch kind {
			case '-':
				continue
			case 'a':
				m.Kind = Aborted
			}
			doc := m.Encode()
			if kind == 'x' {
				doc = doc[:len(doc)-9]
			}
			store[ClaimFile(m.Epoch)] = doc
		}
		f, err := keeper(store).Load(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		d := Decide(Owner{2, 2, "me"}, f)
		if _, asks := d.(AskSinks); asks && c.published >= 0 {
			f.Published = map[string]stream.Epoch{"s": stream.Epoch(c.published)}
			d = Decide(Owner{2, 2, "me"}, f)
		}
		got := "?"
		switch d := d.(type) {
		case StartFresh:
			got = "fresh"
		case Restore:
			got = fmt.Sprint("restore ", d.Manifest.Epoch)
		case Refuse:
			got = "refuse"
			if !errors.Is(d.Err, job.ErrInvalid) {
				t.Errorf("%s: %v", c.claims, d.Err)
			}
		case Done, AskSinks, StepDown:
			got = fmt.Sprintf("%T", d)
		}
		if got != c.want {
			t.Errorf("claims %q, published %d: %s, want %s", c.claims, c.published, got, c.want)
		}
	}
}

func TestTakeOverAndFinish(t *testing.T) {
	ctx := context.Background()
	store := memory{}
	k := keeper(store)
	a, n, err := k.TakeOver(ctx, Takeover{Me: Owner{Nonce: "a"}, NewTerm: true, NewGeneration: true})
	if err != nil || n != 1 || a != (Owner{1, 1, "a"}) {
		t.Fatal(a, n, err)
	}
	if kind, err := k.Claim(ctx, &Manifest{Kind: Complete, Epoch: 2, Owner: a}); kind != Complete || err != nil {
		t.Fatal(kind, err)
	}
	if kind, err := k.Claim(ctx, &Manifest{Kind: Aborted, Epoch: 2, Owner: a}); kind != Complete || err != nil {
		t.Fatalf("an abort of what stands: %v %v", kind, err)
	}
	f, err := k.Load(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, n, err := k.TakeOver(ctx, Takeover{Me: Owner{Nonce: "b"}, NewTerm: true, NewGeneration: true, LastTerm: f.Term, LastGeneration: f.Generation})
	if err != nil || n != 3 || b != (Owner{2, 2, "b"}) {
		t.Fatal(b, n, err)
	}
	if _, err := k.Claim(ctx, &Manifest{Kind: Complete, Epoch: 3, Owner: a}); !errors.Is(err, job.ErrFenced) {
		t.Fatal(err)
	}
	delete(store, ClaimFile(2))
	if _, err := k.Claim(ctx, &Manifest{Kind: Complete, Epoch: 2, Owner: a}); !errors.Is(err, job.ErrFenced) {
		t.Fatalf("a number whose claim was deleted: %v", err)
	}
	if err := k.Record(ctx, Terminal{State: Finished, Owner: b, Epoch: 3}); err != nil {
		t.Fatal(err)
	}
	if f, err = k.Load(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if d, ok := Decide(Owner{}, f).(Done); !ok || d.Terminal.Epoch != 3 {
		t.Fatalf("%#v", Decide(Owner{}, f))
	}
}

func TestExpire(t *testing.T) {
	claims := []Kept{
		{1, Complete, []string{"a", "b"}},
		{2, Aborted, nil},
		{3, Owned, []string{"b", "s"}},
		{4, Complete, []string{"a", "c"}},
		{5, Complete, []string{"c", "d"}},
		{6, Aborted, nil},
	}
	kept, files := Expire(claims, 1, mutant.Set{})
	want := []string{ClaimFile(1), ClaimFile(2), ClaimFile(4), "a"}
	if !slices.Equal(files, want) || len(kept) != 3 {
		t.Errorf("kept %v, delete %v", kept, files)
	}
	if kept, files := Expire(claims, 3, mutant.Set{}); len(kept) != 6 || files != nil {
		t.Errorf("kept %v, delete %v", kept, files)
	}
	runs := []string{"shared/1-1-0-0-x.parquet", "shared/1-2-0-0-y.parquet", "shared/2-3-0-0-z.parquet"}
	if o := Orphans(runs, []Kept{{7, Complete, runs[:1]}}, 2); !slices.Equal(o, runs[1:2]) {
		t.Errorf("orphans %v", o)
	}
}

func graph(parallelism int) *job.Graph {
	return &job.Graph{
		KeyGroups: 8,
		Vertices: []job.Vertex{
			{ID: 0, UID: "src", Name: "Source(s)", Kind: job.KindSource, Parallelism: 1},
			{ID: 1, UID: "agg", Name: "Agg(a)", Kind: "agg", Parallelism: parallelism},
		},
		Edges: []job.Edge{{From: 0, To: 1, Partitioning: job.ByKey}},
	}
}

func TestRedistribute(t *testing.T) {
	run := func(file string, a, b stream.KeyGroup) Run {
		return Run{File: file, Groups: stream.KeyGroupRange{Start: a, End: b}, DroppedBefore: stream.Start}
	}
	old := graph(2)
	m := &Manifest{Kind: Complete, KeyGroups: 8, Vertices: VerticesOf(old), Handles: []Handle{
		{Task: TaskID{0, 0}, Groups: stream.KeyGroupRange{End: 8}, Watermark: 30, Splits: []ops.Split{{ID: "p", Watermark: 30}}},
		{
			Task: TaskID{1, 0}, Groups: stream.KeyGroupRange{End: 4}, Watermark: 20, NextTick: 9,
			Channels: []ChannelTime{{Watermark: 20}},
			Tables: []TableState{
				{UID: "agg", Name: "t", Runs: []Run{run("old", 0, 4), run("a", 0, 4)}, DroppedBefore: 5},
				{UID: "agg", Name: "l", Local: true, Runs: []Run{run("l0", 0, 8)}},
			},
		},
		{
			Task: TaskID{1, 1}, Groups: stream.KeyGroupRange{Start: 4, End: 8}, Watermark: 10, Ended: true,
			Channels: []ChannelTime{{Watermark: 10}},
			Tables: []TableState{
				{UID: "agg", Name: "t", Runs: []Run{run("old", 4, 8), run("b", 4, 8)}, DroppedBefore: 7},
				{UID: "agg", Name: "l", Local: true, Runs: []Run{run("l1", 0, 8)}},
			},
		},
	}}
	for p, want := range map[int]string{
		2: `0/0 [0,8) wm 30 in [] ended false
1/0 [0,4) wm 20 in [20] ended false t≥5: old[0,4)≥5 a[0,4)≥5 l≥0: l0[0,8)≥0
1/1 [4,8) wm 10 in [10] ended true t≥7: old[4,8)≥7 b[4,8)≥7 l≥0: l1[0,8)≥0
`,
		1: `0/0 [0,8) wm 30 in [] ended false
1/0 [0,8) wm 10 in [10] ended false t≥5: old[0,4)≥5 a[0,4)≥5 old[4,8)≥7 b[4,8)≥7 l≥0: l0[0,8)≥0 l1[0,8)≥0
`,
		3: `0/0 [0,8) wm 30 in [] ended false
1/0 [0,3) wm 10 in [10] ended false t≥5: old[0,3)≥5 a[0,3)≥5 l≥0: l0[0,8)≥0 l1[0,8)≥0
1/1 [3,6) wm 10 in [10] ended false t≥5: old[3,4)≥5 a[3,4)≥5 old[4,6)≥7 b[4,6)≥7
1/2 [6,8) wm 10 in [10] ended false t≥7: old[6,8)≥7 b[6,8)≥7
`,
	} {
		l, err := Redistribute(m, graph(p), RedistributeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(l); got != want {
			t.Errorf("parallelism %d:\n%swant\n%s", p, got, want)
		}
		if s := l.Splits["src"]; len(s) != 1 || s[0].Watermark != 30 {
			t.Errorf("splits %v", l.Splits)
		}
	}
	edited := graph(2)
	edited.Vertices[1].UID = "agg2"
	if _, err := Redistribute(m, edited, RedistributeOptions{}); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "Agg(a) table t") {
		t.Errorf("state without heir: %v", err)
	}
	if _, err := Redistribute(m, edited, RedistributeOptions{AllowNonRestored: true}); err != nil {
		t.Error(err)
	}
	m.Pending = map[string][]ops.Pending{"sink": {{Epoch: 1}}}
	if _, err := Redistribute(m, edited, RedistributeOptions{AllowNonRestored: true}); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("staged rows without heir: %v", err)
	}
	if _, err := Redistribute(nil, graph(9), RedistributeOptions{}); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("more tasks than key groups: %v", err)
	}
}

// TestInFlight: what was on its way goes to who owns its rows now, and where it
// cannot, it is refused.
func TestInFlight(t *testing.T) {
	m := &Manifest{Kind: Complete, KeyGroups: 8, Vertices: VerticesOf(graph(2)), Handles: []Handle{
		{Task: TaskID{0, 0}, Groups: stream.KeyGroupRange{End: 8}, Watermark: 30},
		{
			Task: TaskID{1, 0}, Groups: stream.KeyGroupRange{End: 4}, Watermark: 20, Channels: []ChannelTime{{Watermark: 20}},
			InFlight: []InFlight{{From: 0, Watermark: 20, Reaches: 30, File: "f", Length: 7, Sum: "s"}},
		},
		{Task: TaskID{1, 1}, Groups: stream.KeyGroupRange{Start: 4, End: 8}, Watermark: 30, Channels: []ChannelTime{{Watermark: 30}}},
	}}
	if f := m.Files(); len(f) != 1 || f[0] != (File{"f", "s"}) {
		t.Errorf("files %v", f)
	}
	again, err := DecodeManifest("m", m.Encode())
	if err != nil || again.Handles[1].InFlight[0] != m.Handles[1].InFlight[0] {
		t.Fatalf("%+v, %v", again, err)
	}
	flows := func(m *Manifest, g *job.Graph) string {
		t.Helper()
		l, err := Redistribute(m, g, RedistributeOptions{})
		if err != nil {
			return err.Error()
		}
		var b strings.Builder
		for _, a := range l.Tasks {
			for _, f := range a.InFlight {
				fmt.Fprintf(&b, "%v at %d: %q to %d from %d, keys %v; ", a.Task, a.Watermark, f.File, f.Vertex, f.Watermark, f.Keys)
			}
		}
		return b.String()
	}
	keyed := func(parallelism int) *job.Graph {
		g := graph(parallelism)
		g.Edges[0].Keys = []int{0}
		return g
	}
	one := keyed(1) // one chain
	one.Edges[0].Partitioning, one.Edges[0].Wide = job.Forward, job.ByKey
	for _, c := range []struct {
		of   *job.Graph
		want string
	}{
		{keyed(2), `1/0 at 20: "f" to 1 from 20, keys []; `},
		{keyed(4), `1/0 at 20: "f" to 1 from 20, keys [0]; 1/0 at 20: "" to 1 from 30, keys []; 1/1 at 20: "f" to 1 from 20, keys [0]; 1/1 at 20: "" to 1 from 30, keys []; `},
		{keyed(3), `1/0 at 20: "f" to 1 from 20, keys [0]; 1/0 at 20: "" to 1 from 30, keys []; 1/1 at 20: "f" to 1 from 20, keys [0]; 1/1 at 20: "" to 1 from 30, keys []; `},
		{one, `0/0 at 20: "f" to 1 from 20, keys [0]; 0/0 at 20: "" to 1 from 30, keys []; `},
	} {
		if got := flows(m, c.of); got != c.want {
			t.Errorf("parallelism %d:\n%s\nwant\n%s", c.of.Vertices[1].Parallelism, got, c.want)
		}
	}
	edited := keyed(2)
	edited.Vertices[0].UID = "other"
	if got := flows(m, edited); !strings.Contains(got, "rows on their way from Source(s) to Agg(a), which the query no longer connects") {
		t.Error(got)
	}
}

func describe(l Layout) string {
	var b strings.Builder
	for _, a := range l.Tasks {
		var in []int64
		for _, c := range a.Channels {
			in = append(in, int64(c.Watermark))
		}
		fmt.Fprintf(&b, "%v %v wm %d in %v ended %v", a.Task, a.Groups, a.Watermark, in, a.Ended)
		for _, t := range a.Tables {
			fmt.Fprintf(&b, " %s≥%d:", t.Name, t.DroppedBefore)
			for _, r := range t.Runs {
				fmt.Fprintf(&b, " %s%v≥%d", r.File, r.Groups, max(0, r.DroppedBefore))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
