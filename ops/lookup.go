package ops

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// Lookup finds rows of a table by the values of some of its columns. One goroutine
// calls it, and waits.
type Lookup interface {
	// Find gives f the rows whose columns have the values of a row of keys, an
	// array for each of Asking's By. It may give others too. What f is given is
	// valid until f returns; an error of f ends it.
	Find(ctx context.Context, keys []arrow.Array, f func(rows arrow.RecordBatch) error) error
	Close() error
}

// Asking is what is to be found.
type Asking struct {
	// Scan has the columns of the rows. Its filter is a hint, as in reading.
	Scan Scan `json:"scan"`
	// By are the columns of the scan of which values are given.
	By []int `json:"by"`
	// Retries is how often to ask again where that may help.
	Retries int `json:"retries,omitempty"`
}

// LookupCache says for how long what was found is kept; without one it is for a
// batch.
type LookupCache struct {
	// MaxKeys is how many keys are kept, the last used; 0 is all.
	MaxKeys int64 `json:"maxKeys,omitempty"`
	// AfterWriteMillis and AfterAccessMillis are how long the rows of a key are
	// kept since they were found, or used last; 0 is for ever.
	AfterWriteMillis  int64 `json:"afterWriteMillis,omitempty"`
	AfterAccessMillis int64 `json:"afterAccessMillis,omitempty"`
	// Missing says that a key without rows is kept too.
	Missing bool `json:"missing,omitempty"`
}
