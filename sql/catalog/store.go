package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Definition is what CREATE CATALOG says, with references to secrets as they
// were written.
type Definition struct {
	Options map[string]string
	Comment string
}

// Store keeps the definitions of catalogs beyond a session, as Flink's catalog
// store does: a catalog that one session creates is there for those that begin
// later. It is not asked to open any.
type Store interface {
	Names(ctx context.Context) ([]string, error)
	// Get reports whether there is a definition.
	Get(ctx context.Context, name string) (Definition, bool, error)
	Put(ctx context.Context, name string, d Definition) error
	// Delete removes a definition; that there is none is not an error.
	Delete(ctx context.Context, name string) error
}

// Keep lets catalogs come from a store, and go into it. Those that are there are
// opened when they are first named.
func (s *Space) Keep(kept Store, open func(ctx context.Context, name string, d Definition) (Catalog, error)) {
	s.kept, s.open = kept, open
}

// known are the names of all catalogs.
func (s *Space) known() ([]string, error) {
	names := slices.Collect(maps.Keys(s.catalogs))
	if s.kept != nil {
		kept, err := s.kept.Names(context.Background())
		if err != nil {
			return nil, fmt.Errorf("list the catalog store: %w", err)
		}
		names = append(names, kept...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// fetch opens a catalog of the store; nil means that there is none.
func (s *Space) fetch(name string) (Catalog, error) {
	if s.kept == nil {
		return nil, nil
	}
	ctx := context.Background()
	d, ok, err := s.kept.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read catalog %s from the catalog store: %w", name, err)
	}
	if !ok {
		return nil, nil
	}
	c, err := s.open(ctx, name, d)
	if err != nil {
		return nil, err
	}
	s.catalogs[name], s.options[name] = c, d.Options
	if d.Comment != "" {
		s.comments[name] = d.Comment
	}
	return c, nil
}

// put writes what a catalog is now.
func (s *Space) put(name string) error {
	if s.kept == nil {
		return nil
	}
	if err := s.kept.Put(context.Background(), name, Definition{s.options[name], s.comments[name]}); err != nil {
		return fmt.Errorf("write catalog %s into the catalog store: %w", name, err)
	}
	return nil
}
