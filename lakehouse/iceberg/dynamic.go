package iceberg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// The options of a sink whose rows say to which table they go. The first has
// the name that Iceberg's sink for Flink gives it.
const (
	optDynamic       = "use-dynamic-iceberg-sink"
	optTableColumn   = "dynamic-record.table-column"
	optDbColumn      = "dynamic-record.database-column"
	optBranchColumn  = "dynamic-record.branch-column"
	optValueColumn   = "dynamic-record.value-column"
	optErrorPolicy   = "error.policy"
	optErrorTable    = "error.table"
	policyFail       = "fail"
	policySkip       = "skip"
	policyDeadLetter = "dead-letter"
)

// DynamicSink writes each row to the table that it names. Tables are created,
// and grow columns, before the first file with these columns is written:
//
//	tbl     value                       table a            table b
//	a       {"id": 1}                   id long
//	b       {"id": 1, "x": "y"}                            id long, x string
//	a       {"id": 2, "price": 1.5}     + price double
//
// Growing is idempotent, and not taken back: after a crash the same rows find
// the columns that they need. Files are committed per table, each with its own
// record of the epoch (package comment, C1 to C3), so that a crash between the
// commits of two tables leaves the second one to be done again.
type DynamicSink struct {
	sink    Sink // of every table, but for the target's names and the branch
	declare job.Table

	route   [3]int // columns that name the table, the database and the branch; -1 is none
	value   int    // the column with JSON objects; -1 is none
	columns []int  // those that are written as they are

	policy string
	errors name // where rows go that do not fit
}

var _ ops.Sink = (*DynamicSink)(nil)

// name is where rows go.
type name struct{ database, table, branch string }

func (n name) String() string { return n.database + "." + n.table }

func (n name) compare(o name) int {
	return cmp.Or(strings.Compare(n.database, o.database), strings.Compare(n.table, o.table), strings.Compare(n.branch, o.branch))
}

func dynamic(options map[string]string) bool { return strings.EqualFold(options[optDynamic], "true") }

func newDynamicSink(ctx context.Context, t job.Table, env Env) (*DynamicSink, error) {
	to, err := parseTarget(t)
	if err != nil {
		return nil, err
	}
	s := &DynamicSink{sink: Sink{env: env, target: to}, declare: t, value: -1}
	if s.sink.aim, err = aimOf(t.Options); err == nil {
		err = s.bind()
	}
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	c, err := s.sink.open(ctx)
	if err != nil {
		return nil, err
	}
	return s, c.Close()
}

// bind finds the columns that the options name, and checks the options.
func (s *DynamicSink) bind() error {
	o, schema := s.declare.Options, s.declare.Schema.Schema
	switch {
	case schema == nil || schema.NumFields() == 0:
		return fmt.Errorf("%w: with %q the table needs columns", job.ErrInvalid, optDynamic)
	case o["dynamic-record-generator-impl"] != "":
		return fmt.Errorf("%w: option 'dynamic-record-generator-impl' names a Java class, which cannot be loaded; use %q and %q",
			job.ErrInvalid, optTableColumn, optValueColumn)
	case o[optTableColumn] == "":
		return fmt.Errorf("%w: option %q is missing: the column that names the table of each row", job.ErrInvalid, optTableColumn)
	case o["location"] != "":
		return fmt.Errorf("%w: option 'location' cannot be given with %q: there are many tables", job.ErrInvalid, optDynamic)
	case s.declare.Overwrite != nil:
		return fmt.Errorf("%w: with %q tables cannot be overwritten", job.ErrInvalid, optDynamic)
	case len(s.declare.PrimaryKey) > 0:
		return fmt.Errorf("%w: with %q rows are appended; a PRIMARY KEY cannot be kept", job.ErrInvalid, optDynamic)
	case s.sink.aim.wapID != "" || o[optWapBranch] != "":
		return fmt.Errorf("%w: with %q snapshots cannot be staged; write to a branch", job.ErrInvalid, optDynamic)
	case s.sink.target.upkeep.rewrite != nil || s.sink.target.upkeep.expire != nil || s.sink.target.upkeep.orphans != nil:
		return fmt.Errorf("%w: with %q tables are not kept in order by the job; use the procedures", job.ErrInvalid, optDynamic)
	}
	taken := map[int]bool{}
	text := func(option string) (int, error) {
		column := o[option]
		if column == "" {
			return -1, nil
		}
		at := schema.FieldIndices(column)
		if len(at) == 0 {
			return -1, fmt.Errorf("%w: option %q: there is no column %q; there are %q", job.ErrInvalid, option, column, names(schema))
		}
		if schema.Field(at[0]).Type.ID() != arrow.STRING_VIEW {
			return -1, fmt.Errorf("%w: option %q: column %q is not a STRING", job.ErrInvalid, option, column)
		}
		taken[at[0]] = true
		return at[0], nil
	}
	var err error
	for i, option := range []string{optTableColumn, optDbColumn, optBranchColumn} {
		if s.route[i], err = text(option); err != nil {
			return err
		}
	}
	if s.value, err = text(optValueColumn); err != nil {
		return err
	}
	for i := range schema.NumFields() {
		if !taken[i] {
			s.columns = append(s.columns, i)
		}
	}
	if s.value < 0 && len(s.columns) == 0 {
		return fmt.Errorf("%w: the rows have no columns but those that name their table", job.ErrInvalid)
	}
	if _, err := toIceberg(s.written(), nil, 3); err != nil {
		return err
	}
	return s.bindPolicy()
}

