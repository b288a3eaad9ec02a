package job

import "errors"

// The classes of errors. A broken invariant is not an error but a panic.
var (
	// ErrInvalid: the user must change something before it can work.
	ErrInvalid = errors.New("invalid request")
	// ErrUnavailable: it may work when tried again.
	ErrUnavailable = errors.New("unavailable")
	// ErrFenced: a newer generation or term owns the job; this one stops.
	ErrFenced = errors.New("fenced by a newer owner")
)
