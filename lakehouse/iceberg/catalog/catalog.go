package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hadoop"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
)

// What catalogs report.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
)

// Env is what this package needs of the process.
type Env struct {
	Stores *objstore.Stores
	// Catalogs adds kinds of catalogs to those that are always there, jdbc on
	// SQLite and hadoop: "rest", "hive", "glue", and "jdbc:<database>".
	Catalogs map[string]Opener
	// Now is the clock for the age of commits; nil means time.Now.
	Now func() time.Time
	// Log tells what is done to tables beside their rows; nil is nobody.
	Log *slog.Logger
}

// Logger is where to tell things; never nil.
func (e Env) Logger() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}

// Time is the present time.
func (e Env) Time() time.Time {
	if e.Now == nil {
		return time.Now() //nolint:forbidigo // the clock of those who give none
	}
	return e.Now()
}

// Catalog is an Iceberg catalog: databases of tables. It is safe for
// concurrent use.
type Catalog struct {
	env     Env
	name    string
	options map[string]string // those that open it again
	backend icecatalog.Catalog
	lent    loans
}

// DefaultDatabase is there in every catalog that is ours alone.
const DefaultDatabase = "default"

// Open opens the catalog with this name. Its options are those of CREATE
// CATALOG; docs/iceberg.md lists them. The database of a jdbc catalog is the one
// that PyIceberg's SqlCatalog(name, uri="sqlite:////path/cat.db") uses; both see
// each other's tables when the names are equal.
func Open(ctx context.Context, name string, options map[string]string, env Env) (*Catalog, error) {
	c := &Catalog{env: env, name: name, options: map[string]string{}}
	for key, v := range options {
		if v != "" && catalogOption(key) {
			c.options[key] = v
		}
	}
	err := c.connect(ctx)
	if kind := c.options[OptCatalogType]; err == nil && (kind == kindHadoop || kind == kindJDBC || kind == "sql") {
		err = c.Prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(c.Fail("open", fmt.Sprintf("catalog %q", name), err), c.Close())
	}
	return c, nil
}

// Prepare creates the database that sessions begin in, when it is not there.
func (c *Catalog) Prepare(ctx context.Context) error {
	name := c.options["default-database"]
	if name == "" {
		name = DefaultDatabase
	}
	if err := c.CreateDatabase(ctx, name, nil); !errors.Is(err, ErrExists) {
		return err
	}
	return nil
}

// Close closes the catalog; tables opened from it can no longer be used.
func (c *Catalog) Close() error {
	if c == nil {
		return nil
	}
	if closer, ok := c.backend.(icecatalog.Closer); ok {
		return closer.Close()
	}
	return nil
}

// Fail gives an error of the backend its class.
func (c *Catalog) Fail(verb, what string, err error) error {
	if err == nil {
		return nil
	}
	class := job.ErrUnavailable
	if j, ok := c.backend.(Judge); ok && j.Permanent(err) {
		err = fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	switch {
	case errors.Is(err, icecatalog.ErrNoSuchTable), errors.Is(err, icecatalog.ErrNoSuchNamespace), errors.Is(err, icecatalog.ErrNoSuchView):
		class = ErrNotFound
	case errors.Is(err, icecatalog.ErrTableAlreadyExists), errors.Is(err, icecatalog.ErrNamespaceAlreadyExists),
		errors.Is(err, icecatalog.ErrViewAlreadyExists):
		class = ErrExists
	case errors.Is(err, icecatalog.ErrNamespaceNotEmpty), errors.Is(err, icecatalog.ErrInvalidIdentifier),
		errors.Is(err, ice.ErrInvalidSchema), errors.Is(err, ice.ErrInvalidArgument):
		return fmt.Errorf("%s %s: %w: %w", verb, what, job.ErrInvalid, err)
	case errors.Is(err, context.Canceled), errors.Is(err, job.ErrInvalid), errors.Is(err, job.ErrUnavailable):
		return fmt.Errorf("%s %s: %w", verb, what, err)
	default:
		return fmt.Errorf("%s %s: %w: %w", verb, what, class, err)
	}
	return fmt.Errorf("%s %s: %w: %w: %w", verb, what, job.ErrInvalid, class, err)
}

// Databases lists the databases, sorted.
func (c *Catalog) Databases(ctx context.Context) ([]string, error) {
	found, err := c.backend.ListNamespaces(ctx, nil)
	if err != nil {
		return nil, c.Fail("list databases of", "catalog "+c.name, err)
	}
	names := make([]string, len(found))
	for i, ns := range found {
		names[i] = strings.Join(ns, ".")
	}
	slices.Sort(names)
	return names, nil
}

// CreateDatabase creates a database, or reports ErrExists.
func (c *Catalog) CreateDatabase(ctx context.Context, name string, options map[string]string) error {
	if ok, err := c.backend.CheckNamespaceExists(ctx, namespace(name)); ok && err == nil {
		return c.Fail("create database", name, icecatalog.ErrNamespaceAlreadyExists)
	}
	props := ice.Properties(maps.Clone(options))
	if props == nil {
		props = ice.Properties{}
	}
	if _, is := c.backend.(*hadoop.Catalog); is {
		props = nil // it has nowhere to keep them
	}
	return c.Fail("create database", name, c.backend.CreateNamespace(ctx, namespace(name), props))
}

// DropDatabase drops a database; with cascade, its tables too.
func (c *Catalog) DropDatabase(ctx context.Context, name string, cascade bool) error {
	if cascade {
		tables, err := c.Tables(ctx, name)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := c.DropTable(ctx, name, t); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
	return c.Fail("drop database", name, c.backend.DropNamespace(ctx, namespace(name)))
}

// Tables lists the tables of a database, sorted.
func (c *Catalog) Tables(ctx context.Context, database string) ([]string, error) {
	if ok, err := c.backend.CheckNamespaceExists(ctx, namespace(database)); !ok || err != nil {
		if err == nil {
			err = icecatalog.ErrNoSuchNamespace
		}
		return nil, c.Fail("list tables of", database, err)
	}
	var names []string
	for ident, err := range c.backend.ListTables(ctx, namespace(database)) {
		if err != nil {
			return nil, c.Fail("list tables of", database, err)
		}
		names = append(names, icecatalog.TableNameFromIdent(ident))
	}
	slices.Sort(names)
	return names, nil
}

func namespace(database string) table.Identifier { return strings.Split(database, ".") }

func identifier(database, name string) table.Identifier { return append(namespace(database), name) }

// Load opens a table whose files go through objstore.
func (c *Catalog) Load(ctx context.Context, database, name string) (*table.Table, error) {
	t, err := c.backend.LoadTable(ctx, identifier(database, name))
	if err != nil {
		return nil, c.Fail("load table", c.name+"."+database+"."+name, err)
	}
	files, err := c.files(ctx, t)
	if err != nil {
		return nil, err
	}
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), files, c.backend), nil
}

