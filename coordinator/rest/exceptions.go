package rest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// Exceptions is the reply of /jobs/:jobid/exceptions. The first four fields are
// those of older clients.
type Exceptions struct {
	Root       *string          `json:"root-exception"`
	RootMillis *int64           `json:"timestamp"`
	All        []OldException   `json:"all-exceptions"`
	Truncated  bool             `json:"truncated"`
	History    ExceptionHistory `json:"exceptionHistory"`
}

// OldException is an exception as older clients know it.
type OldException struct {
	Text     string `json:"exception"`
	Task     string `json:"task"`
	Location string `json:"location"`
	Endpoint string `json:"endpoint"`
	Millis   int64  `json:"timestamp"`
	Worker   string `json:"taskManagerId"`
}

// ExceptionHistory is what has failed, the newest first.
type ExceptionHistory struct {
	Entries   []Exception `json:"entries"`
	Truncated bool        `json:"truncated"`
}

// Exception is one failure.
type Exception struct {
	Name       string            `json:"exceptionName"`
	Stack      string            `json:"stacktrace"`
	Millis     int64             `json:"timestamp"`
	Labels     map[string]string `json:"failureLabels"`
	Task       string            `json:"taskName,omitempty"`
	Endpoint   string            `json:"endpoint,omitempty"`
	Worker     string            `json:"taskManagerId,omitempty"`
	Concurrent []Exception       `json:"concurrentExceptions"`
}

// defaultExceptions is how many are told when a client does not say.
const defaultExceptions = 20

func (s *Server) exceptions(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	limit, err := queryNumber(r, "maxExceptions")
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = defaultExceptions
	}
	labels := map[string]string{}
	for _, f := range queryList(r, "failureLabelFilter") {
		key, value, ok := strings.Cut(f, ":")
		if !ok {
			return nil, unresolved("query", "failureLabelFilter", f)
		}
		labels[key] = value
	}
	reply := Exceptions{All: []OldException{}, History: ExceptionHistory{Entries: []Exception{}, Truncated: l.Dropped > 0}}
	for _, f := range l.Failures {
		e := exceptionOf(j, l, f)
		if !bears(e.Labels, labels) {
			continue
		}
		if len(reply.History.Entries) == limit {
			reply.Truncated, reply.History.Truncated = true, true
			break
		}
		reply.History.Entries = append(reply.History.Entries, e)
		if reply.Root == nil {
			reply.Root, reply.RootMillis = &e.Stack, &e.Millis
		}
		if f.Task != nil {
			reply.All = append(reply.All, OldException{Text: e.Stack, Task: e.Task, Location: e.Endpoint, Endpoint: e.Endpoint, Millis: e.Millis, Worker: e.Worker})
		}
	}
	return reply, nil
}

func bears(labels, wanted map[string]string) bool {
	for k, v := range wanted {
		if labels[k] != v {
			return false
		}
	}
	return true
}

func exceptionOf(j Job, l coordinator.Life, f coordinator.Failure) Exception {
	name, kind := classOf(f.Err)
	e := Exception{
		Name: name, Stack: f.Err.Error(), Millis: f.At.UnixMilli(), Labels: map[string]string{"type": kind}, Concurrent: []Exception{},
	}
	if f.Task != nil {
		at := j.Place(*f.Task)
		e.Task, e.Endpoint, e.Worker = nameOf(l, *f.Task), at.Endpoint, at.Worker
	}
	return e
}

// classOf names the class of an error, and who can help: Flink's labels are
// USER and SYSTEM.
func classOf(err error) (name, kind string) {
	switch {
	case errors.Is(err, job.ErrInvalid):
		return "wadi.InvalidException", "USER"
	case errors.Is(err, job.ErrUnavailable):
		return "wadi.UnavailableException", "SYSTEM"
	case errors.Is(err, job.ErrFenced):
		return "wadi.FencedException", "SYSTEM"
	case errors.Is(err, checkpoint.ErrCorrupt):
		return "wadi.CorruptStateException", "SYSTEM"
	case strings.HasPrefix(err.Error(), "panic: ") || strings.Contains(err.Error(), ": panic: "):
		return "wadi.PanicException", "SYSTEM"
	}
	return "wadi.TaskException", "USER"
}

// Throwable is an error in the form of Flink's clients.
type Throwable struct {
	Class      string `json:"class"`
	Stack      string `json:"stack-trace"`
	Serialized string `json:"serialized-throwable"`
}

func throwable(err error) Throwable {
	name, _ := classOf(err)
	return Throwable{Class: name, Stack: name + ": " + err.Error()}
}
