package iceberg

import (
	"encoding/json"

	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/ops"
)

// AwaitUpkeep waits until no task of the upkeep of c runs.
func AwaitUpkeep(c ops.Committer) {
	if u := c.(*Committer).upkeep; u != nil && u.busy != nil {
		<-u.busy
	}
}

// KeptFloat is what is left of a partition's value in the position of a split.
func KeptFloat(v float64) (float64, error) {
	kept, err := valueOf(v, ice.PrimitiveTypes.Float64)
	if err != nil {
		return 0, err
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return 0, err
	}
	var back fieldValue
	err = json.Unmarshal(b, &back)
	return float64(back.Float), err
}
