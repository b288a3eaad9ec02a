package catalog

import (
	"context"
	"fmt"
	"maps"

	"github.com/wadi-engine/wadi/job"
)

// CommentKey is the option of a database that holds its COMMENT.
const CommentKey = "comment"

// Describer is a Catalog that keeps the options of its databases.
type Describer interface {
	// DatabaseOptions reports ErrNotFound. The map belongs to the caller.
	DatabaseOptions(ctx context.Context, name string) (map[string]string, error)
	// AlterDatabase puts options in place of those that are there.
	AlterDatabase(ctx context.Context, name string, options map[string]string) error
}

var _ Describer = (*Memory)(nil)

// DatabaseOptions implements Describer.
func (m *Memory) DatabaseOptions(_ context.Context, name string) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.databases[name]; !ok {
		return nil, fmt.Errorf("%w: database %s", ErrNotFound, name)
	}
	return maps.Clone(m.options[name]), nil
}

// AlterDatabase implements Describer.
func (m *Memory) AlterDatabase(_ context.Context, name string, options map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.databases[name]; !ok {
		return fmt.Errorf("%w: database %s", ErrNotFound, name)
	}
	m.options[name] = maps.Clone(options)
	return nil
}

// DatabaseOptions are those of a database. A catalog that does not keep them
// gives none.
func (s *Space) DatabaseOptions(ctx context.Context, catalog, name string) (map[string]string, error) {
	c, err := s.Lookup(catalog)
	if err != nil {
		return nil, err
	}
	if d, ok := c.(Describer); ok {
		return d.DatabaseOptions(ctx, name)
	}
	if _, err := c.Tables(ctx, name); err != nil {
		return nil, fmt.Errorf("look up database %s: %w", name, err)
	}
	return nil, nil
}

// AlterDatabase sets options of a database, and keeps the others.
func (s *Space) AlterDatabase(ctx context.Context, catalog, name string, set map[string]string) error {
	c, err := s.Lookup(catalog)
	if err != nil {
		return err
	}
	d, ok := c.(Describer)
	if !ok {
		return fmt.Errorf("%w: catalog %s does not keep options of databases", job.ErrInvalid, catalog)
	}
	options, err := d.DatabaseOptions(ctx, name)
	if err != nil {
		return err
	}
	if options == nil {
		options = map[string]string{}
	}
	maps.Copy(options, set)
	return d.AlterDatabase(ctx, name, options)
}

// AlterCatalog puts a catalog and its options in place of what is there; a nil c keeps
// the catalog.
func (s *Space) AlterCatalog(name string, c Catalog, options map[string]string) error {
	if _, err := s.Lookup(name); err != nil {
		return err
	}
	if c != nil {
		s.catalogs[name] = c
	}
	s.options[name] = options
	return s.put(name)
}

// Comment is that of a catalog, "" without one.
func (s *Space) Comment(name string) string { return s.comments[name] }

// SetComment gives a catalog another comment.
func (s *Space) SetComment(name, comment string) error {
	s.comments[name] = comment
	return s.put(name)
}
