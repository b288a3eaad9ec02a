package checkpoint

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var rewrite = flag.Bool("rewrite", false, "write the files in testdata/compat anew")

func sample() *Manifest {
	groups := stream.KeyGroupRange{Start: 0, End: 128}
	return &Manifest{
		Kind: Complete, Job: "00112233445566778899aabbccddeeff", Name: "flights → daily", Epoch: 42,
		Owner:  Owner{Generation: 3, Term: 2, Nonce: "c0ffee"},
		Parent: 40, Created: 1700000000000, KeyGroups: 128,
		Vertices: []Vertex{
			{ID: 0, UID: "source-1", Name: "Source(flights)", Kind: job.KindSource, Parallelism: 2},
			{ID: 1, UID: "agg-1", Name: "GroupAggregate(a)", Kind: "group-agg", Parallelism: 1, Head: 1},
		},
		Handles: []Handle{
			{
				Task: TaskID{0, 0}, Groups: groups, Watermark: 1600000000000,
				Splits: []ops.Split{{ID: "f.parquet#0", Position: []byte{1, 2}, Watermark: 1600000000000, Idle: true}},
			},
			{
				Task: TaskID{1, 0}, Groups: groups, Watermark: stream.Start, NextTick: 7,
				Tables: []TableState{{
					UID: "agg-1", Name: "accumulators", DroppedBefore: stream.Start,
					Runs: []Run{{
						File: "shared/3-42-1-0-0123456789abcdef.parquet", Groups: groups, Rows: 10, Bytes: 999,
						Sum: "0123456789abcdef", Oldest: 41, Newest: 42, DroppedBefore: stream.Start, Latest: stream.Start,
					}},
				}},
				Channels:     []ChannelTime{{Input: 0, Watermark: 5}, {Input: 0, Watermark: 6, Idle: true}},
				Committables: map[string][]ops.Pending{"sink-1": {{Epoch: 42, Committables: []ops.Committable{{1, 9}}}}},
				Ended:        true,
			},
		},
		Sources: map[string]SourceState{"source-1": {Snapshot: []byte("state")}},
		Pending: map[string][]ops.Pending{"sink-1": {{Epoch: 42, Committables: []ops.Committable{{1, 9}}}}},
	}
}

// TestCompat reads what released versions wrote, and checks that today's bytes
// are those of version 1.
func TestCompat(t *testing.T) {
	owner := Owner{Generation: 3, Term: 2, Nonce: "c0ffee"}
	docs := map[string][]byte{
		"manifest":   sample().Encode(),
		"aborted":    (&Manifest{Kind: Aborted, Job: "j", Epoch: 41, Owner: owner, Created: 1, Reason: "timeout"}).Encode(),
		"generation": encode("generation", Succession{Owner: owner, Job: "j", Created: 1}),
		"term":       encode("term", Succession{Owner: owner, Job: "j", Created: 1}),
		"name":       encode("name", NameRecord{Job: "j", Nonce: "c0ffee", Created: 1}),
		"terminal":   encode("terminal", Terminal{State: Finished, Owner: owner, Job: "j", Epoch: 42, Created: 1}),
	}
	for name, doc := range docs {
		file := filepath.Join("testdata", "compat", "v1-"+name+".json")
		if *rewrite {
			if err := os.WriteFile(file, doc, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(doc) {
			t.Errorf("%s:\n got %s\nwant %s", name, doc, want)
		}
	}
}

// TestEveryBit flips every bit of a manifest and cuts it at every length.
func TestEveryBit(t *testing.T) {
	data := sample().Encode()
	if m, err := DecodeManifest("f", data); err != nil || string(m.Encode()) != string(data) {
		t.Fatalf("the manifest does not survive: %v", err)
	}
	for i := range data {
		if _, err := DecodeManifest("f", data[:i]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", i, err)
		}
		for bit := range 8 {
			data[i] ^= 1 << bit
			if _, err := DecodeManifest("f", data); err == nil {
				t.Fatalf("bit %d of byte %d flipped: no error", bit, i)
			}
			data[i] ^= 1 << bit
		}
	}
}

func TestNames(t *testing.T) {
	store := memory{}
	n := Names{Store: store, Now: func() stream.Timestamp { return 0 }, Pause: giveUp}
	ctx := context.Background()
	for _, name := range []string{"", "plain", "../..", "a/b", "ü", string(make([]byte, 1000))} {
		if id, k, err := n.Newest(ctx, name); id != "" || k != 0 || err != nil {
			t.Fatalf("%q: %v %v %v", name, id, k, err)
		}
		for k := range uint64(11) {
			id := job.ID(rune('a' + k))
			if err := n.Claim(ctx, name, k+1, id, "me"); err != nil {
				t.Fatal(err)
			}
			if err := n.Claim(ctx, name, k+1, id, "me"); err != nil {
				t.Fatalf("a claim of our own: %v", err)
			}
			if err := n.Claim(ctx, name, k+1, "other", "you"); !errors.Is(err, job.ErrFenced) {
				t.Fatalf("a claim of another: %v", err)
			}
			if got, number, err := n.Newest(ctx, name); got != id || number != k+1 || err != nil {
				t.Fatalf("%q: %v %v %v", name, got, number, err)
			}
		}
	}
}

func giveUp(_ context.Context, _ int, cause error) error { return cause }
