package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// QueueStatus says whether an operation has ended.
type QueueStatus struct {
	ID string `json:"id"`
}

var (
	inProgress = QueueStatus{"IN_PROGRESS"}
	completed  = QueueStatus{"COMPLETED"}
)

// Trigger is the reply of requests that start an operation.
type Trigger struct {
	ID string `json:"request-id"`
}

// OperationStatus is the reply of those that ask for one.
type OperationStatus struct {
	Status    QueueStatus `json:"status"`
	Operation any         `json:"operation,omitempty"`
}

// Location is what an operation that makes a savepoint has come to.
type Location struct {
	Path string `json:"location"`
}

// Failed is what an operation that failed has come to.
type Failed struct {
	Cause Throwable `json:"failure-cause"`
}

// operations are those that were started and what they have come to. Results
// are kept for a while (rest.async.store-duration); one that is not asked for
// is forgotten.
//
//	start ─► running ─► ended ─── storeFor ───► forgotten
type operations struct {
	now  func() time.Time
	ctx  context.Context //nolint:containedctx // the life of all operations
	stop context.CancelFunc
	work sync.WaitGroup

	mu  sync.Mutex
	all map[operationKey]*operation
}

// operationKey is the id of an operation, of a kind, on a job.
type operationKey struct{ kind, of, id string }

type operation struct {
	ended  time.Time // zero while it runs
	result any
}

const (
	storeFor      = 5 * time.Minute
	maxOperations = 10_000
)

// start runs an operation, unless one of this id was started before: a client
// that has lost the reply may ask again.
func (o *operations) start(kind, of, id string, run func(context.Context) (any, error)) (Trigger, error) {
	if id == "" {
		id = newID()
	}
	if !isID(id) {
		return Trigger{}, badRequest("Bad request received. The triggerId %q is not 32 hexadecimal digits.", id)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget()
	key := operationKey{kind, of, id}
	if o.all[key] != nil {
		return Trigger{id}, nil
	}
	if len(o.all) >= maxOperations {
		return Trigger{}, Error{http.StatusServiceUnavailable, "Too many operations at the same time."}
	}
	if o.all == nil {
		o.all = make(map[operationKey]*operation)
	}
	op := &operation{}
	o.all[key] = op
	o.work.Go(func() {
		result, err := run(o.ctx)
		if err != nil {
			result = Failed{throwable(err)}
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		op.result, op.ended = result, o.now()
	})
	return Trigger{id}, nil
}

// forget drops what nobody has asked for in time.
func (o *operations) forget() {
	for k, op := range o.all {
		if !op.ended.IsZero() && o.now().Sub(op.ended) > storeFor {
			delete(o.all, k)
		}
	}
}

// status is how an operation is; false when there is none.
func (o *operations) status(kind, of, id string) (OperationStatus, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op := o.all[operationKey{kind, of, id}]
	switch {
	case op == nil:
		return OperationStatus{}, false
	case op.ended.IsZero():
		return OperationStatus{Status: inProgress}, true
	}
	return OperationStatus{completed, op.result}, true
}

// close ends what runs and waits for it.
func (o *operations) close() {
	o.stop()
	o.work.Wait()
}

func newID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // the operating system has no randomness
	}
	return hex.EncodeToString(b[:])
}
