package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go/table"
	"github.com/klauspost/compress/zstd"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// loadPath opens a table by its directory, or by one of its metadata files.
func loadPath(ctx context.Context, at string, moved bool, props map[string]string, env Env) (*table.Table, error) {
	at = strings.TrimRight(at, "/")
	dir := at
	if strings.HasSuffix(at, ".json") || strings.HasSuffix(at, ".json.gz") {
		dir = path.Dir(at)
		if base := path.Base(dir); base == "metadata" {
			dir = strings.TrimSuffix(strings.TrimSuffix(dir, "metadata"), "/")
		}
		if scheme, rest, ok := strings.Cut(at, "://"); ok { // path.Dir makes one slash of two
			dir = scheme + "://" + strings.TrimSuffix(strings.TrimSuffix(path.Dir(rest), "metadata"), "/")
		}
	} else {
		var err error
		if at, err = newestMetadata(ctx, at, props, env); err != nil {
			return nil, err
		}
	}
	b, name, err := env.Stores.Split(ctx, at, props)
	if err != nil {
		return nil, err
	}
	text, err := b.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	meta, err := parseMetadata(text)
	if err != nil {
		return nil, fmt.Errorf("%w: metadata file %s: %w", job.ErrInvalid, objstore.Redact(at), err)
	}
	if !moved {
		dir = meta.Location()
	}
	root, err := env.Stores.Open(ctx, dir, props)
	if err != nil {
		return nil, err
	}
	files := fileIO{stores: env.Stores, root: root, props: props}
	if moved {
		files.moved = strings.TrimSuffix(meta.Location(), "/") + "/"
	}
	return table.New(nil, meta, at, files.open, nil), nil
}

func parseMetadata(text []byte) (table.Metadata, error) {
	var z io.Reader
	switch {
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}):
		var err error
		if z, err = gzip.NewReader(bytes.NewReader(text)); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(text, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		z = d
	}
	if z != nil {
		var err error
		if text, err = io.ReadAll(io.LimitReader(z, maxMetadata)); err != nil {
			return nil, err
		}
	}
	return table.ParseMetadataBytes(text)
}

// maxMetadata bounds the text of a metadata file.
const maxMetadata = 1 << 30

// newestMetadata finds the metadata file of a table's directory: that of the
// version in version-hint.text, or of those that follow it without a gap, since
// the hint is written after the file; without a hint, the one with the highest
// number.
func newestMetadata(ctx context.Context, dir string, props map[string]string, env Env) (string, error) {
	hint, err := versionHint(ctx, dir, props, env)
	if err != nil {
		return "", err
	}
	at, err := strconv.Atoi(hint)
	if numbered := err == nil && at >= 0; hint != "" && !numbered {
		return dir + "/metadata/" + strings.TrimSuffix(hint, ".metadata.json") + ".metadata.json", nil
	}
	found, err := env.Stores.Glob(ctx, dir+"/metadata/*", props)
	if err != nil {
		return "", err
	}
	newest := map[int]objstore.Found{}
	highest := -1
	for _, f := range found {
		n, ok := metadataNumber(path.Base(f.URL))
		if old, there := newest[n]; ok && (!there || f.ModTime.After(old.ModTime)) {
			newest[n] = f
			highest = max(highest, n)
		}
	}
	if highest < 0 {
		return "", fmt.Errorf("%w: there is no metadata/*.metadata.json: is it the directory of a table?", job.ErrInvalid)
	}
	if hint == "" {
		return newest[highest].URL, nil
	}
	if _, ok := newest[at]; !ok {
		return "", fmt.Errorf("%w: metadata/version-hint.text names version %d, and there is no metadata file of it", job.ErrInvalid, at)
	}
	for newest[at+1].URL != "" {
		at++
	}
	return newest[at].URL, nil
}

// versionHint reads version-hint.text; "" means that there is none.
func versionHint(ctx context.Context, dir string, props map[string]string, env Env) (string, error) {
	b, name, err := env.Stores.Split(ctx, dir+"/metadata/version-hint.text", props)
	if err != nil {
		return "", err
	}
	text, err := b.Get(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// metadataNumber reads the version from the name of a metadata file: v3.metadata.json,
// 00003-….metadata.json, and either compressed.
func metadataNumber(name string) (int, bool) {
	base, ok := strings.CutSuffix(strings.TrimSuffix(name, ".gz"), ".metadata.json")
	if !ok {
		return 0, false
	}
	base = strings.TrimSuffix(base, ".gz")
	number, _, _ := strings.Cut(strings.TrimPrefix(base, "v"), "-")
	n, err := strconv.Atoi(number)
	return n, err == nil && n >= 0
}
