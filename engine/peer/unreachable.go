package peer

// Unreachable is the error of a connection that could not be made, or was cut.
type Unreachable struct {
	Address string // of the process at its other end
	Err     error
}

func (e *Unreachable) Error() string { return e.Err.Error() }

func (e *Unreachable) Unwrap() error { return e.Err }
