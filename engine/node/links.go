package node

import (
	"fmt"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/rpc"
)

// links are the channels of a deployment that lead to other workers.
type links struct {
	t        *remote.Transport
	deploy   rpc.Deploy
	budget   int64
	places   map[int]string // by index of the tasks
	keys     []remote.Key   // of what is received here
	channels []*remote.Channel
}

func newLinks(t *remote.Transport, d rpc.Deploy, o engine.Options) *links {
	l := &links{t: t, deploy: d, budget: o.ChannelBytes, places: make(map[int]string, len(d.Places))}
	for _, p := range d.Places {
		l.places[p.Index] = p.Address
	}
	return l
}

func (l *links) key(k engine.Link) remote.Key {
	e := k.Edge
	return remote.Key{
		Job: l.deploy.Job, Generation: uint64(l.deploy.Generation), Edge: fmt.Sprintf("%d.%d-%d.%d", e.From, e.Port, e.To, e.Input),
		Sender: k.Sender, Receiver: k.Receiver,
	}
}

// Gate is the receiving end of a task some of whose senders are elsewhere.
func (l *links) Gate(channels []engine.Link) exchange.Gate {
	keys := make([]remote.Key, len(channels))
	for i, c := range channels {
		keys[i] = l.key(c)
	}
	g := exchange.NewLocal(len(channels), l.budget)
	l.t.Receive(keys, g)
	l.keys = append(l.keys, keys...)
	return g
}

// Channel is the sending end of a channel to such a gate, here or elsewhere.
func (l *links) Channel(k engine.Link) exchange.Channel {
	address, elsewhere := l.places[k.Receiver]
	if !elsewhere {
		if c, ok := l.t.Local(l.key(k)); ok {
			return c
		}
	}
	c := l.t.Channel(address, l.key(k))
	l.channels = append(l.channels, c)
	return c
}

// Release gives up all channels.
func (l *links) Release() {
	for _, c := range l.channels {
		c.Close()
	}
	l.t.Release(l.keys)
}
