package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// Listen returns a Cluster whose workers register on an address.
func Listen(ctx context.Context, address string, o Options) (*Cluster, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: listen for workers (jobmanager.rpc.port): %w", job.ErrInvalid, err)
	}
	c := New(o)
	c.listener = l
	c.loops.Go(c.accept)
	return c, nil
}

// Addr is where workers register.
func (c *Cluster) Addr() net.Addr { return c.listener.Addr() }

// Close lets the workers go. Jobs must have ended.
func (c *Cluster) Close() error {
	c.stop()
	var err error
	if c.listener != nil {
		err = c.listener.Close()
	}
	c.mu.Lock()
	for _, w := range c.workers {
		w.close() // its loop ends
	}
	c.mu.Unlock()
	c.loops.Wait()
	if err != nil {
		return fmt.Errorf("close the port for workers: %w", err)
	}
	return nil
}

func (c *Cluster) accept() {
	for {
		raw, err := c.listener.Accept()
		if err != nil {
			return // closed
		}
		c.loops.Go(func() {
			if err := c.welcome(raw); err != nil && c.ctx.Err() == nil {
				c.o.Log.Warn("worker", slog.String("peer", raw.RemoteAddr().String()), slog.Any("error", err))
			}
		})
	}
}

// welcome is the life of the connection of one worker.
func (c *Cluster) welcome(raw net.Conn) error {
	stop := context.AfterFunc(c.ctx, func() { _ = raw.Close() }) // what waits for a word ends
	defer stop()
	conn, purpose, err := peer.Accept(c.ctx, raw, c.o.Identity)
	if err != nil {
		return err
	}
	m := peer.NewMessages(conn)
	defer func() { _ = m.Close() }() // it may be closed already
	if purpose != peer.Control {
		return fmt.Errorf("%w: this is the port for workers", peer.ErrRefused)
	}
	var first rpc.ToCoordinator
	if err := m.Receive(&first, c.o.Timeout); err != nil {
		return err
	}
	if first.Watch != nil {
		return c.watched(m)
	}
	if first.Register == nil || first.Register.Slots < 1 || first.Register.ID == "" {
		return fmt.Errorf("%w: the first word of a worker is its registration", peer.ErrRefused)
	}
	if leads, _ := c.leading(); !leads {
		return nil // it looks for the leader again
	}
	first.Register.Data = dataAddress(first.Register.Data, raw.RemoteAddr())
	l := newLine(m)
	var writer sync.WaitGroup
	writer.Go(l.write)
	defer writer.Wait()
	w := c.Enter(l, *first.Register)
	err = l.read(c.o.Timeout, func(m rpc.ToCoordinator) { w.Take(l, m) })
	if number, away := w.Cut(l, err); away {
		w.await(number, err)
	}
	return nil // it was logged
}

// watched answers a coordinator that stands by.
func (c *Cluster) watched(m *peer.Messages) error {
	for {
		_, term := c.leading()
		if err := m.Send(rpc.ToWorker{Leads: term}); err != nil {
			return nil //nolint:nilerr // a standby may go as it likes
		}
		var again rpc.ToCoordinator
		if err := m.Receive(&again, c.o.Timeout); err != nil {
			return nil //nolint:nilerr // a standby may go as it likes
		}
	}
}

// dataAddress is where others reach a worker: when it receives on any address,
// the one from which it has come.
func dataAddress(address string, from net.Addr) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return address
	}
	if peer, _, err := net.SplitHostPort(from.String()); err == nil {
		return net.JoinHostPort(peer, port)
	}
	return address
}
