package coordinator

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// TestTargetAway: a target that does not answer for ten minutes is asked again and
// again, no less than every half a minute; meanwhile checkpoints go on, the job
// says what it waits for, and in the end everything is published at once.
func TestTargetAway(t *testing.T) {
	var p player
	asked := 0
	play := func(format string, args ...any) {
		p.out.Reset()
		p.play(strings.Fields(fmt.Sprintf(format, args...)))
		for strings.Contains(p.out.String(), "publish") {
			asked++
			p.out.Reset()
			p.play([]string{"published", "0", "unavailable"})
		}
	}
	p.start([]datadriven.CmdArg{{Key: "interval", Vals: []string{"10s"}}})
	play("begun")
	play("running")
	const epochs = 60
	for n := 1; n <= epochs; n++ {
		for range 10 {
			play("after 1s")
		}
		play("frozen %d", n)
		for _, task := range []string{"0/0", "0/1", "1/0"} {
			play("sealed %s %d", task, n)
		}
		play("claimed %d checkpoint", n)
	}
	got := p.state.progress(p.now)
	if got.State != "RUNNING" || got.Restarts != 0 || got.Staged != epochs || got.Failures != 0 {
		t.Errorf("after ten minutes: %+v", got)
	}
	if want := fmt.Sprintf("publish the rows of sink sink: unavailable (%d times; the rows are staged)", asked); got.Problem != want || asked < 20 {
		t.Errorf("problem %q, want %q, with 20 at least", got.Problem, want)
	}
	offered := 0
	for range 30 {
		p.out.Reset()
		p.play([]string{"after", "1s"})
		if out := p.out.String(); strings.Contains(out, "publish") {
			offered = strings.Count(out, "=[")
			break
		}
	}
	if offered != epochs {
		t.Errorf("%d epochs are published at once, want %d", offered, epochs)
	}
	play("published %d", epochs)
	if got := p.state.progress(p.now); got.Problem != "" || got.Staged != 0 {
		t.Errorf("when the target is back: %+v", got)
	}
}

// TestBeginAgain: an attempt that could not begin is followed by one with the same
// term, when that was taken, or with a new one.
func TestBeginAgain(t *testing.T) {
	mine := checkpoint.Owner{Term: 3, Generation: 5, Nonce: "n"}
	for _, c := range []struct {
		taken checkpoint.Owner
		want  Begin
	}{
		{mine, Begin{Attempt: 1, Gear: job.Pipelined, Me: mine}},
		{checkpoint.Owner{}, Begin{Attempt: 1, Gear: job.Pipelined, First: true}},
	} {
		var p player
		p.start([]datadriven.CmdArg{{Key: "restarts", Vals: []string{"1"}}})
		p.state, _ = Step(p.state, p.now, Begun{Owner: c.taken, Err: job.ErrUnavailable})
		_, actions := Step(p.state, p.now.Add(time.Second), Tick{})
		if want := []Action{c.want}; !reflect.DeepEqual(actions, want) {
			t.Errorf("after %+v: %+v, want %+v", c.taken, actions, want)
		}
		if got := p.state.progress(p.now); got.Problem != "unavailable" || got.State != "RESTARTING" {
			t.Errorf("meanwhile: %+v", got)
		}
	}
}

// TestSourceAway: what a source cannot reach is looked for again soon, and said.
func TestSourceAway(t *testing.T) {
	var p player
	p.start([]datadriven.CmdArg{{Key: "interval", Vals: []string{"1h"}}})
	p.play([]string{"begun"})
	found := func(err error) []Action {
		var actions []Action
		p.state, actions = Step(p.state, p.now, Discovered{Attempt: p.state.attempt, Err: err})
		return actions
	}
	for range 3 {
		if actions := found(job.ErrUnavailable); len(actions) > 0 {
			t.Errorf("at once: %+v", actions)
		}
		if got := p.state.progress(p.now); got.Problem != "look for splits of Source: unavailable" || got.State != "RUNNING" {
			t.Errorf("meanwhile: %+v", got)
		}
		p.out.Reset()
		if p.play([]string{"after", "10s"}); p.out.String() != "discover\n" {
			t.Errorf("10 seconds later: %q", p.out.String())
		}
	}
	found(nil)
	if got := p.state.progress(p.now); got.Problem != "" {
		t.Errorf("when it is back: %+v", got)
	}
}
