package iceberg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hadoop"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// What catalogs report.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
)

// Env is what this package needs of the process.
type Env struct {
	Stores *objstore.Stores
	// Now is the clock for the age of commits; nil means time.Now.
	Now func() time.Time
	// Log tells what is done to tables beside their rows; nil is nobody.
	Log *slog.Logger
}

func (e Env) log() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}

func (e Env) now() time.Time {
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
	db      *sql.DB
}

// DefaultDatabase is there in every catalog.
const DefaultDatabase = "default"

// Open opens the catalog with this name. Its options are those of CREATE
// CATALOG:
//
//	'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:/path/cat.db', 'warehouse' = 'file:///path'
//	'catalog-type' = 'hadoop', 'warehouse' = 'file:///path'
//
// The database of a jdbc catalog is the one that PyIceberg's SqlCatalog(name,
// uri="sqlite:////path/cat.db") uses; both see each other's tables when the
// names are equal.
func Open(ctx context.Context, name string, options map[string]string, env Env) (*Catalog, error) {
	c := &Catalog{env: env, name: name, options: map[string]string{}}
	for _, key := range []string{optCatalogType, optURI, optWarehouse} {
		if v := options[key]; v != "" {
			c.options[key] = v
		}
	}
	maps.Copy(c.options, objstore.Properties(options))
	warehouse, err := location(options[optWarehouse])
	if err != nil {
		return nil, fmt.Errorf("open catalog %q: %w", name, err)
	}
	switch kind := options[optCatalogType]; kind {
	case "jdbc", "sql":
		err = c.openSQL(options[optURI], warehouse)
	case "hadoop":
		err = c.openHadoop(warehouse)
	case "":
		err = fmt.Errorf("%w: option 'catalog-type' is missing: 'jdbc' or 'hadoop'", job.ErrInvalid)
	default:
		err = fmt.Errorf("%w: no catalog type %q yet; there are 'jdbc' and 'hadoop'", job.ErrInvalid, kind)
	}
	if err == nil {
		err = c.CreateDatabase(ctx, DefaultDatabase, nil)
		if errors.Is(err, ErrExists) {
			err = nil
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open catalog %q: %w", name, err), c.Close())
	}
	return c, nil
}

// location makes a URL of a warehouse's path.
func location(warehouse string) (string, error) {
	if warehouse == "" {
		return "", fmt.Errorf("%w: option 'warehouse' is missing: where tables are kept, such as 'file:///data/warehouse'", job.ErrInvalid)
	}
	u, err := objstore.Parse(warehouse)
	if err != nil {
		return "", err
	}
	if u.Scheme == "file" {
		return "file://" + strings.TrimSuffix(u.Path, "/"), nil
	}
	return strings.TrimSuffix(warehouse, "/"), nil
}

func (c *Catalog) openSQL(uri, warehouse string) error {
	path, ok := strings.CutPrefix(strings.TrimPrefix(uri, "jdbc:"), "sqlite:")
	switch {
	case uri == "":
		return fmt.Errorf("%w: option 'uri' is missing: 'jdbc:sqlite:/path/catalog.db'", job.ErrInvalid)
	case !ok || path == "":
		return fmt.Errorf("%w: option 'uri' is %q; only 'jdbc:sqlite:/path/catalog.db' is known yet",
			job.ErrInvalid, objstore.Redact(uri))
	}
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "//"), "?")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%w: create the directory of %s: %w", job.ErrInvalid, path, err)
	}
	// Full synchronisation: a commit that was reported must outlive the machine.
	db, err := sql.Open("sqlite", "file:"+escapeDSN(path)+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	c.db = db
	props := ice.Properties{"warehouse": warehouse, "init_catalog_tables": "true"}
	maps.Copy(props, objstore.Properties(c.options))
	scheme, _, _ := strings.Cut(warehouse, "://")
	install(scheme, c.env.Stores)
	c.backend, err = sqlcatalog.NewCatalog(c.name, db, sqlcatalog.SQLite, props)
	if err != nil {
		return fmt.Errorf("%w: catalog database %s: %w", job.ErrInvalid, path, err)
	}
	return nil
}

