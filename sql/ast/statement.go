package ast

// Insert is INSERT INTO, INSERT OVERWRITE and UPSERT INTO.
type Insert struct {
	Pos
	Overwrite  bool
	Upsert     bool
	Table      Name
	Hints      []Hint
	NewColumns []ColumnDef // INSERT INTO t (x INT): columns with types
	Partition  []PartitionValue
	Columns    []Ident
	Query      Query
	OnConflict ConflictAction
}

// ConflictAction is ON CONFLICT DO …, what a sink does when upserts of several keys meet.
type ConflictAction uint8

// The actions on conflict.
const (
	ConflictUnset ConflictAction = iota
	ConflictError
	ConflictNothing
	ConflictDeduplicate
)

func (a ConflictAction) String() string {
	return [...]string{"", "ERROR", "NOTHING", "DEDUPLICATE"}[a]
}

// Update is UPDATE table SET column = value, … [WHERE …].
type Update struct {
	Pos
	Table Name
	Alias Ident // zero if not given
	Set   []Assignment
	Where Expr
}

// Assignment is column = value.
type Assignment struct {
	Column Name
	Value  Expr
}

// Delete is DELETE FROM table [WHERE …].
type Delete struct {
	Pos
	Table Name
	Alias Ident // zero if not given
	Where Expr
}

// Truncate is TRUNCATE TABLE.
type Truncate struct {
	Pos
	Table Name
}

// StatementSet is STATEMENT SET BEGIN insert; … END: one job with several sinks.
// On its own it is written EXECUTE STATEMENT SET.
type StatementSet struct {
	Pos
	Inserts []*Insert
}

// BeginStatementSet is BEGIN STATEMENT SET, after which inserts are gathered until END.
type BeginStatementSet struct{ Pos }

// EndStatementSet is END.
type EndStatementSet struct{ Pos }

// Explain is EXPLAIN [details | PLAN FOR] statement.
type Explain struct {
	Pos
	Details   []ExplainDetail
	Statement Statement
}

// ExplainDetail is something more to explain, in capitals.
type ExplainDetail string

// The details of EXPLAIN.
const (
	EstimatedCost     ExplainDetail = "ESTIMATED_COST"
	ChangelogMode     ExplainDetail = "CHANGELOG_MODE"
	JSONExecutionPlan ExplainDetail = "JSON_EXECUTION_PLAN"
	PlanAdvice        ExplainDetail = "PLAN_ADVICE"
)

// Execute is EXECUTE statement, for a query or an insert.
type Execute struct {
	Pos
	Statement Statement
}

// ExecutePlan is EXECUTE PLAN 'path'.
type ExecutePlan struct {
	Pos
	Path Text
}

// CompilePlan is COMPILE [AND EXECUTE] PLAN 'path' [IF NOT EXISTS] FOR statement.
type CompilePlan struct {
	Pos
	Path        Text
	Execute     bool
	IfNotExists bool
	Statement   Statement
}

// Use is USE CATALOG name or USE database.
type Use struct {
	Pos
	Catalog bool
	Name    Name
}

// UseModules is USE MODULES a, b.
type UseModules struct {
	Pos
	Modules []Ident
}

// LoadModule is LOAD MODULE name [WITH (…)].
type LoadModule struct {
	Pos
	Name    Ident
	Options []Option
}

// UnloadModule is UNLOAD MODULE name.
type UnloadModule struct {
	Pos
	Name Ident
}

// ShowKind is what Show lists, in the words of the statement.
type ShowKind string

// What Show lists.
const (
	ShowCatalogs           ShowKind = "CATALOGS"
	ShowCurrentCatalog     ShowKind = "CURRENT CATALOG"
	ShowDatabases          ShowKind = "DATABASES"
	ShowCurrentDatabase    ShowKind = "CURRENT DATABASE"
	ShowTables             ShowKind = "TABLES"
	ShowViews              ShowKind = "VIEWS"
	ShowMaterializedTables ShowKind = "MATERIALIZED TABLES"
	ShowColumns            ShowKind = "COLUMNS"    // Name is the table
	ShowPartitions         ShowKind = "PARTITIONS" // Name is the table
	ShowFunctions          ShowKind = "FUNCTIONS"
	ShowUserFunctions      ShowKind = "USER FUNCTIONS"
	ShowProcedures         ShowKind = "PROCEDURES"
	ShowModules            ShowKind = "MODULES"
	ShowFullModules        ShowKind = "FULL MODULES"
	ShowModels             ShowKind = "MODELS"
	ShowConnections        ShowKind = "CONNECTIONS"
	ShowJars               ShowKind = "JARS"
	ShowJobs               ShowKind = "JOBS"
)

// Show is SHOW things [FROM name] [[NOT] LIKE 'pattern'].
type Show struct {
	Pos
	Kind      ShowKind
	Name      Name // FROM or IN; zero if not given
	Partition []PartitionValue
	Like      *ShowLike
}

// ShowLike is the filter of a Show.
type ShowLike struct {
	Pos
	Not        bool
	IgnoreCase bool // ILIKE
	Pattern    string
}

// ShowCreate is SHOW CREATE object name.
type ShowCreate struct {
	Pos
	Object ObjectKind
	Name   Name
}

// Describe is DESCRIBE [object] [EXTENDED] name. For a table the keyword is left out;
// a job's id is the only part of its name.
type Describe struct {
	Pos
	Object   ObjectKind
	Extended bool
	Name     Name
}

// Set is SET 'key' = 'value', or SET alone, which lists all: then Key is "".
type Set struct {
	Pos
	Key   string
	Value string
}

// Reset is RESET 'key', or RESET alone: then Key is "".
type Reset struct {
	Pos
	Key string
}

// AddJar is ADD JAR 'path'.
type AddJar struct {
	Pos
	Path Text
}

// RemoveJar is REMOVE JAR 'path'.
type RemoveJar struct {
	Pos
	Path Text
}

// Analyze is ANALYZE TABLE … COMPUTE STATISTICS.
type Analyze struct {
	Pos
	Table      Name
	Partition  []PartitionValue
	Columns    []Ident
	AllColumns bool
}

// CallProcedure is CALL procedure(arguments).
type CallProcedure struct {
	Pos
	Call *Call
}

// StopJob is STOP JOB 'id' [WITH SAVEPOINT [WITH DRAIN]].
type StopJob struct {
	Pos
	Job       Text
	Savepoint bool
	Drain     bool
}

// ExplainStuck is EXPLAIN STUCK 'id': what a job waits for.
type ExplainStuck struct {
	Pos
	Job Text
}

func (*Insert) statement()            {}
func (*Update) statement()            {}
func (*Delete) statement()            {}
func (*Truncate) statement()          {}
func (*StatementSet) statement()      {}
func (*BeginStatementSet) statement() {}
func (*EndStatementSet) statement()   {}
func (*Explain) statement()           {}
func (*Execute) statement()           {}
func (*ExecutePlan) statement()       {}
func (*CompilePlan) statement()       {}
func (*Use) statement()               {}
func (*UseModules) statement()        {}
func (*LoadModule) statement()        {}
func (*UnloadModule) statement()      {}
func (*Show) statement()              {}
func (*ShowCreate) statement()        {}
func (*Describe) statement()          {}
func (*Set) statement()               {}
func (*Reset) statement()             {}
func (*AddJar) statement()            {}
func (*RemoveJar) statement()         {}
func (*Analyze) statement()           {}
func (*CallProcedure) statement()     {}
func (*StopJob) statement()           {}
func (*ExplainStuck) statement()      {}
