package cost

import "time"

// Usage is what was used: of an invocation, an epoch, a job, or an hour. Counts
// add up; the zero value is nothing.
type Usage struct {
	// Rows are those that were read at the sources.
	Rows int64 `json:"rows,omitempty"`
	// Epochs are those that were claimed.
	Epochs int64 `json:"epochs,omitempty"`
	// Invocations are those that were begun, doubles and retries among them.
	Invocations int64 `json:"invocations,omitempty"`
	// GBSeconds are the time that is billed for them, times their memory.
	GBSeconds float64 `json:"gbSeconds,omitempty"`
	// Puts are requests to storage that write or list, Gets those that read or
	// look. Removing costs nothing, but what is removed is looked at before.
	Puts int64 `json:"puts,omitempty"`
	Gets int64 `json:"gets,omitempty"`
	// Written and Read are bytes of objects.
	Written int64 `json:"bytesWritten,omitempty"`
	Read    int64 `json:"bytesRead,omitempty"`
	// CoreSeconds are for how long slots of workers were held, a core each.
	CoreSeconds float64 `json:"coreSeconds,omitempty"`
	// CoordinatorSeconds are for how long a process coordinated that runs no tasks.
	CoordinatorSeconds float64 `json:"coordinatorSeconds,omitempty"`
	// StoredGBHours is what lay in storage, times how long.
	StoredGBHours float64 `json:"storedGBHours,omitempty"`
}

// Plus is the sum of two.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		Rows: u.Rows + v.Rows, Epochs: u.Epochs + v.Epochs,
		Invocations: u.Invocations + v.Invocations, GBSeconds: u.GBSeconds + v.GBSeconds,
		Puts: u.Puts + v.Puts, Gets: u.Gets + v.Gets, Written: u.Written + v.Written, Read: u.Read + v.Read,
		CoreSeconds: u.CoreSeconds + v.CoreSeconds, CoordinatorSeconds: u.CoordinatorSeconds + v.CoordinatorSeconds,
		StoredGBHours: u.StoredGBHours + v.StoredGBHours,
	}
}

// Minus is what was used since v.
func (u Usage) Minus(v Usage) Usage {
	return Usage{
		Rows: u.Rows - v.Rows, Epochs: u.Epochs - v.Epochs,
		Invocations: u.Invocations - v.Invocations, GBSeconds: u.GBSeconds - v.GBSeconds,
		Puts: u.Puts - v.Puts, Gets: u.Gets - v.Gets, Written: u.Written - v.Written, Read: u.Read - v.Read,
		CoreSeconds: u.CoreSeconds - v.CoreSeconds, CoordinatorSeconds: u.CoordinatorSeconds - v.CoordinatorSeconds,
		StoredGBHours: u.StoredGBHours - v.StoredGBHours,
	}
}

// Invoked is the usage of one invocation. Time is billed by the millisecond that
// has begun.
func Invoked(took time.Duration, memory int64) Usage {
	millis := (took + time.Millisecond - 1) / time.Millisecond
	return Usage{Invocations: 1, GBSeconds: float64(millis) / 1e3 * float64(memory) / gb}
}

// gb is how many bytes of memory clouds call a GB.
const gb = 1 << 30
