package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// JobEvent says that a job has moved on. It is told to those who listen at
// /api/events, as Server-Sent Events whose name is "job".
type JobEvent struct {
	ID         job.ID `json:"jid"`
	Name       string `json:"name"`
	State      string `json:"state"`
	AtMillis   int64  `json:"timestamp"`
	Checkpoint uint64 `json:"checkpoint,omitempty"` // the newest that completed
	Restarts   int    `json:"restarts"`
	Gear       string `json:"gear"`
}

const (
	maxListeners = 128
	// backlog is how many events a listener may be behind; one that is slower is
	// cut off, and comes again.
	backlog = 256
	// beat is how often a listener hears something, so that dead ones are found.
	beat = 15 * time.Second
)

// hub passes events on to listeners.
type hub struct {
	mu     sync.Mutex
	all    map[chan JobEvent]struct{}
	closed bool
}

func (h *hub) listen() (chan JobEvent, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.all) >= maxListeners {
		return nil, false
	}
	c := make(chan JobEvent, backlog)
	if h.all == nil {
		h.all = make(map[chan JobEvent]struct{})
	}
	h.all[c] = struct{}{}
	return c, true
}

// leave forgets a listener.
func (h *hub) leave(c chan JobEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.all[c]; there {
		delete(h.all, c)
		close(c)
	}
}

func (h *hub) tell(e JobEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.all {
		select {
		case c <- e:
		default:
			delete(h.all, c)
			close(c)
		}
	}
}

func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.all {
		delete(h.all, c)
		close(c)
	}
}

// Changed tells listeners how a job is. The cluster calls it when a job has
// changed its status or its gear, or completed a checkpoint; it does not wait.
func (s *Server) Changed(j coordinator.Summary) { s.events.tell(s.eventOf(j)) }

func (s *Server) eventOf(j coordinator.Summary) JobEvent {
	return JobEvent{
		ID: j.Job, Name: j.Name, State: j.Status.String(), AtMillis: s.o.Clock.Now().UnixMilli(),
		Restarts: j.Restarts, Checkpoint: uint64(j.Checkpoint), Gear: string(j.Gear),
	}
}

// stream first tells how all jobs are, and then what changes.
func (s *Server) stream(*http.Request) (any, error) {
	c, ok := s.events.listen()
	if !ok {
		return nil, Error{http.StatusServiceUnavailable, "Too many listeners."}
	}
	return streaming(func(w http.ResponseWriter, r *http.Request) {
		defer s.events.leave(c)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		out := http.NewResponseController(w)
		say := func(format string, args ...any) bool {
			_ = out.SetWriteDeadline(s.o.Clock.Now().Add(s.o.Timeout))
			_, err := fmt.Fprintf(w, format, args...)
			return err == nil && out.Flush() == nil
		}
		tell := func(e JobEvent) bool {
			data, err := json.Marshal(e)
			return err == nil && say("event: job\ndata: %s\n\n", data)
		}
		for _, j := range s.cluster.Jobs() {
			if !tell(s.eventOf(j.Summary())) {
				return
			}
		}
		if !say(": these are all\n\n") {
			return
		}
		for {
			select {
			case e, ok := <-c:
				if !ok || !tell(e) {
					return
				}
			case <-s.o.Clock.After(beat):
				if !say(": still here\n\n") {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	}), nil
}
