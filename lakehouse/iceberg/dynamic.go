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
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/documents"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/ops"
)

// What can be done with rows that do not fit their table.
const (
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

func newDynamicSink(ctx context.Context, t job.Table, env catalog.Env) (*DynamicSink, error) {
	to, err := parseTarget(t)
	if err != nil {
		return nil, err
	}
	s := &DynamicSink{sink: Sink{env: env, target: to}, declare: t, value: -1}
	if s.sink.aim, err = catalog.AimOf(t.Options); err == nil {
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
		return fmt.Errorf("%w: with %q the table needs columns", job.ErrInvalid, catalog.OptDynamic)
	case o["dynamic-record-generator-impl"] != "":
		return fmt.Errorf("%w: option 'dynamic-record-generator-impl' names a Java class, which cannot be loaded; use %q and %q",
			job.ErrInvalid, catalog.OptTableColumn, catalog.OptValueColumn)
	case o[catalog.OptTableColumn] == "":
		return fmt.Errorf("%w: option %q is missing: the column that names the table of each row", job.ErrInvalid, catalog.OptTableColumn)
	case o["location"] != "":
		return fmt.Errorf("%w: option 'location' cannot be given with %q: there are many tables", job.ErrInvalid, catalog.OptDynamic)
	case s.declare.Overwrite != nil:
		return fmt.Errorf("%w: with %q tables cannot be overwritten", job.ErrInvalid, catalog.OptDynamic)
	case len(s.declare.PrimaryKey) > 0:
		return fmt.Errorf("%w: with %q rows are appended; a PRIMARY KEY cannot be kept", job.ErrInvalid, catalog.OptDynamic)
	case s.sink.aim.WapID != "" || o[catalog.OptWapBranch] != "":
		return fmt.Errorf("%w: with %q snapshots cannot be staged; write to a branch", job.ErrInvalid, catalog.OptDynamic)
	case s.sink.target.upkeep.rewrite != nil || s.sink.target.upkeep.expire != nil || s.sink.target.upkeep.orphans != nil:
		return fmt.Errorf("%w: with %q tables are not kept in order by the job; use the procedures", job.ErrInvalid, catalog.OptDynamic)
	}
	taken := map[int]bool{}
	text := func(option string) (int, error) {
		column := o[option]
		if column == "" {
			return -1, nil
		}
		at := schema.FieldIndices(column)
		if len(at) == 0 {
			return -1, fmt.Errorf("%w: option %q: there is no column %q; there are %q", job.ErrInvalid, option, column, schemas.Names(schema))
		}
		if schema.Field(at[0]).Type.ID() != arrow.STRING_VIEW {
			return -1, fmt.Errorf("%w: option %q: column %q is not a STRING", job.ErrInvalid, option, column)
		}
		taken[at[0]] = true
		return at[0], nil
	}
	var err error
	for i, option := range []string{catalog.OptTableColumn, catalog.OptDbColumn, catalog.OptBranchColumn} {
		if s.route[i], err = text(option); err != nil {
			return err
		}
	}
	if s.value, err = text(catalog.OptValueColumn); err != nil {
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
	if _, err := schemas.ToIceberg(s.written(), nil, 3); err != nil {
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
	s.policy = o[catalog.OptErrorPolicy]
	switch s.policy {
	case "":
		s.policy = policyFail
	case policyFail, policySkip:
	case policyDeadLetter:
		if o[catalog.OptErrorTable] == "" {
			return fmt.Errorf("%w: option %q = 'dead-letter' needs %q: a table of the same catalog", job.ErrInvalid, catalog.OptErrorPolicy, catalog.OptErrorTable)
		}
		s.errors = s.named(o[catalog.OptErrorTable], "", "")
	default:
		return fmt.Errorf("%w: option %q = '%s': want fail, skip or dead-letter", job.ErrInvalid, catalog.OptErrorPolicy, s.policy)
	}
	return nil
}

// named is where a row goes: the table may stand with its database.
func (s *DynamicSink) named(table, database, branch string) name {
	if database == "" {
		database = s.sink.target.Database
		if at := strings.LastIndexByte(table, '.'); at >= 0 {
			database, table = table[:at], table[at+1:]
		}
	}
	if branch == "" {
		branch = s.sink.aim.Branch
	}
	return name{database: database, table: table, branch: branch}
}

// of is the sink of one table.
func (s *DynamicSink) of(n name) *Sink {
	one := s.sink
	one.target.Database, one.target.Table = n.database, n.table
	one.aim.Branch = n.branch
	return &one
}

// create makes a table with these columns, unless it is there.
func (s *DynamicSink) create(ctx context.Context, c *catalog.Catalog, n name, columns *documents.Outline) error {
	schema, err := schemas.ToEngine(columns.Schema())
	if err != nil {
		return err
	}
	t := s.declare
	t.Ident = job.Ident{Catalog: s.sink.target.Catalog, Database: n.database, Name: n.table}
	t.Schema = job.Schema{Schema: schema}
	if n == s.errors {
		t.PartitionedBy, t.Options = nil, map[string]string{"format-version": t.Options["format-version"]}
	}
	err = c.CreateDatabase(ctx, n.database, nil)
	if err == nil || errors.Is(err, catalog.ErrExists) {
		err = c.CreateTable(ctx, t)
	}
	if errors.Is(err, catalog.ErrExists) {
		return nil
	}
	return err
}

// grow gives a table, which was known as old, the columns of an outline, and loads
// it again. What does not fit because another writer was faster is left to the
// caller to see.
func (s *DynamicSink) grow(ctx context.Context, c *catalog.Catalog, n name, old *table.Table, columns *documents.Outline) (*table.Table, error) {
	for tries := 0; ; tries++ {
		t, err := c.Load(ctx, n.database, n.table)
		if errors.Is(err, catalog.ErrNotFound) {
			if err := s.create(ctx, c, n, columns); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		tx := t.NewTransaction()
		update := tx.UpdateSchema(true, false).UnionByNameWith(columns.Schema())
		changes, _, err := update.BuildUpdates()
		if err == nil && len(changes) == 0 || err != nil && (old == nil || old.Schema().ID != t.Schema().ID) {
			return t, nil //nolint:nilerr // it has got a column of another type: the rows are judged by that
		}
		if err != nil {
			return nil, fmt.Errorf("%w: add columns: %w", job.ErrInvalid, err)
		}
		tx = t.NewTransaction()
		if err = tx.UpdateSchema(true, false).UnionByNameWith(columns.Schema()).Commit(); err == nil {
			_, err = tx.Commit(ctx)
		}
		if err == nil {
			return c.Load(ctx, n.database, n.table)
		}
		if !catalog.IsConflict(err) || tries == 100 {
			return nil, c.Fail("add columns to", "table "+c.Name()+"."+n.String(), err)
		}
	}
}
