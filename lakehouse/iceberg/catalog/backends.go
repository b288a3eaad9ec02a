package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hadoop"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Opener connects to catalogs of one kind. props are the options of CREATE
// CATALOG, with 'warehouse' as a URL. A result that is an icecatalog.Closer
// is closed with the catalog.
type Opener func(ctx context.Context, name string, props map[string]string) (icecatalog.Catalog, error)

// Judge is a backend that knows which of its errors stay when the request is
// repeated.
type Judge interface{ Permanent(err error) bool }

// The kinds of catalogs that are always there; Env.Catalogs adds others.
const (
	kindJDBC   = "jdbc"
	kindHadoop = "hadoop"
)

// own are the catalog's options without a prefix, beside 'catalog-type',
// 'uri' and 'warehouse'.
var own = []string{
	"credential", "token", "scope", "audience", "resource", "oauth2-server-uri", "prefix", "namespace-separator",
	"snapshot-loading-mode", "view-endpoints-supported", "token-expires-in-ms", "token-refresh-enabled", "token-exchange-enabled",
	"default-database", "property-version", "cache-enabled", "cache.expiration-interval-ms", "io-impl", "clients",
	"lock-check-retries", "init-catalog-tables", "schema-version",
}

// ownPrefixes begin the others.
var ownPrefixes = []string{
	"rest.", "header.", "glue.", "client.", "jdbc.", "iceberg.hive.", "table-default.", "table-override.", "http-client.",
}

// catalogOption reports whether a key is an option of a catalog: it says how
// to reach it, or what its tables begin with.
func catalogOption(key string) bool {
	if key == OptCatalogType || key == OptURI || key == OptWarehouse || slices.Contains(own, key) {
		return true
	}
	return slices.ContainsFunc(ownPrefixes, func(p string) bool { return strings.HasPrefix(key, p) }) || objstore.IsProperty(key)
}

// Options are the catalog's options for the list of the connector's.
func Options() []ops.Option {
	var out []ops.Option
	for _, k := range own {
		out = append(out, ops.Option{Key: k, Help: "Option of the catalog.", Secret: k == "credential" || k == "token"})
	}
	for _, p := range ownPrefixes {
		if p != "client." { // objstore.Keys has client.region
			out = append(out, ops.Option{Key: p + "#", Help: "Options of the catalog."})
		}
	}
	return out
}

// CheckOptions refuses a CREATE CATALOG with options that nobody reads.
func CheckOptions(options map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(options)) {
		switch {
		case k == "catalog-impl":
			return fmt.Errorf("%w: option 'catalog-impl' names a Java class, which cannot be loaded; use 'catalog-type'", job.ErrInvalid)
		case k != optType && !catalogOption(k):
			return fmt.Errorf("%w: a catalog has no option %q; there are 'catalog-type', 'uri', 'warehouse', %s and those that begin with %s",
				job.ErrInvalid, k, list(own), list(append(slices.Clone(ownPrefixes), objstore.Prefixes...)))
		}
	}
	return nil
}

func list(words []string) string { return "'" + strings.Join(words, "', '") + "'" }

// connect opens the backend of the catalog's kind.
func (c *Catalog) connect(ctx context.Context) error {
	kind := c.options[OptCatalogType]
	kinds := append([]string{kindJDBC, kindHadoop}, slices.Sorted(maps.Keys(c.env.Catalogs))...)
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return strings.Contains(k, ":") })
	var err error
	switch {
	case kind == "":
		return fmt.Errorf("%w: option 'catalog-type' is missing: one of %s", job.ErrInvalid, list(kinds))
	case kind == kindHadoop:
		return c.openHadoop()
	case kind == kindJDBC || kind == "sql":
		return c.openSQL(ctx)
	case c.env.Catalogs[kind] != nil:
		props := maps.Clone(c.options)
		if kind != "rest" { // there it may be just a name
			if props, err = c.withLocation(kind == "glue" || kind == "hive"); err != nil {
				return err
			}
		}
		install(c.env.Stores.Schemes(), c.env.Stores)
		c.backend, err = c.env.Catalogs[kind](ctx, c.name, props)
		return err
	case kind == "nessie":
		return fmt.Errorf("%w: no catalog type 'nessie'; a Nessie server speaks the REST protocol under /iceberg: use 'rest'", job.ErrInvalid)
	}
	return fmt.Errorf("%w: no catalog type %q; there are %s", job.ErrInvalid, kind, list(kinds))
}

// withLocation are the options with the warehouse as a URL.
func (c *Catalog) withLocation(optional bool) (map[string]string, error) {
	props := maps.Clone(c.options)
	if props[OptWarehouse] == "" && optional {
		return props, nil
	}
	var err error
	props[OptWarehouse], err = location(props[OptWarehouse])
	return props, err
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

// openSQL opens a catalog in a database: SQLite in a file, or one that
// Env.Catalogs knows under "jdbc:<database>".
func (c *Catalog) openSQL(ctx context.Context) error {
	uri := c.options[OptURI]
	bare := strings.TrimPrefix(uri, "jdbc:")
	scheme, path, _ := strings.Cut(bare, ":")
	open := c.env.Catalogs["jdbc:"+scheme]
	props, err := c.withLocation(false)
	switch {
	case uri == "":
		return fmt.Errorf("%w: option 'uri' is missing: 'jdbc:sqlite:/path/catalog.db' or 'jdbc:postgresql://host/database'", job.ErrInvalid)
	case err != nil:
		return err
	case open != nil:
		install(c.env.Stores.Schemes(), c.env.Stores)
		c.backend, err = open(ctx, c.name, props)
		return err
	case scheme != "sqlite" || path == "":
		return fmt.Errorf("%w: option 'uri' is %q; want 'jdbc:sqlite:/path/catalog.db' or 'jdbc:postgresql://host/database'",
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
	install([]string{schemeOf(props[OptWarehouse])}, c.env.Stores)
	c.backend, err = NewSQL(c.name, db, sqlcatalog.SQLite, props)
	if err != nil {
		return fmt.Errorf("%w: catalog database %s: %w", job.ErrInvalid, path, err)
	}
	return nil
}

func schemeOf(url string) string {
	scheme, _, _ := strings.Cut(url, "://")
	return scheme
}

// NewSQL opens a catalog that is kept in db, which is closed with it.
func NewSQL(name string, db *sql.DB, dialect sqlcatalog.SupportedDialect, props map[string]string) (icecatalog.Catalog, error) {
	all := ice.Properties{OptWarehouse: props[OptWarehouse], "init_catalog_tables": "true"}
	maps.Copy(all, objstore.Properties(props))
	c, err := sqlcatalog.NewCatalog(name, db, dialect, all)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &sqlBackend{Catalog: c, db: db}, nil
}

type sqlBackend struct {
	*sqlcatalog.Catalog
	db *sql.DB
}

// Close implements icecatalog.Closer.
func (c *sqlBackend) Close() error { return errors.Join(c.Catalog.Close(), c.db.Close()) }

func escapeDSN(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func (c *Catalog) openHadoop() error {
	props, err := c.withLocation(false)
	if err != nil {
		return err
	}
	warehouse := props[OptWarehouse]
	if schemeOf(warehouse) != "file" {
		return c.openDirectory(warehouse)
	}
	backend, err := hadoop.NewCatalog(c.name, warehouse, ice.Properties{"warehouse": warehouse})
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	c.backend = backend
	return nil
}
