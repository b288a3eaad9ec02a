package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Memory is a catalog that lives as long as the process. It is safe for use by
// several sessions.
type Memory struct {
	mu        sync.Mutex
	databases map[string]map[string]*Table
	options   map[string]map[string]string // of databases
}

var _ Catalog = (*Memory)(nil)

// NewMemory makes a catalog with one empty database.
func NewMemory(database string) *Memory {
	return &Memory{databases: map[string]map[string]*Table{database: {}}, options: map[string]map[string]string{}}
}

// Databases implements Catalog.
func (m *Memory) Databases(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.databases)), nil
}

// CreateDatabase implements Catalog.
func (m *Memory) CreateDatabase(_ context.Context, name string, options map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.databases[name]; ok {
		return fmt.Errorf("%w: database %s", ErrExists, name)
	}
	m.databases[name], m.options[name] = map[string]*Table{}, maps.Clone(options)
	return nil
}

// DropDatabase implements Catalog.
func (m *Memory) DropDatabase(_ context.Context, name string, cascade bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tables, ok := m.databases[name]
	if !ok {
		return fmt.Errorf("%w: database %s", ErrNotFound, name)
	}
	if len(tables) > 0 && !cascade {
		return fmt.Errorf("%w: database %s is not empty; drop it with CASCADE", ErrExists, name)
	}
	delete(m.databases, name)
	delete(m.options, name)
	return nil
}

// Tables implements Catalog.
func (m *Memory) Tables(_ context.Context, database string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	tables, ok := m.databases[database]
	if !ok {
		return nil, fmt.Errorf("%w: database %s", ErrNotFound, database)
	}
	return slices.Sorted(maps.Keys(tables)), nil
}

// Table implements Catalog.
func (m *Memory) Table(_ context.Context, database, name string) (*Table, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.databases[database][name]
	if !ok {
		return nil, fmt.Errorf("%w: table %s", ErrNotFound, name)
	}
	return t, nil
}

// CreateTable implements Catalog.
func (m *Memory) CreateTable(_ context.Context, t *Table) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tables, ok := m.databases[t.Ident.Database]
	if !ok {
		return fmt.Errorf("%w: database %s", ErrNotFound, t.Ident.Database)
	}
	if _, ok := tables[t.Ident.Name]; ok {
		return fmt.Errorf("%w: table %s", ErrExists, t.Ident.Name)
	}
	tables[t.Ident.Name] = t
	return nil
}

// AlterTable implements Catalog.
func (m *Memory) AlterTable(_ context.Context, t *Table) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tables := m.databases[t.Ident.Database]
	if _, ok := tables[t.Ident.Name]; !ok {
		return fmt.Errorf("%w: table %s", ErrNotFound, t.Ident.Name)
	}
	tables[t.Ident.Name] = t
	return nil
}

// RenameTable implements Catalog.
func (m *Memory) RenameTable(_ context.Context, database, from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tables := m.databases[database]
	t, ok := tables[from]
	if !ok {
		return fmt.Errorf("%w: table %s", ErrNotFound, from)
	}
	if _, ok := tables[to]; ok {
		return fmt.Errorf("%w: table %s", ErrExists, to)
	}
	t = t.Clone()
	t.Ident.Name = to
	delete(tables, from)
	tables[to] = t
	return nil
}

// DropTable implements Catalog.
func (m *Memory) DropTable(_ context.Context, database, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.databases[database][name]; !ok {
		return fmt.Errorf("%w: table %s", ErrNotFound, name)
	}
	delete(m.databases[database], name)
	return nil
}
