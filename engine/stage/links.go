package stage

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/job"
)

// links are the durable channels of a stage.
type links struct {
	spec    Spec
	attempt string
	o       engine.Options
	store   checkpoint.Store // of the job
	heads   map[job.VertexID]job.VertexID
	outputs map[checkpoint.TaskID]*durable.Output
}

func newLinks(s Spec, attempt string, o engine.Options) *links {
	return &links{
		spec: s, attempt: attempt, o: o, store: checkpoint.Sub(o.Store, checkpoint.JobDir(s.Job)),
		heads: heads(s.Graph), outputs: make(map[checkpoint.TaskID]*durable.Output),
	}
}

// heads are the first vertices of the chains, by each of their vertices.
func heads(g *job.Graph) map[job.VertexID]job.VertexID {
	of := make(map[job.VertexID]job.VertexID)
	for _, c := range g.Chains() {
		for _, v := range c.Vertices {
			of[v] = c.Head()
		}
	}
	return of
}

func nameOf(e job.Edge) string { return fmt.Sprintf("%d.%d-%d.%d", e.From, e.Port, e.To, e.Input) }

func (l *links) sender(k engine.Link) checkpoint.TaskID {
	return checkpoint.TaskID{Vertex: l.heads[k.Edge.From], Index: k.Sender}
}

// Gate reads what the stages before this one have sealed.
func (l *links) Gate(channels []engine.Link) exchange.Gate {
	of := make([]durable.Channel, len(channels))
	for i, k := range channels {
		of[i] = durable.Channel{Edge: nameOf(k.Edge), Sender: l.sender(k), Receiver: k.Receiver}
	}
	return durable.NewGate(of, l.spec.Inputs, l.store, l.o.Alloc)
}

// Channel writes to a stage behind this one.
func (l *links) Channel(k engine.Link) exchange.Channel {
	id := l.sender(k)
	out := l.outputs[id]
	if out == nil {
		out = durable.NewOutput(durable.Name{Epoch: l.spec.Epoch, Task: id, Attempt: l.attempt}, l.store, l.o.Alloc, l.spec.inline())
		l.outputs[id] = out
	}
	return out.Channel(nameOf(k.Edge), k.Receiver)
}

// Release does nothing: what is sealed stays.
func (l *links) Release() {}

// seal tells what every task has sent, those too that send to nobody.
func (l *links) seal(ctx context.Context) ([]durable.Sent, error) {
	var all []durable.Sent
	for _, a := range l.spec.Tasks {
		out := l.outputs[a.Task]
		if out == nil {
			continue
		}
		sent, err := out.Seal(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, sent)
	}
	return all, nil
}

// InputsOf are the parts of sent that the tasks of s read.
func InputsOf(s Spec, sent []durable.Sent) []durable.Sent {
	if len(s.Tasks) == 0 {
		return nil
	}
	edges, receivers, chains := make(map[string]bool), make(map[int]bool), make(map[job.VertexID]bool)
	senders, heads := make(map[job.VertexID]bool), heads(s.Graph)
	for _, a := range s.Tasks {
		receivers[a.Task.Index], chains[a.Task.Vertex] = true, true
	}
	for _, e := range s.Graph.Edges {
		if chains[heads[e.To]] && !chains[heads[e.From]] {
			edges[nameOf(e)], senders[heads[e.From]] = true, true
		}
	}
	var out []durable.Sent
	for _, x := range sent {
		if senders[x.Task.Vertex] {
			out = append(out, x.Select(func(edge string, receiver int) bool { return edges[edge] && receivers[receiver] }))
		}
	}
	return out
}
