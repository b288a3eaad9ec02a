package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// captured waits until the barrier has come on all channels of a task, and stores
// what it has overtaken, in one file.
func (u *uploader) captured(s task.Snapshot) ([]checkpoint.InFlight, error) {
	select {
	case <-s.InFlight.Done():
	case <-u.d.ctx.Done():
		return nil, context.Cause(u.d.ctx)
	}
	channels, err := s.InFlight.Elements()
	if err != nil {
		return nil, fmt.Errorf("%w: %w: the barrier of another channel is far behind; the next checkpoint may find less, "+
			"or set 'execution.checkpointing.unaligned.enabled' = 'false'", job.ErrUnavailable, err)
	}
	links := u.d.gates[u.a.Task].links
	flows := make([]checkpoint.InFlight, len(channels))
	var data []byte
	for i, elements := range channels {
		at, l := s.ChannelsBefore[i], links[i]
		flows[i] = checkpoint.InFlight{
			From: l.Edge.From, Port: l.Edge.Port, Sender: l.Sender, Input: l.Edge.Input, Watermark: at.Watermark, Idle: at.Idle, Reaches: at.Watermark,
		}
		if len(elements) == 0 {
			continue
		}
		for _, e := range elements {
			if wm, ok := e.(stream.Watermark); ok {
				flows[i].Reaches = max(flows[i].Reaches, wm.Time)
			}
		}
		segment, err := durable.Encode(elements)
		if err != nil {
			return nil, err
		}
		flows[i].Offset, flows[i].Length = len(data), len(segment)
		data = append(data, segment...)
	}
	if len(data) == 0 {
		return nil, nil
	}
	sum := checkpoint.Sum(data)
	file := checkpoint.InFlightFile(u.d.rpc.Generation, u.a.Task, s.Barrier.Epoch, sum)
	for i := range flows {
		if flows[i].Length > 0 {
			flows[i].File, flows[i].Sum = file, sum
		}
	}
	if err := u.d.worker.storeOf(u.d.rpc.Job).Put(u.d.ctx, file, data); err != nil {
		return nil, fmt.Errorf("store what the barrier has overtaken: %w", err)
	}
	return flows, nil
}

// inFlight is how a task reads what was on its way to it, or nil.
func (b *builder) inFlight(c job.Chain, a rpc.Assignment) func(context.Context) ([]task.Flow, error) {
	if a.InFlight == nil {
		return nil
	}
	return func(ctx context.Context) ([]task.Flow, error) {
		flows, err := b.worker.readFlows(ctx, b.rpc, c, a)
		if err != nil {
			task.Release(flows)
			return nil, err
		}
		return flows, nil
	}
}

func (w *Worker) readFlows(ctx context.Context, d rpc.Deploy, c job.Chain, a rpc.Assignment) (flows []task.Flow, err error) {
	files := make(map[string][]byte)
	for _, f := range a.InFlight {
		flow := task.Flow{
			Stage: slices.Index(c.Vertices, f.Vertex), Input: f.Input, Watermark: f.Watermark, Idle: f.Idle, Reached: f.Reached,
		}
		if f.Length > 0 && files[f.File] == nil {
			data, err := w.storeOf(d.Job).Get(ctx, f.File)
			if err != nil {
				return flows, fmt.Errorf("%w: %s: %w", checkpoint.ErrCorrupt, f.File, err)
			}
			if checkpoint.Sum(data) != f.Sum {
				return flows, fmt.Errorf("%w: %s: the checksum does not match", checkpoint.ErrCorrupt, f.File)
			}
			files[f.File] = data
		}
		if f.Length > 0 {
			if flow.Elements, err = durable.Decode(files[f.File][f.Offset:f.Offset+f.Length], w.o.Alloc); err != nil {
				return flows, fmt.Errorf("%w: %s: %w", checkpoint.ErrCorrupt, f.File, err)
			}
		}
		if f.Keys != nil {
			flow.Elements = exchange.Owned(flow.Elements, f.Keys, d.Graph.KeyGroups, a.Groups, w.o.Alloc)
		}
		flows = append(flows, flow)
	}
	return flows, nil
}

// lend lets barriers overtake at a task that has inputs.
func (b *builder) lend(id checkpoint.TaskID, stages []task.Stage) {
	g := b.gates[id]
	if over, ok := g.Gate.(exchange.Overtaker); ok && b.worker.o.Overtaking {
		o := exchange.Overtaking{Clock: b.worker.o.Clock, Outputs: outputs(stages), Blocked: &stages[0].Stats.Blocked}
		for _, l := range g.links {
			o.Ordered = append(o.Ordered, !l.Edge.Overtakes())
		}
		over.AllowOvertaking(o)
	}
}

// outputs are the channels that lead out of a chain and can lend.
func outputs(stages []task.Stage) (all []exchange.Lender) {
	for _, s := range stages {
		for _, routes := range s.Routes {
			for _, r := range routes {
				all = append(all, r.Lenders()...)
			}
		}
	}
	return all
}
