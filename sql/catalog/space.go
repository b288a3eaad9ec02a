package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wadi-engine/wadi/job"
)

// The catalog and database that every session begins in.
const (
	DefaultCatalog  = "default_catalog"
	DefaultDatabase = "default_database"
)

// Space is the names that one session sees: its catalogs, where it is among
// them, and its temporary tables, which hide others of the same name.
type Space struct {
	catalogs  map[string]Catalog
	options   map[string]map[string]string
	comments  map[string]string
	temporary map[job.Ident]*Table

	kept Store // or nil
	open func(ctx context.Context, name string, d Definition) (Catalog, error)

	Catalog  string // current
	Database string // current
}

// NewSpace begins with the default catalog.
func NewSpace() *Space {
	return &Space{
		catalogs:  map[string]Catalog{DefaultCatalog: NewMemory(DefaultDatabase)},
		options:   map[string]map[string]string{},
		comments:  map[string]string{},
		temporary: map[job.Ident]*Table{},
		Catalog:   DefaultCatalog,
		Database:  DefaultDatabase,
	}
}

// Catalogs lists the catalogs, sorted.
func (s *Space) Catalogs() ([]string, error) { return s.known() }

// Lookup finds a catalog, and opens it if it is in the store only.
func (s *Space) Lookup(name string) (Catalog, error) {
	if c, ok := s.catalogs[name]; ok {
		return c, nil
	}
	c, err := s.fetch(name)
	if c != nil || err != nil {
		return c, err
	}
	names, err := s.known()
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: catalog %s; there are %q", ErrNotFound, name, names)
}

// Options are those with which a catalog was added.
func (s *Space) Options(name string) map[string]string { return s.options[name] }

// Add adds a catalog under a new name.
func (s *Space) Add(name string, c Catalog, d Definition) error {
	names, err := s.known()
	if err != nil {
		return err
	}
	if slices.Contains(names, name) {
		return fmt.Errorf("%w: catalog %s", ErrExists, name)
	}
	s.catalogs[name], s.options[name] = c, d.Options
	if d.Comment != "" {
		s.comments[name] = d.Comment
	}
	return s.put(name)
}

// Remove drops a catalog from the space; what it holds stays. The current one
// cannot be removed.
func (s *Space) Remove(name string) error {
	names, err := s.known()
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("%w: catalog %s", ErrNotFound, name)
	}
	if name == s.Catalog {
		return fmt.Errorf("%w: catalog %s is in use; USE CATALOG another one first", job.ErrInvalid, name)
	}
	if s.kept != nil {
		if err := s.kept.Delete(context.Background(), name); err != nil {
			return fmt.Errorf("remove catalog %s from the catalog store: %w", name, err)
		}
	}
	delete(s.catalogs, name)
	delete(s.options, name)
	delete(s.comments, name)
	return nil
}

// UseCatalog makes a catalog current, in its default database: that of its
// option 'default-database', the default catalog's, "default" or the first.
func (s *Space) UseCatalog(ctx context.Context, name string) error {
	c, err := s.Lookup(name)
	if err != nil {
		return err
	}
	dbs, err := c.Databases(ctx)
	if err != nil {
		return fmt.Errorf("list databases of catalog %s: %w", name, err)
	}
	s.Catalog, s.Database = name, ""
	switch own := s.options[name]["default-database"]; {
	case slices.Contains(dbs, own):
		s.Database = own
	case slices.Contains(dbs, DefaultDatabase):
		s.Database = DefaultDatabase
	case slices.Contains(dbs, "default"):
		s.Database = "default"
	case len(dbs) > 0:
		s.Database = dbs[0]
	}
	return nil
}

// UseDatabase makes a database current.
func (s *Space) UseDatabase(ctx context.Context, catalog, database string) error {
	c, err := s.Lookup(catalog)
	if err != nil {
		return err
	}
	dbs, err := c.Databases(ctx)
	if err != nil {
		return fmt.Errorf("list databases of catalog %s: %w", catalog, err)
	}
	if !slices.Contains(dbs, database) {
		return fmt.Errorf("%w: database %s in catalog %s; there are %q", ErrNotFound, database, catalog, dbs)
	}
	s.Catalog, s.Database = catalog, database
	return nil
}

