// Package catalog knows tables by name: catalogs hold databases, databases
// hold tables and views, and a session has temporary ones in front of them.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
)

// What catalogs report. Both are job.ErrInvalid.
var (
	ErrNotFound = fmt.Errorf("%w: not found", job.ErrInvalid)
	ErrExists   = fmt.Errorf("%w: already exists", job.ErrInvalid)
)

// Catalog holds databases of tables. Calls may do I/O. Memory is one;
// lakehouse catalogs are others.
type Catalog interface {
	Databases(ctx context.Context) ([]string, error)
	// CreateDatabase reports ErrExists, DropDatabase ErrNotFound; a database
	// with tables is dropped only with cascade.
	CreateDatabase(ctx context.Context, name string, options map[string]string) error
	DropDatabase(ctx context.Context, name string, cascade bool) error
	// Tables lists tables and views of a database, sorted.
	Tables(ctx context.Context, database string) ([]string, error)
	// Table reports ErrNotFound. The result belongs to the catalog: it is not
	// changed.
	Table(ctx context.Context, database, name string) (*Table, error)
	CreateTable(ctx context.Context, t *Table) error
	// AlterTable puts t in place of the table with its name.
	AlterTable(ctx context.Context, t *Table) error
	RenameTable(ctx context.Context, database, from, to string) error
	DropTable(ctx context.Context, database, name string) error
}

// Table is a table or a view as it was declared.
type Table struct {
	Ident   job.Ident
	Columns []Column
	// Watermark is nil without event time.
	Watermark     *ast.Watermark
	PrimaryKey    []string
	KeyName       string // CONSTRAINT name PRIMARY KEY, or ""
	PartitionedBy []string
	Options       map[string]string
	Comment       string
	Temporary     bool
	// Foreign says that the options come from outside, such as a shared
	// catalog: references in them are not followed, because whoever wrote them
	// must not learn what this machine holds.
	Foreign bool
	// View is nil for a table.
	View *View
}

// Column is one column of a table.
type Column struct {
	Name string
	Type datatype.Type
	Kind ast.ColumnKind
	// Expr is of a computed column.
	Expr ast.Expr
	// MetadataKey is of a metadata column: which piece of metadata it is.
	MetadataKey string
	// Virtual metadata columns are read but not written.
	Virtual bool
	Comment string
	// Was is the name before ALTER TABLE … RENAME, for the catalog that the
	// table is altered in.
	Was string
}

// View is a query with a name.
type View struct {
	Query ast.Query
	// Text is the statement that the positions in Query are about.
	Text    string
	Columns []string // names of the columns, nil for those of the query
	// Catalog and Database are where unqualified names of the query are found.
	Catalog, Database string
}

// Physical is the columns that the connector stores, in order.
func (t *Table) Physical() []Column {
	var out []Column
	for _, c := range t.Columns {
		if c.Kind == ast.PhysicalColumn {
			out = append(out, c)
		}
	}
	return out
}

// Clone copies t so that the copy's lists and options can be changed.
func (t *Table) Clone() *Table {
	c := *t
	c.Columns = slices.Clone(t.Columns)
	c.PrimaryKey = slices.Clone(t.PrimaryKey)
	c.PartitionedBy = slices.Clone(t.PartitionedBy)
	c.Options = make(map[string]string, len(t.Options))
	for k, v := range t.Options {
		c.Options[k] = v
	}
	return &c
}

// IsNotFound reports whether err says that something is not there.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
