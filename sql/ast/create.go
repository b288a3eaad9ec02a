package ast

// ObjectKind is the kind of a catalog's object.
type ObjectKind uint8

// The kinds of objects.
const (
	CatalogObject ObjectKind = iota + 1
	DatabaseObject
	TableObject
	MaterializedTableObject
	ViewObject
	FunctionObject
	ModelObject
	ConnectionObject
	JobObject
)

func (k ObjectKind) String() string {
	return [...]string{
		"", "CATALOG", "DATABASE", "TABLE", "MATERIALIZED TABLE", "VIEW",
		"FUNCTION", "MODEL", "CONNECTION", "JOB",
	}[k]
}

// CreateMode is CREATE, CREATE OR REPLACE, and so on.
type CreateMode uint8

// The modes of CREATE.
const (
	Create CreateMode = iota
	CreateOrReplace
	CreateOrAlter // of a materialized table
	Replace       // REPLACE TABLE … AS
)

func (m CreateMode) String() string {
	return [...]string{"CREATE", "CREATE OR REPLACE", "CREATE OR ALTER", "REPLACE"}[m]
}

// CreateTable is CREATE TABLE in all its forms: with a schema, LIKE another table, AS a query.
type CreateTable struct {
	Pos
	Mode        CreateMode
	Temporary   bool
	IfNotExists bool
	Name        Name
	Schema      Schema
	Comment     *Text // nil if not given
	Distributed *Distribution
	Partitioned []Ident
	Options     []Option
	Like        *TableLike
	As          Query
}

// Schema is what stands in the parentheses of CREATE TABLE and of ALTER TABLE ADD and MODIFY.
type Schema struct {
	Columns     []ColumnDef
	Constraints []Constraint
	Watermark   *Watermark
}

// IsEmpty reports whether nothing is declared.
func (s *Schema) IsEmpty() bool {
	return len(s.Columns) == 0 && len(s.Constraints) == 0 && s.Watermark == nil
}

// ColumnKind says where the values of a column come from.
type ColumnKind uint8

// The kinds of columns.
const (
	PhysicalColumn ColumnKind = iota // name TYPE
	MetadataColumn                   // name TYPE METADATA [FROM 'key'] [VIRTUAL]
	ComputedColumn                   // name AS expression
	BareColumn                       // name, to reorder or choose the columns of CREATE TABLE … AS
)

// ColumnDef declares a column. In ALTER TABLE its name may reach into rows (a.b).
type ColumnDef struct {
	Pos
	Name        Name
	Kind        ColumnKind
	Type        *DataType   // of physical and metadata columns
	Expr        Expr        // of computed columns
	MetadataKey *Text       // FROM 'key'; nil if not given
	Virtual     bool        // of metadata columns
	Constraint  *Constraint // nil if none; has no columns
	Comment     *Text       // nil if not given
	Place       ColumnPlace // of ALTER TABLE ADD and MODIFY
}

// ColumnPlace is FIRST or AFTER a column.
type ColumnPlace struct {
	First bool
	After Name // zero if not given
}

// Enforcement is ENFORCED, NOT ENFORCED, or neither.
type Enforcement uint8

// The enforcements of a constraint.
const (
	EnforcementUnset Enforcement = iota
	Enforced
	NotEnforced
)

// Constraint is [CONSTRAINT name] PRIMARY KEY | UNIQUE (columns) [NOT ENFORCED].
type Constraint struct {
	Pos
	Name     Ident // zero if not given
	Unique   bool  // UNIQUE; otherwise PRIMARY KEY
	Columns  []Ident
	Enforced Enforcement
}

// Watermark is WATERMARK FOR column AS expression.
type Watermark struct {
	Pos
	Column Name
	Expr   Expr
}

// Distribution is DISTRIBUTED BY [HASH|RANGE] (columns) [INTO n BUCKETS].
type Distribution struct {
	Pos
	Kind    string // "HASH", "RANGE" or ""
	Columns []Ident
	Buckets int // 0 if not given
}

// TableLike is LIKE table (INCLUDING ALL …).
type TableLike struct {
	Pos
	Table   Name
	Options []LikeOption
}

// LikeOption is one rule of a TableLike, its words in capitals.
type LikeOption struct {
	Strategy string // INCLUDING, EXCLUDING, OVERWRITING
	Feature  string // ALL, CONSTRAINTS, DISTRIBUTION, GENERATED, METADATA, OPTIONS, PARTITIONS, WATERMARKS
}

// RefreshMode is REFRESH_MODE = FULL | CONTINUOUS.
type RefreshMode uint8

// The refresh modes of a materialized table.
const (
	RefreshUnset RefreshMode = iota
	RefreshFull
	RefreshContinuous
)

func (m RefreshMode) String() string { return [...]string{"", "FULL", "CONTINUOUS"}[m] }

// CreateMaterializedTable is CREATE [OR ALTER] MATERIALIZED TABLE … AS query.
type CreateMaterializedTable struct {
	Pos
	Mode        CreateMode
	IfNotExists bool
	Name        Name
	Schema      Schema
	Comment     *Text
	Distributed *Distribution
	Partitioned []Ident
	Options     []Option
	Freshness   *Interval // nil if not given
	Refresh     RefreshMode
	As          Query
}

// CreateView is CREATE [TEMPORARY] VIEW.
type CreateView struct {
	Pos
	Mode        CreateMode
	Temporary   bool
	IfNotExists bool
	Name        Name
	Columns     []Ident
	Comment     *Text
	As          Query
}

// CreateCatalog is CREATE CATALOG.
type CreateCatalog struct {
	Pos
	IfNotExists bool
	Name        Ident
	Comment     *Text
	Options     []Option
}

// CreateDatabase is CREATE DATABASE.
type CreateDatabase struct {
	Pos
	IfNotExists bool
	Name        Name
	Comment     *Text
	Options     []Option
}

// CreateFunction is CREATE [TEMPORARY [SYSTEM]] FUNCTION name AS 'class'.
type CreateFunction struct {
	Pos
	Temporary   bool
	System      bool
	IfNotExists bool
	Name        Name
	Class       Text
	Language    string // in capitals, "" if not given
	Jars        []Text
	Options     []Option
}

// CreateModel is CREATE MODEL.
type CreateModel struct {
	Pos
	Temporary   bool
	IfNotExists bool
	Name        Name
	Input       []ColumnDef
	Output      []ColumnDef
	Comment     *Text
	Options     []Option
	As          Query // nil if not given
}

// CreateConnection is CREATE [TEMPORARY [SYSTEM]] CONNECTION.
type CreateConnection struct {
	Pos
	Temporary   bool
	System      bool
	IfNotExists bool
	Name        Name
	Comment     *Text
	Options     []Option
}

// Drop is DROP of any object.
type Drop struct {
	Pos
	Object    ObjectKind
	Temporary bool
	System    bool
	IfExists  bool
	Name      Name
	Cascade   bool
	Restrict  bool
}

func (*CreateTable) statement()             {}
func (*CreateMaterializedTable) statement() {}
func (*CreateView) statement()              {}
func (*CreateCatalog) statement()           {}
func (*CreateDatabase) statement()          {}
func (*CreateFunction) statement()          {}
func (*CreateModel) statement()             {}
func (*CreateConnection) statement()        {}
func (*Drop) statement()                    {}
