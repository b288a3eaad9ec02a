package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/wadi-engine/wadi/job"
)

// Error is what a request is answered with that cannot be served.
type Error struct {
	Status int
	Text   string
}

func (e Error) Error() string { return e.Text }

func badRequest(format string, args ...any) error {
	return Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return Error{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// Errors is the body of every reply that is not a success.
type Errors struct {
	Errors []string `json:"errors"`
}

// statusOf is the code for an error of the cluster's.
func statusOf(err error) int {
	var e Error
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return e.Status
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, job.ErrInvalid):
		return http.StatusBadRequest
	case errors.Is(err, job.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func writeError(w http.ResponseWriter, err error) {
	writeJSON(w, statusOf(err), Errors{[]string{err.Error()}})
}

// writeJSON ends a request. That the client is gone is nobody's error.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body)
}
