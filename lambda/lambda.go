// Package lambda hosts work inside functions, and calls it there: AWS Lambda,
// Azure Functions with a custom handler, and every platform that answers HTTP
// requests with processes of its own.
//
// An event goes in, a reply comes out, both documents of JSON that mean nothing
// here. What fails keeps its class on the way back.
package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
)

// Handler answers an event. It must expect that the same event comes again, or
// twice at once.
type Handler func(ctx context.Context, event json.RawMessage) (json.RawMessage, error)

// Invoker calls a function and waits for its reply. An error is a Failure of the
// function itself, or wraps job.ErrUnavailable: then nobody knows whether it ran.
type Invoker interface {
	Invoke(ctx context.Context, event json.RawMessage) (json.RawMessage, error)
}

// Sender is an Invoker that can also leave an event with the platform, which calls
// the function by itself, and again when it fails. An error says that nobody
// knows whether the platform has the event.
type Sender interface {
	Invoker
	Send(ctx context.Context, event json.RawMessage) error
}

// MaxSent is how many bytes an event may have that is left with the platform; AWS
// Lambda's limit.
const MaxSent = 256 << 10

// MaxPayload is how many bytes an event or a reply may have; AWS Lambda's limit
// for calls that wait.
const MaxPayload = 6 << 20

// Failure is the error of a function, as it crosses the wire.
type Failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// classes are the errors that keep what they are.
var classes = map[string]error{"invalid": job.ErrInvalid, "corrupt": checkpoint.ErrCorrupt, "unavailable": job.ErrUnavailable}

const failed = "failed"

// FailureOf is err as it crosses the wire.
func FailureOf(err error) Failure {
	for name, class := range classes {
		if errors.Is(err, class) {
			return Failure{name, err.Error()}
		}
	}
	return Failure{failed, err.Error()}
}

func (f Failure) Error() string {
	if _, ours := classes[f.Type]; ours || f.Type == failed || f.Type == "" {
		return f.Message
	}
	return fmt.Sprintf("%s: %s", f.Type, f.Message)
}

// Unwrap is the class of the error. A function that was ended from outside, for
// its time, its memory, or because it crashed, is worth another try.
func (f Failure) Unwrap() error {
	if class, ours := classes[f.Type]; ours {
		return class
	}
	if f.Type == failed {
		return nil
	}
	return job.ErrUnavailable
}
