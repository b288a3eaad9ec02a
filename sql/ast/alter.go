package ast

// Alter is ALTER of any object but a function: what it does is its Action.
type Alter struct {
	Pos
	Object   ObjectKind
	IfExists bool
	Name     Name
	Action   AlterAction
}

// AlterFunction is ALTER [TEMPORARY [SYSTEM]] FUNCTION name AS 'class'.
type AlterFunction struct {
	Pos
	Temporary bool
	System    bool
	IfExists  bool
	Name      Name
	Class     Text
	Language  string // in capitals, "" if not given
}

func (*Alter) statement()         {}
func (*AlterFunction) statement() {}

// AlterAction is what an Alter does.
//
//sumtype:decl
type AlterAction interface {
	Node
	alterAction()
}

// RenameTo is RENAME TO name.
type RenameTo struct {
	Pos
	Name Name
}

// RenameColumn is RENAME old TO new; the old name may reach into rows.
type RenameColumn struct {
	Pos
	From Name
	To   Name
}

// SetOptions is SET ('key' = 'value', …).
type SetOptions struct {
	Pos
	Options []Option
}

// ResetOptions is RESET ('key', …); their values are empty.
type ResetOptions struct {
	Pos
	Options []Option
}

// SetComment is COMMENT 'text'.
type SetComment struct {
	Pos
	Comment Text
}

// AddSchema is ADD of columns, constraints or a watermark.
type AddSchema struct {
	Pos
	Schema Schema
}

// ModifySchema is MODIFY of columns, constraints or a watermark.
type ModifySchema struct {
	Pos
	Schema Schema
}

// AddDistribution is ADD DISTRIBUTION ….
type AddDistribution struct {
	Pos
	Distribution Distribution
}

// ModifyDistribution is MODIFY DISTRIBUTION ….
type ModifyDistribution struct {
	Pos
	Distribution Distribution
}

// DropColumns is DROP column or DROP (columns).
type DropColumns struct {
	Pos
	Columns []Name
}

// DropPrimaryKey is DROP PRIMARY KEY.
type DropPrimaryKey struct{ Pos }

// DropConstraint is DROP CONSTRAINT name.
type DropConstraint struct {
	Pos
	Name Ident
}

// DropWatermark is DROP WATERMARK.
type DropWatermark struct{ Pos }

// DropDistribution is DROP DISTRIBUTION.
type DropDistribution struct{ Pos }

// AddPartitions is ADD [IF NOT EXISTS] PARTITION (…) [WITH (…)] ….
type AddPartitions struct {
	Pos
	IfNotExists bool
	Partitions  []Partition
}

// DropPartitions is DROP [IF EXISTS] PARTITION (…), ….
type DropPartitions struct {
	Pos
	IfExists   bool
	Partitions []Partition
}

// Partition is PARTITION (k = 'v', …) [WITH (…)].
type Partition struct {
	Pos
	Values  []PartitionValue
	Options []Option
}

// PartitionValue is one key of a partition; Value is nil where only the key is named.
type PartitionValue struct {
	Ident
	Value Expr // a literal
}

// Suspend is SUSPEND, of a materialized table.
type Suspend struct{ Pos }

// Resume is RESUME [WITH (…)], of a materialized table.
type Resume struct {
	Pos
	Options []Option
}

// Refresh is REFRESH [PARTITION (…)], of a materialized table.
type Refresh struct {
	Pos
	Partition []PartitionValue
}

// SetFreshness is SET FRESHNESS = interval.
type SetFreshness struct {
	Pos
	Freshness *Interval
}

// SetRefreshMode is SET REFRESH_MODE = FULL | CONTINUOUS.
type SetRefreshMode struct {
	Pos
	Mode RefreshMode
}

// AsQuery is AS query, of a view or a materialized table.
type AsQuery struct {
	Pos
	Query Query
}

func (*RenameTo) alterAction()           {}
func (*RenameColumn) alterAction()       {}
func (*SetOptions) alterAction()         {}
func (*ResetOptions) alterAction()       {}
func (*SetComment) alterAction()         {}
func (*AddSchema) alterAction()          {}
func (*ModifySchema) alterAction()       {}
func (*AddDistribution) alterAction()    {}
func (*ModifyDistribution) alterAction() {}
func (*DropColumns) alterAction()        {}
func (*DropPrimaryKey) alterAction()     {}
func (*DropConstraint) alterAction()     {}
func (*DropWatermark) alterAction()      {}
func (*DropDistribution) alterAction()   {}
func (*AddPartitions) alterAction()      {}
func (*DropPartitions) alterAction()     {}
func (*Suspend) alterAction()            {}
func (*Resume) alterAction()             {}
func (*Refresh) alterAction()            {}
func (*SetFreshness) alterAction()       {}
func (*SetRefreshMode) alterAction()     {}
func (*AsQuery) alterAction()            {}
