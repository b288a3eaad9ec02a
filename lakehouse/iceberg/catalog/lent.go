package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// A REST catalog may lend credentials with a table, for its files only and for
// some time. loans are those that a catalog has been lent, so that the same
// ones are used while they last.
type loans struct {
	mu sync.Mutex
	of map[string]fileIO // by table
}

// How long credentials are used: as long as they say, less a margin, but no
// longer than loanTime without asking again.
const (
	loanTime   = 15 * time.Minute
	loanMargin = 2 * time.Minute
)

// expiries are keys that say until when credentials are good, in milliseconds.
var expiries = []string{"s3.session-token-expires-at-ms", "gcs.oauth2.token-expires-at", "expiration-time", "adls.sas-token-expires-at-ms"}

// expiry picks what openers read, without the times at which that expires, and
// the earliest of them.
func expiry(props map[string]string) (map[string]string, time.Time) {
	var until time.Time
	out := objstore.Properties(props)
	for k, v := range props {
		if !slices.ContainsFunc(expiries, func(e string) bool { return strings.HasPrefix(k, e) }) {
			continue
		}
		delete(out, k)
		if ms, err := strconv.ParseInt(v, 10, 64); err == nil && ms > 0 {
			if at := time.UnixMilli(ms); until.IsZero() || at.Before(until) {
				until = at
			}
		}
	}
	return out, until
}

// files opens the storage of a table: with the catalog's options, and what a
// REST catalog has said with the table.
func (c *Catalog) files(ctx context.Context, t *table.Table) (table.FSysF, error) {
	props, _ := expiry(c.options)
	if c.options[OptCatalogType] != "rest" {
		root, err := c.env.Stores.Open(ctx, t.Location(), props)
		if err != nil {
			return nil, err
		}
		return fileIO{stores: c.env.Stores, root: root, props: props}.open, nil
	}
	ident, at := t.Identifier(), t.Location()
	if _, err := c.lend(ctx, ident, at, props, t); err != nil {
		return nil, err
	}
	return func(ctx context.Context) (iceio.IO, error) {
		f, err := c.lend(ctx, ident, at, props, nil)
		if err != nil {
			return nil, err
		}
		return f.open(ctx)
	}, nil
}

// lend returns the storage of a table with credentials that are good for some
// time. fresh is the table if it has just been loaded, or nil.
func (c *Catalog) lend(ctx context.Context, ident table.Identifier, at string, own map[string]string, fresh *table.Table) (fileIO, error) {
	key := strings.Join(ident, "\x1f") + "\x00" + at
	c.lent.mu.Lock()
	defer c.lent.mu.Unlock()
	now := c.env.Time()
	if f, ok := c.lent.of[key]; ok && now.Before(f.until) {
		return f, nil
	}
	if fresh == nil {
		var err error
		if fresh, err = c.backend.LoadTable(ctx, ident); err != nil {
			return fileIO{}, c.Fail("renew the credentials of", strings.Join(ident, "."), err)
		}
	}
	opened, err := fresh.FS(ctx)
	if err != nil {
		return fileIO{}, c.Fail("open the storage of", strings.Join(ident, "."), err)
	}
	theirs, ok := opened.(*fileIO)
	if !ok {
		return fileIO{}, fmt.Errorf("%w: table %s: no storage for %s", job.ErrInvalid, strings.Join(ident, "."), objstore.Redact(at))
	}
	props := maps.Clone(own)
	maps.Copy(props, theirs.props)
	root, err := c.env.Stores.Open(ctx, at, props)
	if err != nil {
		return fileIO{}, err
	}
	f := fileIO{stores: c.env.Stores, root: root, props: props, until: now.Add(loanTime)}
	if !theirs.until.IsZero() && theirs.until.Add(-loanMargin).Before(f.until) {
		f.until = theirs.until.Add(-loanMargin)
	}
	if c.lent.of == nil {
		c.lent.of = map[string]fileIO{}
	}
	c.lent.of[key] = f
	return f, nil
}
