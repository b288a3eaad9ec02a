package maintain

import (
	"fmt"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// TableSortOrder is the sort order that the table's metadata names.
const TableSortOrder = "table"

// maxSortBytes bounds the files that are sorted together: they are in memory
// at once.
const maxSortBytes = 128 << 20

// order is the order in which the rows of each new file are: "" is none, and
// the others are as in the option 'sort-order' of a table.
func (r Rewrite) order(t *table.Table) (table.SortOrder, error) {
	if r.Sort != TableSortOrder {
		return schemas.SortOrder(t.Schema(), "sort_order", r.Sort)
	}
	own := t.SortOrder()
	if own.IsUnsorted() {
		return own, fmt.Errorf("%w: the table has no sort order; give sort_order => 'column, …'", job.ErrInvalid)
	}
	return own, nil
}
