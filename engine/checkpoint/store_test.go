package checkpoint

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// memory is the store of the tests.
type memory map[string][]byte

func (m memory) Get(_ context.Context, name string) ([]byte, error) {
	if data, ok := m[name]; ok {
		return slices.Clone(data), nil
	}
	return nil, fmt.Errorf("get %s: %w", name, fs.ErrNotExist)
}

func (m memory) GetRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	data, err := m.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return data[at : at+n], nil
}

func (m memory) Put(_ context.Context, name string, data []byte) error {
	m[name] = slices.Clone(data)
	return nil
}

func (m memory) PutIfAbsent(ctx context.Context, name string, data []byte) (bool, error) {
	if _, ok := m[name]; ok {
		return false, nil
	}
	return true, m.Put(ctx, name, data)
}

func (m memory) List(_ context.Context, prefix string) ([]string, error) {
	var names []string
	for name := range m {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m memory) Delete(_ context.Context, name string) error {
	delete(m, name)
	return nil
}