// Table describes a table, in the terms of a job: connector "iceberg", with
// the options that open it again and the table's properties.
func (c *Catalog) Table(ctx context.Context, database, name string) (job.Table, error) {
	t, err := c.Load(ctx, database, name)
	if err != nil {
		return job.Table{}, err
	}
	schema, err := schemas.ToEngine(t.Schema())
	if err != nil {
		return job.Table{}, fmt.Errorf("table %s.%s: %w", database, name, err)
	}
	out := job.Table{
		Ident:     job.Ident{Catalog: c.name, Database: database, Name: name},
		Schema:    job.Schema{Schema: schema},
		Connector: ConnectorName,
		Options:   map[string]string{},
	}
	for k, v := range t.Properties() {
		if shown(k) {
			out.Options[k] = v
		}
	}
	out.Options["format-version"] = strconv.Itoa(t.Metadata().Version())
	for _, id := range t.Schema().IdentifierFieldIDs {
		key, _ := t.Schema().FindColumnName(id)
		out.PrimaryKey = append(out.PrimaryKey, key)
	}
	var partitioning string
	out.PartitionedBy, partitioning = schemas.DescribePartitioning(t.Schema(), t.Spec())
	if partitioning != "" {
		out.Options[OptPartitioning] = partitioning
	}
	if order := schemas.DescribeOrder(t.Schema(), t.SortOrder()); order != "" {
		out.Options[OptSortOrder] = order
	}
	maps.Copy(out.Options, c.options)
	out.Options[OptCatalogName] = c.name
	out.Options[OptCatalogDatabase] = database
	out.Options[OptCatalogTable] = name
	return out, nil
}

// CreateTable creates a table from its columns, its PARTITIONED BY columns and
// the option 'partitioning'. 'format-version' is 2 unless the options say 3.
// Options that are not about the catalog become table properties.
func (c *Catalog) CreateTable(ctx context.Context, t job.Table) error {
	what := c.name + "." + t.Ident.Database + "." + t.Ident.Name
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		return fmt.Errorf("create table %s: %w: it has no columns", what, job.ErrInvalid)
	}
	version := 2
	if text := t.Options["format-version"]; text != "" {
		var err error
		if version, err = strconv.Atoi(text); err != nil || version < 2 || version > 3 {
			return fmt.Errorf("create table %s: %w: 'format-version' is %q; it can be 2 or 3", what, job.ErrInvalid, text)
		}
	}
	schema, err := schemas.ToIceberg(t.Schema.Schema, t.PrimaryKey, version)
	if err != nil {
		return fmt.Errorf("create table %s: %w", what, err)
	}
	spec, err := schemas.PartitionSpec(schema, t.PartitionedBy, t.Options[OptPartitioning])
	if err != nil {
		return fmt.Errorf("create table %s: %w", what, err)
	}
	order, err := schemas.SortOrder(schema, "'sort-order'", t.Options[OptSortOrder])
	if err != nil {
		return fmt.Errorf("create table %s: %w", what, err)
	}
	props := ice.Properties{}
	for k, v := range c.options {
		if key, ok := strings.CutPrefix(k, "table-default."); ok {
			props[key] = v
		}
	}
	maps.Copy(props, tableProperties(t.Options))
	for k, v := range c.options {
		if key, ok := strings.CutPrefix(k, "table-override."); ok {
			props[key] = v
		}
	}
	props["format-version"] = strconv.Itoa(version)
	opts := []icecatalog.CreateTableOpt{icecatalog.WithProperties(props), icecatalog.WithPartitionSpec(spec), icecatalog.WithSortOrder(order)}
	if loc := t.Options["location"]; loc != "" {
		opts = append(opts, icecatalog.WithLocation(loc))
	}
	_, err = c.backend.CreateTable(ctx, identifier(t.Ident.Database, t.Ident.Name), schema, opts...)
	return c.Fail("create table", what, err)
}

