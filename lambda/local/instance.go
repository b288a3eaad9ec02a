package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
)

// instance is one process of a function, and the runtime API that it asks for
// events.
type instance struct {
	cmd    *exec.Cmd
	server *http.Server
	memory int64

	events  chan invocation // to the process
	answers chan answer     // of the process
	exited  chan struct{}
	number  atomic.Int64
	ended   atomic.Bool // by us
	// peak is the most memory that was seen, own that without what it shares with files;
	// whoever has the instance looks.
	peak, own int64
}

type invocation struct {
	id       string
	deadline time.Time
	event    json.RawMessage
}

type answer struct {
	id    string
	reply json.RawMessage
	err   error
	ran   time.Duration
}

func start(o Options) (*instance, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%w: listen for an instance: %w", job.ErrUnavailable, err)
	}
	i := &instance{
		memory: o.Memory, events: make(chan invocation), answers: make(chan answer, 1), exited: make(chan struct{}),
	}
	i.server = &http.Server{Handler: i.api(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = i.server.Serve(listener) }() // until end
	i.cmd = exec.Command(o.Command[0], o.Command[1:]...)
	i.cmd.Env = append(append(os.Environ(), o.Env...), lambda.EnvLambda+"="+listener.Addr().String())
	if o.Memory > 0 {
		i.cmd.Env = append(i.cmd.Env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.FormatInt(o.Memory>>20, 10))
	}
	i.cmd.Stdout, i.cmd.Stderr = os.Stderr, os.Stderr
	apart(i.cmd)
	if err := i.cmd.Start(); err != nil {
		_ = i.server.Close() // nobody asked it anything
		return nil, fmt.Errorf("%w: start an instance: %w", job.ErrUnavailable, err)
	}
	go func() {
		_ = i.cmd.Wait() // how it ended is in ProcessState
		close(i.exited)
	}()
	return i, nil
}

// api is AWS Lambda's runtime API, version 2018-06-01.
func (i *instance) api() http.Handler {
	const root = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root+"invocation/next", i.next)
	mux.HandleFunc("POST "+root+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		reply, err := io.ReadAll(http.MaxBytesReader(w, r.Body, lambda.MaxPayload))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			i.answer(answer{id: r.PathValue("id"), err: lambda.Failure{Type: "Function.ResponseSizeTooLarge", Message: err.Error()}})
			return
		}
		w.WriteHeader(http.StatusAccepted)
		i.answer(answer{id: r.PathValue("id"), reply: reply})
	})
	fail := func(w http.ResponseWriter, r *http.Request) {
		f := lambda.Failure{Type: "Unhandled"}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, lambda.MaxPayload)).Decode(&f); err != nil {
			f.Message = err.Error()
		}
		w.WriteHeader(http.StatusAccepted)
		i.answer(answer{id: r.PathValue("id"), err: f})
	}
	mux.HandleFunc("POST "+root+"invocation/{id}/error", fail)
	mux.HandleFunc("POST "+root+"init/error", fail)
	return mux
}

// next is the process asking for an event.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	select {
	case e := <-i.events:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", e.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(e.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:0:function:wadi")
		_, _ = w.Write(e.event) // a process that has gone is noticed by its exit
	case <-r.Context().Done():
	}
}

func (i *instance) answer(a answer) {
	select {
	case i.answers <- a:
	default: // nobody has asked
	}
}

// invoke gives the process an event, and waits for its answer.
func (i *instance) invoke(event json.RawMessage, timeout time.Duration) answer {
	thaw(i.cmd.Process)
	id := strconv.FormatInt(i.number.Add(1), 10)
	end := time.After(timeout)                     //nolint:forbidigo // a platform has a clock
	deadline := time.Now().Add(timeout)            //nolint:forbidigo // a platform has a clock
	watch := time.NewTicker(20 * time.Millisecond) //nolint:forbidigo // a platform has a clock
	defer watch.Stop()
	events := i.events
	for {
		select {
		case events <- invocation{id, deadline, event}:
			events = nil
		case a := <-i.answers:
			if a.id != id && a.id != "" {
				continue // of an event before
			}
			i.look()
			freeze(i.cmd.Process)
			return a
		case <-i.exited:
			return answer{id: id, err: lambda.Failure{Type: "Runtime.ExitError", Message: fmt.Sprintf("the process ended: %v", i.cmd.ProcessState)}}
		case <-watch.C:
			if used := i.look(); i.memory > 0 && used > i.memory {
				i.end()
				return answer{id: id, err: lambda.Failure{Type: "Runtime.OutOfMemory", Message: fmt.Sprintf(
					"%d MiB are in use, %d allowed: give the function more memory, or less to do at a time ('wadi.staged.rows-per-epoch', 'parallelism.default')", used>>20, i.memory>>20)}}
			}
		case <-end:
			i.end()
			return answer{id: id, err: lambda.Failure{Type: "Sandbox.Timedout", Message: fmt.Sprintf(
				"no answer after %v: give the function more time, or less to do at a time ('wadi.staged.rows-per-epoch', 'parallelism.default')", timeout)}}
		}
	}
}

// look notes how much memory the process has, and returns what is its own.
func (i *instance) look() int64 {
	own, peak := resident(i.cmd.Process)
	i.own, i.peak = max(i.own, own), max(i.peak, peak)
	return own
}

// gone says that the process answers no more events.
func (i *instance) gone() bool {
	select {
	case <-i.exited:
		return true
	default:
		return i.ended.Load()
	}
}

// end kills the process.
func (i *instance) end() {
	if i.ended.Swap(true) {
		return
	}
	_ = i.cmd.Process.Kill() // it may have ended by itself
	_ = i.server.Close()     // its client is gone
}
