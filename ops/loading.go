package ops

import (
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Loading is an operator that has a table besides its inputs: the engine reads it
// whole before the first row, and again now and then, beside the task.
type Loading interface {
	Operator
	// Loads is what is read, and how long after a reading the next one begins; 0
	// reads it once.
	Loads() (scan Scan, again time.Duration)
	// Loaded is told all rows of the table, in place of those that it was told
	// before. It is called behind Open, and then between rows. It does not take
	// over the references.
	Loaded(rows []arrow.RecordBatch) error
}
