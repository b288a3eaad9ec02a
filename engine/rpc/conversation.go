package rpc

// A connection between a worker and its coordinator may break although both go on:
// a switch is started again, a proxy is. The worker connects again within moments,
// and both go on with the same conversation: reports and commands are numbered, each
// side keeps its own until the other has said that it has heard them, and sends again
// what the other has not.
//
//	worker                                   coordinator
//	  Register{Conversation: a}         ──►
//	                                    ◄──  Welcome
//	  Report 1, Report 2                ──►
//	                                    ◄──  Command 1, Command 2 (is lost)
//	                           ── cut ──
//	  Register{Conversation: b, Said: 2,
//	           Resume{a, heard 1}}      ──►
//	                                    ◄──  Welcome{Resumed, heard 2}, Command 2
//
// A coordinator that knows nothing of conversation a, because it is another or has
// given the worker up, begins b, and looks at what the worker holds.

// Outbox keeps messages with their numbers, from 1, until they were heard. The zero
// value is empty.
type Outbox[M any] struct {
	said uint64
	kept []M // the newest
}

// maxKept is how many messages are kept that nobody has heard: with more, the
// conversation cannot go on by another connection.
const maxKept = 1 << 16

// Next is the number of the next message.
func (o *Outbox[M]) Next() uint64 { return o.said + 1 }

// Keep keeps a message, whose number is Next.
func (o *Outbox[M]) Keep(m M) {
	o.said++
	if len(o.kept) == maxKept {
		o.kept = nil
	}
	o.kept = append(o.kept, m)
}

// Heard lets go of the messages up to a number.
func (o *Outbox[M]) Heard(n uint64) {
	if first := o.said - uint64(len(o.kept)); n > first && n <= o.said {
		o.kept = o.kept[n-first:]
	}
}

// After are the messages behind a number; false when some are not kept any more, or
// the number is none of those.
func (o *Outbox[M]) After(n uint64) ([]M, bool) {
	first := o.said - uint64(len(o.kept))
	if n < first || n > o.said {
		return nil, false
	}
	return o.kept[n-first:], true
}

// Conversation is what a worker remembers of the one with its coordinator. The zero
// value is none.
type Conversation struct {
	name  string // "" while there is none
	box   Outbox[ToCoordinator]
	heard uint64 // the number of the newest command
}

// Begin completes a registration: a new conversation of that name begins, which no
// other has had, or the old one goes on.
func (c *Conversation) Begin(r *Register, name string) {
	r.Conversation, r.Said = name, c.box.said
	if c.name != "" {
		r.Resume = &Resume{Conversation: c.name, Heard: c.heard}
	}
}

// Welcomed takes the answer to a registration, and returns what is to be said, again
// or because it came meanwhile; false when it is not all there, and the worker has
// to register anew.
func (c *Conversation) Welcomed(r Register, w Welcome) ([]ToCoordinator, bool) {
	from := w.Heard
	if !w.Resumed {
		c.name, c.heard, from = r.Conversation, 0, r.Said
	}
	rest, ok := c.box.After(from)
	if !ok {
		c.name = ""
		return nil, false
	}
	c.box.Heard(from)
	return rest, true
}

// Say numbers and keeps a report. Other messages do not matter when they are lost.
func (c *Conversation) Say(m *ToCoordinator) {
	if m.Report != nil {
		m.N = c.box.Next()
		c.box.Keep(*m)
	}
}

// Hear takes a message, and reports whether it is new.
func (c *Conversation) Hear(m ToWorker) bool {
	c.box.Heard(m.Heard)
	if m.N == 0 {
		return true
	}
	fresh := m.N > c.heard
	c.heard = max(c.heard, m.N)
	return fresh
}

// Heard is the number of the newest command.
func (c *Conversation) Heard() uint64 { return c.heard }
