package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// directory is a hadoop catalog on an object store: a namespace is a
// directory of the warehouse, a table is a directory in it with
// metadata/v<n>.metadata.json. A commit writes version n+1 if that is absent,
// which one writer wins; Java's HadoopCatalog reads such tables, but does not
// write them safely unless it is given a lock.
type directory struct {
	root  *objstore.Bucket
	files fileIO
}

var _ icecatalog.Catalog = (*directory)(nil)

// marker keeps a namespace without tables.
const marker = ".namespace"

// hint is the file that names the newest version, for readers that do not list.
const hint = "version-hint.text"

func (c *Catalog) openDirectory(warehouse string) error {
	props := objstore.Properties(c.options)
	root, err := c.env.Stores.Open(context.Background(), warehouse, props)
	if err != nil {
		return err
	}
	install([]string{schemeOf(warehouse)}, c.env.Stores)
	c.backend = &directory{root: root, files: fileIO{stores: c.env.Stores, root: root, props: props}}
	return nil
}

// CatalogType implements icecatalog.Catalog.
func (d *directory) CatalogType() icecatalog.Type { return icecatalog.Hadoop }

func dirOf(ident table.Identifier) string { return path.Join(ident...) }

// metaFile is one metadata file of a table.
type metaFile struct {
	number int
	name   string // of the object
}

var versionName = regexp.MustCompile(`^v(\d+)(\.gz)?\.metadata\.json(\.gz)?$`)

// newest finds the newest version of a table, or icecatalog.ErrNoSuchTable.
func (d *directory) newest(ctx context.Context, ident table.Identifier) (metaFile, error) {
	var best metaFile
	if len(ident) < 2 {
		return best, fmt.Errorf("%w: %s", icecatalog.ErrNoSuchTable, strings.Join(ident, "."))
	}
	prefix := dirOf(ident) + "/metadata/"
	names, err := d.root.List(ctx, prefix+"v")
	if err != nil {
		return best, err
	}
	for _, name := range names {
		if m := versionName.FindStringSubmatch(strings.TrimPrefix(name, prefix)); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n > best.number {
				best = metaFile{number: n, name: name}
			}
		}
	}
	if best.number == 0 {
		return best, fmt.Errorf("%w: %s", icecatalog.ErrNoSuchTable, strings.Join(ident, "."))
	}
	return best, nil
}

// LoadTable implements icecatalog.Catalog.
func (d *directory) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	v, err := d.newest(ctx, ident)
	if err != nil {
		return nil, err
	}
	return table.NewFromLocation(ctx, ident, d.root.URL(v.name), d.files.open, d)
}

// CheckTableExists implements icecatalog.Catalog.
func (d *directory) CheckTableExists(ctx context.Context, ident table.Identifier) (bool, error) {
	_, err := d.newest(ctx, ident)
	if errors.Is(err, icecatalog.ErrNoSuchTable) {
		return false, nil
	}
	return err == nil, err
}

// CreateTable implements icecatalog.Catalog.
func (d *directory) CreateTable(ctx context.Context, ident table.Identifier, schema *ice.Schema, opts ...icecatalog.CreateTableOpt) (*table.Table, error) {
	cfg := icecatalog.NewCreateTableCfg()
	for _, o := range opts {
		o(&cfg)
	}
	if err := icecatalog.ValidateTableIdentifier(ident); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if ok, err := d.CheckNamespaceExists(ctx, icecatalog.NamespaceFromIdent(ident)); !ok || err != nil {
		return nil, errors.Join(err, icecatalog.ErrNoSuchNamespace)
	}
	at := d.root.URL(dirOf(ident))
	if cfg.Location != "" && cfg.Location != at {
		return nil, fmt.Errorf("%w: in a hadoop catalog the location of a table is its directory, %s", job.ErrInvalid, at)
	}
	if ok, err := d.CheckTableExists(ctx, ident); ok || err != nil {
		return nil, errors.Join(err, icecatalog.ErrTableAlreadyExists)
	}
	meta, err := table.NewMetadata(schema, cfg.PartitionSpec, cfg.SortOrder, at, cfg.Properties)
	if err != nil {
		return nil, err
	}
	if _, err := d.write(ctx, ident, 1, meta); err != nil {
		if errors.Is(err, table.ErrCommitFailed) {
			err = icecatalog.ErrTableAlreadyExists
		}
		return nil, err
	}
	return d.LoadTable(ctx, ident)
}

// write publishes a version of a table, or reports table.ErrCommitFailed when
// somebody else has.
func (d *directory) write(ctx context.Context, ident table.Identifier, number int, meta table.Metadata) (string, error) {
	data, err := json.Marshal(meta)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s/metadata/v%d.metadata.json", dirOf(ident), number)
	if strings.EqualFold(meta.Properties().Get(table.MetadataCompressionKey, ""), "gzip") {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(data); err != nil {
			return "", err
		}
		if err := w.Close(); err != nil {
			return "", err
		}
		name = fmt.Sprintf("%s/metadata/v%d.gz.metadata.json", dirOf(ident), number)
		data = packed.Bytes()
	}
	won, err := d.root.PutIfAbsent(ctx, name, data)
	if err != nil {
		return "", err
	}
	if !won {
		return "", fmt.Errorf("%w: version %d of table %s is there", table.ErrCommitFailed, number, strings.Join(ident, "."))
	}
	// It only saves others a listing: a hint that is old or missing does no harm.
	_ = d.root.Put(ctx, dirOf(ident)+"/metadata/"+hint, []byte(strconv.Itoa(number)))
	return d.root.URL(name), nil
}

