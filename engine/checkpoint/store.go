package checkpoint

import (
	"context"
	"strings"
)

// Sub is the part of a store below a folder: names are relative to it.
func Sub(s Store, folder string) Store {
	return sub{s, strings.TrimSuffix(folder, "/") + "/"}
}

type sub struct {
	of     Store
	prefix string
}

func (s sub) Get(ctx context.Context, name string) ([]byte, error) {
	return s.of.Get(ctx, s.prefix+name)
}

func (s sub) GetRange(ctx context.Context, name string, at, n int64) ([]byte, error) {
	return s.of.GetRange(ctx, s.prefix+name, at, n)
}

func (s sub) Put(ctx context.Context, name string, data []byte) error {
	return s.of.Put(ctx, s.prefix+name, data)
}

func (s sub) PutIfAbsent(ctx context.Context, name string, data []byte) (bool, error) {
	return s.of.PutIfAbsent(ctx, s.prefix+name, data)
}

func (s sub) List(ctx context.Context, prefix string) ([]string, error) {
	full, err := s.of.List(ctx, s.prefix+prefix)
	if err != nil {
		return nil, err
	}
	for i, name := range full {
		full[i] = strings.TrimPrefix(name, s.prefix)
	}
	return full, nil
}

func (s sub) Delete(ctx context.Context, name string) error {
	return s.of.Delete(ctx, s.prefix+name)
}
