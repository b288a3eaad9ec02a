package wadi

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
)

var _ catalog.Procedural = (*lakeCatalog)(nil)

// Procedures implements catalog.Procedural: those of an Iceberg catalog are in
// its database system, as elsewhere; sys is another name of it.
func (c *lakeCatalog) Procedures(database string) []catalog.Procedure {
	if !strings.EqualFold(database, "system") && !strings.EqualFold(database, "sys") {
		return nil
	}
	all := slices.Concat(c.historyProcedures(), c.refProcedures(), c.pickProcedures(), c.maintenanceProcedures())
	slices.SortFunc(all, func(a, b catalog.Procedure) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// argTable is the argument that names a table.
var argTable = catalog.ProcedureArg{Name: "table", Type: datatype.String}

// historyProcedures look at snapshots.
func (c *lakeCatalog) historyProcedures() []catalog.Procedure {
	snapshot := catalog.ProcedureArg{Name: "snapshot_id", Type: datatype.Of(datatype.BigInt)}
	return []catalog.Procedure{
		{
			Name: "ancestors_of", Args: []catalog.ProcedureArg{argTable}, Columns: []string{"snapshot_id", "timestamp", "operation"},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				list, err := maintain.Ancestors(ctx, c.Catalog, tableArg(args))
				rows := make([][]any, len(list))
				for i, s := range list {
					rows[i] = []any{strconv.FormatInt(s.ID, 10), s.At.Format("2006-01-02 15:04:05.000"), s.Operation}
				}
				return rows, translate(err)
			},
		},
		{
			Name: "rollback_to_snapshot", Args: []catalog.ProcedureArg{argTable, snapshot}, Columns: []string{"previous_snapshot_id", "current_snapshot_id"},
			Call: func(ctx context.Context, args map[string]any) ([][]any, error) {
				to, _ := args["snapshot_id"].(int64)
				from, err := maintain.Rollback(ctx, c.Catalog, tableArg(args), to)
				return [][]any{{strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)}}, translate(err)
			},
		},
	}
}

// tableArg is the argument table.
func tableArg(args map[string]any) string {
	name, _ := args["table"].(string)
	return name
}