// CommitTable implements icecatalog.Catalog.
func (d *directory) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	v, err := d.newest(ctx, ident)
	if err != nil {
		return nil, "", err
	}
	now, err := table.NewFromLocation(ctx, ident, d.root.URL(v.name), d.files.open, d)
	if err != nil {
		return nil, "", err
	}
	for _, r := range reqs {
		if err := r.Validate(now.Metadata()); err != nil {
			return nil, "", err
		}
	}
	meta, err := table.UpdateTableMetadata(now.Metadata(), updates, now.MetadataLocation())
	if err != nil {
		return nil, "", err
	}
	if meta.Location() != now.Location() {
		return nil, "", fmt.Errorf("%w: the location of a table in a hadoop catalog stays", job.ErrInvalid)
	}
	at, err := d.write(ctx, ident, v.number+1, meta)
	return meta, at, err
}

// ListTables implements icecatalog.Catalog.
func (d *directory) ListTables(ctx context.Context, ns table.Identifier) iter.Seq2[table.Identifier, error] {
	return func(yield func(table.Identifier, error) bool) {
		dirs, err := d.root.Dirs(ctx, dirOf(ns))
		if err != nil {
			yield(nil, err)
			return
		}
		for _, dir := range dirs {
			ident := append(append(table.Identifier{}, ns...), dir)
			ok, err := d.CheckTableExists(ctx, ident)
			if (ok || err != nil) && !yield(ident, err) {
				return
			}
		}
	}
}

// DropTable removes the directory of a table: its versions from the oldest on,
// so that what readers meanwhile find is the newest, then everything else.
func (d *directory) DropTable(ctx context.Context, ident table.Identifier) error {
	newest, err := d.newest(ctx, ident)
	if err != nil {
		return err
	}
	names, err := d.root.List(ctx, dirOf(ident)+"/")
	if err != nil {
		return err
	}
	rank := func(name string) int {
		switch {
		case name == newest.name:
			return 1
		case strings.HasPrefix(name, dirOf(ident)+"/metadata/v"):
			return 0
		}
		return 2
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range names {
		if err := d.root.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// RenameTable implements icecatalog.Catalog.
func (d *directory) RenameTable(context.Context, table.Identifier, table.Identifier) (*table.Table, error) {
	return nil, fmt.Errorf("%w: a hadoop catalog cannot rename: a table's name is its directory", job.ErrInvalid)
}

// ListNamespaces implements icecatalog.Catalog.
func (d *directory) ListNamespaces(ctx context.Context, parent table.Identifier) ([]table.Identifier, error) {
	dirs, err := d.root.Dirs(ctx, dirOf(parent))
	if err != nil {
		return nil, err
	}
	var out []table.Identifier
	for _, dir := range dirs {
		ident := append(append(table.Identifier{}, parent...), dir)
		if len(parent) > 0 {
			if ok, err := d.CheckTableExists(ctx, ident); ok || err != nil {
				if err != nil {
					return nil, err
				}
				continue
			}
		}
		out = append(out, ident)
	}
	return out, nil
}

// CreateNamespace implements icecatalog.Catalog. Properties are kept in the marker.
func (d *directory) CreateNamespace(ctx context.Context, ns table.Identifier, props ice.Properties) error {
	for _, part := range ns {
		if part == "" || strings.ContainsAny(part, "/\\") || part == "." || part == ".." {
			return fmt.Errorf("%w: %q cannot be a directory", icecatalog.ErrInvalidIdentifier, part)
		}
	}
	if ok, err := d.CheckNamespaceExists(ctx, ns); ok || err != nil {
		return errors.Join(err, icecatalog.ErrNamespaceAlreadyExists)
	}
	if props == nil {
		props = ice.Properties{}
	}
	data, err := json.Marshal(props)
	if err != nil {
		return err
	}
	_, err = d.root.PutIfAbsent(ctx, dirOf(ns)+"/"+marker, data)
	return err
}

// DropNamespace implements icecatalog.Catalog.
func (d *directory) DropNamespace(ctx context.Context, ns table.Identifier) error {
	names, err := d.root.List(ctx, dirOf(ns)+"/")
	if err != nil {
		return err
	}
	switch {
	case len(names) == 0:
		return icecatalog.ErrNoSuchNamespace
	case len(names) > 1 || names[0] != dirOf(ns)+"/"+marker:
		return fmt.Errorf("%w: there is %s", icecatalog.ErrNamespaceNotEmpty, names[0])
	}
	return d.root.Delete(ctx, names[0])
}

// CheckNamespaceExists implements icecatalog.Catalog.
func (d *directory) CheckNamespaceExists(ctx context.Context, ns table.Identifier) (bool, error) {
	if len(ns) == 0 {
		return false, nil
	}
	return d.root.HasPrefix(ctx, dirOf(ns)+"/")
}

// LoadNamespaceProperties implements icecatalog.Catalog.
func (d *directory) LoadNamespaceProperties(ctx context.Context, ns table.Identifier) (ice.Properties, error) {
	if ok, err := d.CheckNamespaceExists(ctx, ns); !ok || err != nil {
		return nil, errors.Join(err, icecatalog.ErrNoSuchNamespace)
	}
	data, err := d.root.Get(ctx, dirOf(ns)+"/"+marker)
	if errors.Is(err, fs.ErrNotExist) {
		return ice.Properties{}, nil
	}
	props := ice.Properties{}
	if err == nil {
		err = json.Unmarshal(data, &props)
	}
	return props, err
}

// UpdateNamespaceProperties implements icecatalog.Catalog.
func (d *directory) UpdateNamespaceProperties(context.Context, table.Identifier, []string, ice.Properties) (icecatalog.PropertiesUpdateSummary, error) {
	return icecatalog.PropertiesUpdateSummary{}, fmt.Errorf("%w: a hadoop catalog does not change the properties of a database", job.ErrInvalid)
}
