package wadi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
)

// unpublished says of each table that a job writes to and in which no rows
// would ever be seen: the job has no end and takes no checkpoints by itself,
// and the table shows rows when a checkpoint is complete.
func (e *Env) unpublished(p *sql.Plan) []string {
	if p.Bounded {
		return nil
	}
	var missing []string
	if e.Config(keyCheckpointDir) == "" {
		missing = append(missing, "'"+keyCheckpointDir+"'")
	}
	if k := (&keyReader{get: e.Config}); k.duration(keyCheckpointInterval) == 0 {
		missing = append(missing, "'"+keyCheckpointInterval+"' (such as '10 s')")
	}
	if len(missing) == 0 {
		return nil
	}
	var all []string
	for _, v := range p.Graph.Vertices {
		if v.Kind != job.KindSink {
			continue
		}
		config, err := ops.DecodeConfig[ops.SinkConfig](v)
		if err != nil {
			continue // the start of the job reports it
		}
		c, err := e.registry.Connector(config.Table.Connector)
		if err != nil || c.Publishes == nil || !c.Publishes(config.Table) {
			continue
		}
		all = append(all, fmt.Sprintf("rows in %s are seen when a checkpoint is complete; this job has no end and takes none until it is stopped: SET %s",
			config.Table.Ident, strings.Join(missing, " and ")))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
