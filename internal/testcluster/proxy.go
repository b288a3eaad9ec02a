//go:build unix

package testcluster

import (
	"net"
	"sync"
	"testing"
)

// Proxy passes connections on to one address. Meanwhile it can cut them, let none
// come, or pass nothing on so that both ends wait.
type Proxy struct {
	listener net.Listener
	to       string
	loops    sync.WaitGroup

	mu      sync.Mutex
	open    map[net.Conn]bool
	refuses bool
	moves   chan struct{} // closed while bytes pass
}

// NewProxy returns a Proxy before an address, at which nobody needs to listen yet.
// It lives as long as the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, to: to, open: make(map[net.Conn]bool), moves: make(chan struct{})}
	close(p.moves)
	p.loops.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close() // once
		p.Refuse()
		p.Heal()
		p.cut()
		p.loops.Wait()
	})
	return p
}

// Port is where the Proxy listens, on 127.0.0.1.
func (p *Proxy) Port() string {
	_, port, _ := net.SplitHostPort(p.listener.Addr().String()) // it has one
	return port
}

// Refuse cuts all connections, and those that come until Heal.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	p.refuses = true
	p.mu.Unlock()
	p.cut()
}

// Hold passes nothing on until Heal; nobody is told.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.moves:
		p.moves = make(chan struct{})
	default: // it holds already
	}
}

// Heal ends Refuse and Hold.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = false
	select {
	case <-p.moves:
	default:
		close(p.moves)
	}
}

func (p *Proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // what is under way is lost
		}
		_ = c.Close() // its loops end
	}
}

// keep notes a connection, unless there should be none.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses {
		return false
	}
	p.open[c] = true
	return true
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	_ = c.Close() // it may be closed already
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.loops.Go(func() { p.pass(near) })
	}
}

func (p *Proxy) pass(near net.Conn) {
	defer p.forget(near)
	if !p.keep(near) {
		return
	}
	far, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer p.forget(far)
	if !p.keep(far) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { p.copy(near, far) })
	p.copy(far, near)
	back.Wait()
}

// copy passes on what comes from one end until either has ended.
func (p *Proxy) copy(to, from net.Conn) {
	defer p.forget(to)
	defer p.forget(from)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		moves := p.moves
		p.mu.Unlock()
		<-moves
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