// written are the columns that are written as they are.
func (s *DynamicSink) written() *arrow.Schema {
	fields := make([]arrow.Field, len(s.columns))
	for i, c := range s.columns {
		fields[i] = s.declare.Schema.Field(c)
	}
	return arrow.NewSchema(fields, nil)
}

func (s *DynamicSink) bindPolicy() error {
	o := s.declare.Options
	s.policy = o[optErrorPolicy]
	switch s.policy {
	case "":
		s.policy = policyFail
	case policyFail, policySkip:
	case policyDeadLetter:
		if o[optErrorTable] == "" {
			return fmt.Errorf("%w: option %q = 'dead-letter' needs %q: a table of the same catalog", job.ErrInvalid, optErrorPolicy, optErrorTable)
		}
		s.errors = s.named(o[optErrorTable], "", "")
	default:
		return fmt.Errorf("%w: option %q = '%s': want fail, skip or dead-letter", job.ErrInvalid, optErrorPolicy, s.policy)
	}
	return nil
}

// named is where a row goes: the table may stand with its database.
func (s *DynamicSink) named(table, database, branch string) name {
	if database == "" {
		database = s.sink.target.database
		if at := strings.LastIndexByte(table, '.'); at >= 0 {
			database, table = table[:at], table[at+1:]
		}
	}
	if branch == "" {
		branch = s.sink.aim.branch
	}
	return name{database: database, table: table, branch: branch}
}

// of is the sink of one table.
func (s *DynamicSink) of(n name) *Sink {
	one := s.sink
	one.target.database, one.target.table = n.database, n.table
	one.aim.branch = n.branch
	return &one
}

// create makes a table with these columns, unless it is there.
func (s *DynamicSink) create(ctx context.Context, c *Catalog, n name, columns *outline) error {
	schema, err := toEngine(columns.schema())
	if err != nil {
		return err
	}
	t := s.declare
	t.Ident = job.Ident{Catalog: s.sink.target.catalog, Database: n.database, Name: n.table}
	t.Schema = job.Schema{Schema: schema}
	if n == s.errors {
		t.PartitionedBy, t.Options = nil, map[string]string{"format-version": t.Options["format-version"]}
	}
	err = c.CreateDatabase(ctx, n.database, nil)
	if err == nil || errors.Is(err, ErrExists) {
		err = c.CreateTable(ctx, t)
	}
	if errors.Is(err, ErrExists) {
		return nil
	}
	return err
}

// grow gives a table, which was known as old, the columns of an outline, and loads
// it again. What does not fit because another writer was faster is left to the
// caller to see.
func (s *DynamicSink) grow(ctx context.Context, c *Catalog, n name, old *table.Table, columns *outline) (*table.Table, error) {
	for tries := 0; ; tries++ {
		t, err := c.load(ctx, n.database, n.table)
		if errors.Is(err, ErrNotFound) {
			if err := s.create(ctx, c, n, columns); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		tx := t.NewTransaction()
		update := tx.UpdateSchema(true, false).UnionByNameWith(columns.schema())
		changes, _, err := update.BuildUpdates()
		if err == nil && len(changes) == 0 || err != nil && (old == nil || old.Schema().ID != t.Schema().ID) {
			return t, nil //nolint:nilerr // it has got a column of another type: the rows are judged by that
		}
		if err != nil {
			return nil, fmt.Errorf("%w: add columns: %w", job.ErrInvalid, err)
		}
		tx = t.NewTransaction()
		if err = tx.UpdateSchema(true, false).UnionByNameWith(columns.schema()).Commit(); err == nil {
			_, err = tx.Commit(ctx)
		}
		if err == nil {
			return c.load(ctx, n.database, n.table)
		}
		if !conflict(err) || tries == 100 {
			return nil, c.fail("add columns to", "table "+c.name+"."+n.String(), err)
		}
	}
}