func escapeDSN(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func (c *Catalog) openHadoop(warehouse string) error {
	backend, err := hadoop.NewCatalog(c.name, warehouse, ice.Properties{"warehouse": warehouse})
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	c.backend = backend
	return nil
}

// Close closes the catalog; tables opened from it can no longer be used.
func (c *Catalog) Close() error {
	if c == nil || c.db == nil {
		return nil
	}
	return c.db.Close()
}

// fail gives an error of the backend its class.
func (c *Catalog) fail(verb, what string, err error) error {
	if err == nil {
		return nil
	}
	class := job.ErrUnavailable
	switch {
	case errors.Is(err, icecatalog.ErrNoSuchTable), errors.Is(err, icecatalog.ErrNoSuchNamespace):
		class = ErrNotFound
	case errors.Is(err, icecatalog.ErrTableAlreadyExists), errors.Is(err, icecatalog.ErrNamespaceAlreadyExists),
		errors.Is(err, icecatalog.ErrViewAlreadyExists):
		class = ErrExists
	case errors.Is(err, icecatalog.ErrNamespaceNotEmpty), errors.Is(err, icecatalog.ErrInvalidIdentifier),
		errors.Is(err, ice.ErrInvalidSchema), errors.Is(err, ice.ErrInvalidArgument), errors.Is(err, job.ErrInvalid):
		return fmt.Errorf("%s %s: %w: %w", verb, what, job.ErrInvalid, err)
	case errors.Is(err, context.Canceled):
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
		return nil, c.fail("list databases of", "catalog "+c.name, err)
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
		return c.fail("create database", name, icecatalog.ErrNamespaceAlreadyExists)
	}
	props := ice.Properties(maps.Clone(options))
	if _, is := c.backend.(*hadoop.Catalog); is {
		props = nil // it has nowhere to keep them
	}
	return c.fail("create database", name, c.backend.CreateNamespace(ctx, namespace(name), props))
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
	return c.fail("drop database", name, c.backend.DropNamespace(ctx, namespace(name)))
}

// Tables lists the tables of a database, sorted.
func (c *Catalog) Tables(ctx context.Context, database string) ([]string, error) {
	if ok, err := c.backend.CheckNamespaceExists(ctx, namespace(database)); !ok || err != nil {
		if err == nil {
			err = icecatalog.ErrNoSuchNamespace
		}
		return nil, c.fail("list tables of", database, err)
	}
	var names []string
	for ident, err := range c.backend.ListTables(ctx, namespace(database)) {
		if err != nil {
			return nil, c.fail("list tables of", database, err)
		}
		names = append(names, icecatalog.TableNameFromIdent(ident))
	}
	slices.Sort(names)
	return names, nil
}

func namespace(database string) table.Identifier { return strings.Split(database, ".") }

func identifier(database, name string) table.Identifier { return append(namespace(database), name) }

// load opens a table whose files go through objstore.
func (c *Catalog) load(ctx context.Context, database, name string) (*table.Table, error) {
	t, err := c.backend.LoadTable(ctx, identifier(database, name))
	if err != nil {
		return nil, c.fail("load table", c.name+"."+database+"."+name, err)
	}
	props := objstore.Properties(c.options)
	root, err := c.env.Stores.Open(ctx, t.Location(), props)
	if err != nil {
		return nil, err
	}
	files := fileIO{stores: c.env.Stores, root: root, props: props}
	return table.New(t.Identifier(), t.Metadata(), t.MetadataLocation(), files.open, c.backend), nil
}

// Table describes a table, in the terms of a job: connector "iceberg", with
// the options that open it again and the table's properties.
func (c *Catalog) Table(ctx context.Context, database, name string) (job.Table, error) {
	t, err := c.load(ctx, database, name)
	if err != nil {
		return job.Table{}, err
	}
	schema, err := toEngine(t.Schema())
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
		if !strings.HasPrefix(k, mirrorPrefix) {
			out.Options[k] = v
		}
	}
	out.Options["format-version"] = strconv.Itoa(t.Metadata().Version())
	for _, id := range t.Schema().IdentifierFieldIDs {
		key, _ := t.Schema().FindColumnName(id)
		out.PrimaryKey = append(out.PrimaryKey, key)
	}
	var partitioning string
	out.PartitionedBy, partitioning = describePartitioning(t.Schema(), t.Spec())
	if partitioning != "" {
		out.Options[optPartitioning] = partitioning
	}
	maps.Copy(out.Options, c.options)
	out.Options[optCatalogName] = c.name
	out.Options[optCatalogDatabase] = database
	out.Options[optCatalogTable] = name
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
	schema, err := toIceberg(t.Schema.Schema, t.PrimaryKey, version)
	if err != nil {
		return fmt.Errorf("create table %s: %w", what, err)
	}
	spec, err := partitionSpec(schema, t.PartitionedBy, t.Options[optPartitioning])
	if err != nil {
		return fmt.Errorf("create table %s: %w", what, err)
	}
	props := tableProperties(t.Options)
	props["format-version"] = strconv.Itoa(version)
	opts := []icecatalog.CreateTableOpt{icecatalog.WithProperties(props), icecatalog.WithPartitionSpec(spec)}
	if loc := t.Options["location"]; loc != "" {
		opts = append(opts, icecatalog.WithLocation(loc))
	}
	_, err = c.backend.CreateTable(ctx, identifier(t.Ident.Database, t.Ident.Name), schema, opts...)
	return c.fail("create table", what, err)
}