// Ident completes a dotted name of a table.
func (s *Space) Ident(parts []string) (job.Ident, error) {
	return Complete(parts, s.Catalog, s.Database)
}

// Complete adds the missing parts of a dotted name.
func Complete(parts []string, catalog, database string) (job.Ident, error) {
	switch len(parts) {
	case 1:
		return job.Ident{Catalog: catalog, Database: database, Name: parts[0]}, nil
	case 2:
		return job.Ident{Catalog: catalog, Database: parts[0], Name: parts[1]}, nil
	case 3:
		return job.Ident{Catalog: parts[0], Database: parts[1], Name: parts[2]}, nil
	}
	return job.Ident{}, fmt.Errorf("%w: a name has up to three parts, catalog.database.table; %q has %d", job.ErrInvalid, parts, len(parts))
}

// Table finds a table or view; temporary ones first.
func (s *Space) Table(ctx context.Context, id job.Ident) (*Table, error) {
	if t, ok := s.temporary[id]; ok {
		return t, nil
	}
	c, err := s.Lookup(id.Catalog)
	if err != nil {
		return nil, err
	}
	t, err := c.Table(ctx, id.Database, id.Name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("look up table %s: %w", id, err)
	}
	return t, err
}

// Tables lists the names of a database, temporary ones included, sorted.
func (s *Space) Tables(ctx context.Context, catalog, database string) ([]string, error) {
	c, err := s.Lookup(catalog)
	if err != nil {
		return nil, err
	}
	names, err := c.Tables(ctx, database)
	if err != nil {
		return nil, fmt.Errorf("list tables of %s.%s: %w", catalog, database, err)
	}
	names = slices.Clone(names)
	for id := range s.temporary {
		if id.Catalog == catalog && id.Database == database {
			names = append(names, id.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Create adds a table or view, to the session when it is temporary.
func (s *Space) Create(ctx context.Context, t *Table) error {
	if t.Temporary {
		if _, ok := s.temporary[t.Ident]; ok {
			return fmt.Errorf("%w: temporary table %s", ErrExists, t.Ident)
		}
		s.temporary[t.Ident] = t
		return nil
	}
	c, err := s.Lookup(t.Ident.Catalog)
	if err != nil {
		return err
	}
	return c.CreateTable(ctx, t)
}

// Alter puts t in place of the table with its name.
func (s *Space) Alter(ctx context.Context, t *Table) error {
	if _, ok := s.temporary[t.Ident]; ok {
		s.temporary[t.Ident] = t
		return nil
	}
	c, err := s.Lookup(t.Ident.Catalog)
	if err != nil {
		return err
	}
	return c.AlterTable(ctx, t)
}

// Rename gives a table another name in its database.
func (s *Space) Rename(ctx context.Context, id job.Ident, to string) error {
	if t, ok := s.temporary[id]; ok {
		next := job.Ident{Catalog: id.Catalog, Database: id.Database, Name: to}
		if _, taken := s.temporary[next]; taken {
			return fmt.Errorf("%w: temporary table %s", ErrExists, to)
		}
		t = t.Clone()
		t.Ident = next
		delete(s.temporary, id)
		s.temporary[next] = t
		return nil
	}
	c, err := s.Lookup(id.Catalog)
	if err != nil {
		return err
	}
	return c.RenameTable(ctx, id.Database, id.Name, to)
}

// Drop removes a table or view. With temporary set only the session's own are
// looked at; without it a temporary one of that name must be dropped first.
func (s *Space) Drop(ctx context.Context, id job.Ident, temporary bool) error {
	_, is := s.temporary[id]
	switch {
	case temporary && !is:
		return fmt.Errorf("%w: temporary table %s", ErrNotFound, id)
	case temporary:
		delete(s.temporary, id)
		return nil
	case is:
		return fmt.Errorf("%w: a temporary table %s hides the table; DROP TEMPORARY TABLE it first", job.ErrInvalid, id)
	}
	c, err := s.Lookup(id.Catalog)
	if err != nil {
		return err
	}
	return c.DropTable(ctx, id.Database, id.Name)
}
