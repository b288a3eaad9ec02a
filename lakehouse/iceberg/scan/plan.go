package scan

import (
	"fmt"
	"strconv"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// Plan is what is read of a table.
type Plan struct {
	version    versionChoice
	thenSchema bool   // columns are named by the schema of the version
	Metadata   string // which metadata table, or ""
	stream     streamPlan
}

// ParsePlan reads the options of a table.
func ParsePlan(t job.Table) (p Plan, err error) {
	p.Metadata = t.Options[catalog.OptMetadata]
	if text := t.Options[catalog.OptThenSchema]; text != "" {
		if p.thenSchema, err = strconv.ParseBool(text); err != nil {
			return p, fmt.Errorf("table %s: %w: option %q is %q; want true or false", t.Ident, job.ErrInvalid, catalog.OptThenSchema, text)
		}
	}
	if p.stream, err = parseStream(t); err != nil {
		return p, err
	}
	if p.version, err = parseVersion(t.Options); err != nil {
		return p, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return p, nil
}