// DropTable removes a table from the catalog. A jdbc catalog leaves its files
// where they are; a hadoop catalog is its files.
func (c *Catalog) DropTable(ctx context.Context, database, name string) error {
	return c.fail("drop table", c.name+"."+database+"."+name, c.backend.DropTable(ctx, identifier(database, name)))
}

// RenameTable gives a table another name in its database.
func (c *Catalog) RenameTable(ctx context.Context, database, from, to string) error {
	if _, is := c.backend.(*hadoop.Catalog); is {
		return fmt.Errorf("rename table %s: %w: a hadoop catalog cannot rename: a table's name is its directory", from, job.ErrInvalid)
	}
	_, err := c.backend.RenameTable(ctx, identifier(database, from), identifier(database, to))
	return c.fail("rename table", c.name+"."+database+"."+from, err)
}

// AlterTable sets and removes properties so that the table's are those of t.
// The columns must be as they are.
func (c *Catalog) AlterTable(ctx context.Context, t job.Table) error {
	what := c.name + "." + t.Ident.Database + "." + t.Ident.Name
	old, err := c.load(ctx, t.Ident.Database, t.Ident.Name)
	if err != nil {
		return err
	}
	columns, err := toEngine(old.Schema())
	if err != nil {
		return err
	}
	if t.Schema.Schema != nil && !columns.Equal(t.Schema.Schema) {
		return fmt.Errorf("alter table %s: %w: columns cannot be altered yet", what, job.ErrInvalid)
	}
	want := tableProperties(t.Options)
	set, remove := ice.Properties{}, []string(nil)
	for k, v := range want {
		if old.Properties()[k] != v {
			set[k] = v
		}
	}
	for k := range old.Properties() {
		if _, keep := want[k]; !keep && !strings.HasPrefix(k, mirrorPrefix) {
			remove = append(remove, k)
		}
	}
	tx := old.NewTransaction()
	err = tx.SetProperties(set)
	if err == nil && len(remove) > 0 {
		err = tx.RemoveProperties(remove)
	}
	if err == nil && len(set)+len(remove) > 0 {
		_, err = tx.Commit(ctx)
	}
	return c.fail("alter table", what, err)
}

// tableProperties are the options that are the table's, not the catalog's or
// the job's.
func tableProperties(options map[string]string) ice.Properties {
	props := ice.Properties{}
	for k, v := range options {
		if !connectorOption(k) && len(objstore.Properties(map[string]string{k: v})) == 0 && k != "format-version" && k != "location" && k != optPartitioning {
			props[k] = v
		}
	}
	return props
}
