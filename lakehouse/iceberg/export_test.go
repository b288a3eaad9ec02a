package iceberg

import (
	"github.com/wadi-engine/wadi/ops"
)

// AwaitUpkeep waits until no task of the upkeep of c runs.
func AwaitUpkeep(c ops.Committer) {
	if u := c.(*Committer).upkeep; u != nil && u.busy != nil {
		<-u.busy
	}
}
