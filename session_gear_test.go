package wadi_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// TestSessionGear: the gear of a job is changed by the API, and a coordinator that
// takes the job over goes on in it.
func TestSessionGear(t *testing.T) {
	dir := t.TempDir()
	_, url := serveFunction(t)
	config := map[string]string{
		"execution.checkpointing.interval": "100 ms", "execution.functions.target": url, "taskmanager.numberOfTaskSlots": "4",
	}
	s, _, end := available(t, dir, wadi.Options{Config: config}, nil)
	work(t, s.Cluster(), map[string]string{"taskmanager.numberOfTaskSlots": "4", "wadi.cluster.secret": ""})
	jobs, err := s.client().Submit(t.Context(), rest.SQLRequest{Statement: fmt.Sprintf(counting, t.TempDir()), Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	id := string(jobs[0].JobID)
	await.That(t, "an epoch", func() bool { return s.Jobs()[0].Progress().Epoch > 0 })
	g, err := s.client().Gear(t.Context(), id, "")
	if err != nil || g.Gear != job.Pipelined || g.Chosen != "pipelined" || len(g.Shifts) != 0 {
		t.Errorf("%+v %v", g, err)
	}
	if _, err := s.client().Gear(t.Context(), id, "sixth"); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "want pipelined, staged or functions") {
		t.Error(err)
	}
	if g, err = s.client().Gear(t.Context(), id, "functions"); err != nil || g.Chosen != "functions" {
		t.Errorf("%+v %v", g, err)
	}
	await.That(t, "the functions gear", func() bool {
		g, err = s.client().Gear(t.Context(), id, "")
		return err != nil || g.Gear == job.Functions && g.Shifts[0].Done
	})
	epoch := s.Jobs()[0].Progress().Epoch
	await.That(t, "an epoch of functions", func() bool { return s.Jobs()[0].Progress().Epoch > epoch })
	end()
	s, _, end = available(t, dir, wadi.Options{Config: config}, nil)
	defer end()
	await.That(t, "the job goes on", func() bool { return len(s.Jobs()) == 1 && s.Jobs()[0].Progress().Epoch > epoch })
	if g, err = s.client().Gear(t.Context(), id, ""); err != nil || g.Gear != job.Functions || g.Chosen != "functions" {
		t.Errorf("taken over: %+v %v", g, err)
	}
}
