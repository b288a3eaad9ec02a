package iceberg

import (
	"cmp"
	"fmt"
	"maps"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// beside is the table of the same catalog and database that is called t with a
// suffix. It is created as t when it is not there.
func beside(t job.Table, suffix string) (job.Table, error) {
	if catalog.Dynamic(t.Options) {
		return t, fmt.Errorf("%w: table %s: its rows name the tables that they go to, so that no suffix can", job.ErrInvalid, t.Ident)
	}
	t.Options = maps.Clone(t.Options)
	t.Options[catalog.OptCatalogTable] = cmp.Or(t.Options[catalog.OptCatalogTable], t.Ident.Name) + suffix
	t.Options[catalog.OptCreate] = "true"
	delete(t.Options, "location") // it is that of t
	return t, nil
}
