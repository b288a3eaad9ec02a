package wadi

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator/gear"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
)

// The keys of jobs that choose their gear.
const (
	keyFreshness = "execution.freshness"
	keyAutoMax   = "execution.gear.auto.max-cost-per-hour"
	keyAutoTime  = "execution.gear.auto.min-time"
)

// usual is the freshness of a job that chooses its gear, when nobody says more.
const usual = time.Minute

// automatic is the name by which a job is asked to choose its gear.
const automatic = "auto"

// freshness is how old a row may be when it is visible, as far as somebody has said:
// by 'execution.freshness', or as Flink's interval of checkpoints.
func freshness(get func(string) string) (time.Duration, error) {
	k := &keyReader{get: get}
	return cmp.Or(k.duration(keyFreshness), 2*k.duration(keyCheckpointInterval)), k.err
}

// policy is what a job's gear is chosen by.
func (g gearing) policy(graph *job.Graph) (gear.Policy, error) {
	if g.config.Get(keyFunctions) == "" || g.config.Get(keyCheckpointDir) == "" {
		return gear.Policy{}, fmt.Errorf("%w: gear auto chooses between pipelined and functions: say where functions run ('%s') and meet ('%s'), or choose a gear", job.ErrInvalid, keyFunctions, keyCheckpointDir)
	}
	fresh, err := freshness(g.config.Get)
	if err != nil {
		return gear.Policy{}, err
	}
	k := &keyReader{get: g.config.Get}
	p := gear.Policy{Gears: []job.Gear{job.Pipelined, job.Functions}, Freshness: cmp.Or(fresh, usual), MinTime: k.duration(keyAutoTime)}
	if g.config.Get(keyAutoMax) != "" {
		p.MaxPerHour = k.float(keyAutoMax)
	}
	prices, err := pricesOf(g.config.Get)
	if err != nil {
		return p, err
	}
	plan := cost.PlanOf(graph, cost.MiddlingSpeed)
	plan.FunctionMemory, plan.Coordinated = k.size(keyFunctionMemory), true
	p.Costs = gear.Predicted{Plan: plan, Prices: prices, Freshness: p.Freshness}
	return p, k.err
}

// choose lets a job choose its gear until it has ended, or somebody chooses. It
// returns at once.
func (r *Run) choose() error {
	p, err := r.policy()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chosen == automatic {
		return nil
	}
	r.chosen = automatic
	r.choices++
	c := &chooser{run: r, policy: p, number: r.choices}
	go c.watch()
	return nil
}

// chooser decides about the gear of a job.
type chooser struct {
	run    *Run
	policy gear.Policy
	number int // of the times that the job was asked to choose
	past   gear.Past
	said   string
	speed  speedometer
	used   cost.Usage // when functions were last measured
}

// between is the time between two decisions.
const between = time.Second

func (c *chooser) watch() {
	clock := engine.WallClock{}
	for {
		select {
		case <-c.run.done:
			return
		case <-clock.After(between):
		}
		if !c.run.chooses(c.number) {
			return
		}
		c.look(clock.Now())
	}
}

// chooses reports whether the job chooses, since it was last asked to.
func (r *Run) chooses(number int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chosen == automatic && r.choices == number
}

// look decides once.
func (c *chooser) look(now time.Time) {
	p := c.run.Progress()
	if p.State != "RUNNING" || p.Shifting {
		return
	}
	o := gear.Observation{At: now, Gear: p.Gear, Read: p.Read, Pending: c.run.pending(), Epoch: uint64(p.Epoch)}
	if costs, ok := c.policy.Costs.(gear.Predicted); ok {
		if speed, ok := c.measure(now, p, costs); ok {
			costs.Plan.RowsPerCoreSecond = speed
			c.policy.Costs = costs
		}
	}
	if p.Gear.Brief() {
		o.Pending = p.Waiting
	}
	var d gear.Decision
	d, c.past = gear.Decide(o, c.policy, c.past)
	if d.Gear == p.Gear {
		if said, _, _ := strings.Cut(d.Reason, " since "); said != c.said { // the number behind it grows
			c.said = said
			if said != "" {
				c.run.log.Info("the job stays in its gear", slog.String("gear", string(d.Gear)), slog.String("reason", d.Reason))
			}
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.run.shift(ctx, d.Gear, d.Reason); err != nil {
		c.run.log.Warn("the job cannot change gear", slog.String("gear", string(d.Gear)), slog.String("reason", d.Reason), slog.Any("error", err))
	}
}

// measure is how many rows a core carries through the job, as far as that is known:
// by how busy its tasks are, or by what its functions use.
func (c *chooser) measure(now time.Time, p Progress, costs gear.Predicted) (rowsPerCoreSecond float64, ok bool) {
	if !p.Gear.Brief() {
		return c.speed.measure(now, p.Read, c.run.waits(now))
	}
	used := c.run.Cost().Usage
	speed, ok := costs.Plan.SpeedOf(used.Minus(c.used), costs.Prices)
	if ok {
		c.used = used
	}
	return speed, ok
}

// pending is how many rows the sources know of that are not read; negative when one
// of them does not know.
func (r *Run) pending() (rows int64) {
	known := false
	for _, s := range r.tasks.Stats() {
		if r.graph.Vertices[s.Vertex].Kind != job.KindSource {
			continue
		}
		n, ok := s.Pending.Get()
		if !ok {
			return -1
		}
		rows, known = rows+n, true
	}
	if !known {
		return -1
	}
	return rows
}
