package iceberg_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// between puts a proxy before a REST catalog, which changes its replies.
func between(t *testing.T, w *warehouse, change func(*http.Response) error) {
	t.Helper()
	target, err := url.Parse(w.options["uri"])
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{ModifyResponse: change, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Accept-Encoding") // what change reads is not compressed
	}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	w.options["uri"] = server.URL
}

func isCommit(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/tables/")
}

// TestCommitStateUnknown: replies to commits are lost behind a gateway, though
// the commits were made, or not; each epoch is there once.
func TestCommitStateUnknown(t *testing.T) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			w := newRemote(t, "rest")
			db := fresh(t, w.open(t))
			var commits atomic.Int64
			between(t, w, func(r *http.Response) error {
				if isCommit(r.Request) && commits.Add(1)%2 == 1 {
					r.StatusCode, r.Body, r.ContentLength = status, io.NopCloser(strings.NewReader("<html>")), 6
					r.Header.Set("Content-Length", "6")
					r.Header.Del("Content-Encoding")
				}
				return nil
			})
			s := newSink(t, w, eventTable(w, "events", map[string]string{"catalog-database": db}))
			c := committer(t, s, "a")
			defer c.Close()
			for e := range int64(4) {
				epoch := stream.Epoch(e + 1)
				if got, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, epoch, e*10, e*10+10)}, true); got != epoch || err != nil {
					t.Fatalf("Commit = %d, %v", got, err)
				}
			}
			there, err := w.open(t).Table(t.Context(), db, "events")
			if err != nil {
				t.Fatal(err)
			}
			if rows := drain(t, iceberg.Connector(w.env), ops.Scan{Table: there}, -1); len(rows) != 40 {
				t.Errorf("%d rows, want 40", len(rows))
			}
		})
	}
}

// TestLentCredentials: the credentials that the catalog lends with a table are
// those with which its files are written, and are asked for again when they are
// about to expire.
func TestLentCredentials(t *testing.T) {
	bucket, props := testserver.S3(t)
	w := newRemote(t, "rest")
	db := fresh(t, w.open(t))
	newSink(t, w, eventTable(w, "events", map[string]string{"catalog-database": db}))
	var loads atomic.Int64
	between(t, w, func(r *http.Response) error {
		if r.Request.Method != http.MethodGet || !strings.HasSuffix(r.Request.URL.Path, "/tables/events") || r.StatusCode != http.StatusOK {
			return nil
		}
		loads.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		var reply map[string]any
		if err := json.Unmarshal(body, &reply); err != nil {
			return err
		}
		meta := reply["metadata"].(map[string]any)
		meta["location"] = bucket + "/lent"
		reply["storage-credentials"] = []any{map[string]any{"prefix": "", "config": map[string]string{
			"s3.endpoint": props["s3.endpoint"], "s3.access-key-id": props["s3.access-key"], "s3.secret-access-key": props["s3.secret-key"],
			"client.region": "us-east-1", "s3.session-token-expires-at-ms": strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10),
		}}}
		if body, err = json.Marshal(reply); err != nil {
			return err
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	})
	w.env.Stores = objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}})
	s := newSink(t, w, eventTable(w, "events", map[string]string{"catalog-database": db, "s3.access-key": "mine", "s3.secret-key": "wrong"}))
	before := loads.Load()
	stage(t, s, 1, 0, 10)
	if n := loads.Load() - before; n < 2 {
		t.Errorf("the table was asked for %d times; its credentials are about to expire", n)
	}
	there, err := w.env.Stores.Open(t.Context(), bucket, props)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := there.List(t.Context(), "lent/data/"); len(names) == 0 || err != nil {
		t.Errorf("files in the bucket: %q, %v", names, err)
	}
}
