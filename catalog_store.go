package wadi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/catalog"
)

// The keys of the catalog store; all are Flink's.
const (
	keyCatalogStore     = "table.catalog-store.kind"
	keyCatalogStorePath = "table.catalog-store.file.path"
)

// catalogStore is where definitions of catalogs outlive a session, if anywhere.
func (e *Env) catalogStore(kind, path string) (catalog.Store, error) {
	if kind != "file" {
		return nil, nil
	}
	if path == "" {
		return nil, fmt.Errorf("%w: '%s' = 'file' needs '%s', the URL of a directory", job.ErrInvalid, keyCatalogStore, keyCatalogStorePath)
	}
	files := catalogFiles{e.stores, path, e.o.seal}
	if e.o.borrows {
		return borrowed{files}, nil
	}
	return files, nil
}

// borrowed is a store for a script that is submitted: it finds the catalogs that
// clients' sessions have created, and its own are its own, so that the same script
// may be submitted any number of times.
type borrowed struct{ catalog.Store }

// Names are none: no name is taken.
func (borrowed) Names(context.Context) ([]string, error) { return nil, nil }

// Put keeps nothing.
func (borrowed) Put(context.Context, string, catalog.Definition) error { return nil }

// Delete removes nothing.
func (borrowed) Delete(context.Context, string) error { return nil }

// catalogFiles is Flink's file catalog store: for each catalog a file of YAML with
// its options, <path>/<name>.yaml. A comment is the option "comment" in it. Those
// of a cluster with a secret are sealed with it, as the graphs of its jobs are:
// then the one option "sealed" is all that a file shows.
type catalogFiles struct {
	stores *objstore.Stores
	path   string
	seal   documents
}

const (
	catalogSuffix  = ".yaml"
	catalogComment = "comment"
	catalogSealed  = "sealed"
)

func catalogFile(name string) string { return url.PathEscape(name) + catalogSuffix }

func (f catalogFiles) bucket(ctx context.Context) (*objstore.Bucket, error) {
	b, err := f.stores.Open(ctx, f.path, nil)
	if err != nil {
		return nil, fmt.Errorf("open '%s': %w", keyCatalogStorePath, err)
	}
	return b, nil
}

// Names implements catalog.Store.
func (f catalogFiles) Names(ctx context.Context) ([]string, error) {
	b, err := f.bucket(ctx)
	if err != nil {
		return nil, err
	}
	files, err := b.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		escaped, ok := strings.CutSuffix(file, catalogSuffix)
		if name, err := url.PathUnescape(escaped); ok && err == nil && !strings.Contains(escaped, "/") {
			names = append(names, name)
		}
	}
	return names, nil
}

// Get implements catalog.Store.
func (f catalogFiles) Get(ctx context.Context, name string) (d catalog.Definition, there bool, err error) {
	b, err := f.bucket(ctx)
	if err != nil {
		return d, false, err
	}
	data, err := b.Get(ctx, catalogFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		err = yaml.Unmarshal(data, &d.Options)
	}
	if sealed := d.Options[catalogSealed]; err == nil && sealed != "" {
		if data, err = base64.StdEncoding.DecodeString(sealed); err == nil {
			data, err = f.seal.open(data, name)
		}
		if d.Options = nil; err == nil {
			err = json.Unmarshal(data, &d.Options)
		}
	}
	if err != nil {
		return d, false, fmt.Errorf("%s: %w", b.URL(catalogFile(name)), err)
	}
	d.Comment = d.Options[catalogComment]
	delete(d.Options, catalogComment)
	return d, true, nil
}

// Put implements catalog.Store. JSON is YAML, too.
func (f catalogFiles) Put(ctx context.Context, name string, d catalog.Definition) error {
	b, err := f.bucket(ctx)
	if err != nil {
		return err
	}
	all := map[string]string{}
	for k, v := range d.Options {
		all[k] = v
	}
	if d.Comment != "" {
		all[catalogComment] = d.Comment
	}
	if f.seal.seal != nil {
		plain, err := json.Marshal(all)
		if err == nil {
			plain, err = f.seal.close(plain, name)
		}
		if err != nil {
			return fmt.Errorf("seal the options: %w", err)
		}
		all = map[string]string{catalogSealed: base64.StdEncoding.EncodeToString(plain)}
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the options: %w", err)
	}
	return b.Put(ctx, catalogFile(name), append(data, '\n'))
}

// Delete implements catalog.Store.
func (f catalogFiles) Delete(ctx context.Context, name string) error {
	b, err := f.bucket(ctx)
	if err != nil {
		return err
	}
	return b.Delete(ctx, catalogFile(name))
}
