package iceberg

import (
	"context"
	"fmt"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

func newSource(_ context.Context, s ops.Scan, _ Env) (ops.Source, error) {
	return nil, fmt.Errorf("%w: table %s", job.ErrInvalid, s.Table.Ident)
}
