package wadi_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// TestFencedByWhoDoesNotLead: a job that is fenced by a coordinator which does not know
// that it leads no more, and then ends, goes on at the one that leads.
func TestFencedByWhoDoesNotLead(t *testing.T) {
	dir, checkpoints := t.TempDir(), t.TempDir()
	s, _, _ := available(t, dir, wadi.Options{Config: map[string]string{"heartbeat.interval": "20 ms", "wadi.cluster.secret": "of this test"}}, nil)
	work(t, s.Cluster(), map[string]string{"taskmanager.numberOfTaskSlots": "2"})
	id := s.submit(fmt.Sprintf(counting, checkpoints))
	await.That(t, "a checkpoint", func() bool { return s.completed(id) > 1 })
	stores := objstore.New(objstore.Options{})
	t.Cleanup(func() { _ = stores.Close() }) // nothing waits in it
	store, err := stores.Open(t.Context(), "file://"+checkpoints+"/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	k := checkpoint.Keeper{
		Store: store, Job: job.ID(id), Now: func() stream.Timestamp { return 1 },
		Pause: func(ctx context.Context, _ int, _ error) error { return ctx.Err() },
	}
	facts, err := k.Load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = k.TakeOver(t.Context(), checkpoint.Takeover{
		Me: checkpoint.Owner{Nonce: "a zombie"}, NewTerm: true, NewGeneration: true, LastTerm: facts.Term, LastGeneration: facts.Generation,
	})
	if err != nil {
		t.Fatal(err)
	}
	await.That(t, "the job goes on", func() bool {
		var all rest.JobsOverview
		s.get("/jobs/overview", &all)
		if len(all.Jobs) != 1 || all.Jobs[0].State != "RUNNING" {
			return false
		}
		after, err := k.Load(t.Context(), nil)
		return err == nil && after.Generation > facts.Generation+1 && s.completed(id) > 1
	})
}
