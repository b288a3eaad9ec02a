package catalog

import (
	"context"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// Procedural is a Catalog with procedures, which CALL runs.
type Procedural interface {
	Catalog
	// Procedures are those of a database, sorted; the database need not be one
	// that has tables.
	Procedures(database string) []Procedure
}

// Procedure is something that a catalog does on request.
type Procedure struct {
	Name string
	Args []ProcedureArg
	// Columns are those of the answer.
	Columns []string
	// Call does it. args are by name: string, bool, float64, int64 (integers
	// and times, in the unit of the type), map[string]string; one that is not
	// given is not there.
	// The answer's rows have one text, or nil, per column.
	Call func(ctx context.Context, args map[string]any) ([][]any, error)
}

// ProcedureArg is an argument of a procedure.
type ProcedureArg struct {
	Name     string
	Type     datatype.Type
	Optional bool
}