// DropTable removes a table from the catalog. A jdbc catalog leaves its files
// where they are; a hadoop catalog is its files.
func (c *Catalog) DropTable(ctx context.Context, database, name string) error {
	return c.Fail("drop table", c.name+"."+database+"."+name, c.backend.DropTable(ctx, identifier(database, name)))
}

// RenameTable gives a table another name in its database.
func (c *Catalog) RenameTable(ctx context.Context, database, from, to string) error {
	if _, is := c.backend.(*hadoop.Catalog); is {
		return fmt.Errorf("rename table %s: %w: a hadoop catalog cannot rename: a table's name is its directory", from, job.ErrInvalid)
	}
	_, err := c.backend.RenameTable(ctx, identifier(database, from), identifier(database, to))
	return c.Fail("rename table", c.name+"."+database+"."+from, err)
}

// shown reports whether a property of a table is shown as an option of it. One
// that has the name of a catalog's option is not: whoever may write to a table
// must not say where its readers send their credentials.
func shown(key string) bool { return !strings.HasPrefix(key, MirrorPrefix) && !catalogOption(key) }

// tableProperties are the options that are the table's, not the catalog's or
// the job's.
func tableProperties(options map[string]string) ice.Properties {
	props := ice.Properties{}
	for k, v := range options {
		if !connectorOption(k) && !catalogOption(k) && k != "format-version" && k != "location" && k != OptPartitioning && k != OptSortOrder {
			props[k] = v
		}
	}
	return props
}

// Now is the time by the clock of the catalog's environment.
func (c *Catalog) Now() time.Time { return c.env.Time() }

// CommitTable commits updates of a table, if what they require holds. It
// returns what the table's metadata are then.
func (c *Catalog) CommitTable(ctx context.Context, t *table.Table, requires []table.Requirement, updates []table.Update) (table.Metadata, error) {
	meta, _, err := c.backend.CommitTable(ctx, t.Identifier(), requires, updates)
	return meta, err
}

// Named loads the table called "database.table", or "table" in the default
// database.
func (c *Catalog) Named(ctx context.Context, name string) (*table.Table, error) {
	database, last := DefaultDatabase, name
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		database, last = name[:at], name[at+1:]
	}
	if last == "" || database == "" {
		return nil, fmt.Errorf("%w: a table is named database.table, not %q", job.ErrInvalid, name)
	}
	return c.Load(ctx, strings.TrimPrefix(database, c.name+"."), last)
}

// Change does to a table, in the state that load gives, what change says. A conflict
// with another writer is tried again, from the state that is then.
func (c *Catalog) Change(ctx context.Context, verb, what string, load func(context.Context) (*table.Table, error), change func(t *table.Table) error) error {
	for tries := 0; ; tries++ {
		t, err := load(ctx)
		if err != nil {
			return err
		}
		if err = change(t); err == nil || !IsConflict(err) || tries == 10 {
			return c.Fail(verb, what, err)
		}
	}
}

// ChangeNamed is Change of the table called "database.table", or "table" in the
// default database.
func (c *Catalog) ChangeNamed(ctx context.Context, verb, name string, change func(t *table.Table) error) error {
	return c.Change(ctx, verb, "table "+c.name+"."+name, func(ctx context.Context) (*table.Table, error) { return c.Named(ctx, name) }, change)
}

// IsConflict reports that somebody else committed in between. Catalogs return
// failed requirements without wrapping table.ErrCommitFailed, so their text
// counts too; sequence numbers and row ids are the whole table's, and taken when
// another branch has moved; a table with another UUID is not a conflict but another table.
func IsConflict(err error) bool {
	text := err.Error()
	if strings.Contains(text, "UUID") || strings.Contains(text, "uuid") {
		return false
	}
	return errors.Is(err, table.ErrCommitFailed) || errors.Is(err, table.ErrInvalidRowLineage) ||
		strings.Contains(text, "equirement failed") || strings.Contains(text, "add snapshot with sequence number") ||
		strings.Contains(text, "database is locked") || strings.Contains(text, "SQLITE_BUSY")
}
