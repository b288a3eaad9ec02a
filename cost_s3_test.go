package wadi_test

import (
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/lambda"
)

// TestCostIsWhatArrives: the requests to storage that a job in functions counts are
// those that a server of S3 gets, by their price.
func TestCostIsWhatArrives(t *testing.T) {
	stores := map[string]objstore.Opener{"s3": s3.Open}
	at, props := testserver.S3(t)
	server, err := url.Parse(props["s3.endpoint"])
	if err != nil {
		t.Fatal(err)
	}
	var puts, gets atomic.Int64
	forward := httputil.NewSingleHostReverseProxy(server) // the name of the host stays, which is signed
	forward.ErrorLog = log.New(io.Discard, "", 0)         // of requests that nobody waits for any more
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut, r.Method == http.MethodPost, r.URL.Query().Has("list-type"):
			puts.Add(1)
		case r.Method == http.MethodGet, r.Method == http.MethodHead:
			gets.Add(1)
		}
		forward.ServeHTTP(w, r)
	}))
	defer between.Close()
	function := httptest.NewServer(lambda.Host{Handler: wadi.StageHandler(wadi.Options{Stores: stores}), Log: slog.New(slog.DiscardHandler)})
	defer function.Close()
	config := map[string]string{
		"execution.checkpointing.dir": at + "/checkpoints", "execution.gear": "functions", "execution.functions.target": function.URL,
		"wadi.staged.rows-per-epoch": "4000", "execution.runtime-mode": "streaming",
	}
	maps.Copy(config, props)
	config["s3.endpoint"] = between.URL
	nowhere := strings.NewReplacer("'filesystem'", "'blackhole'", ",'path'='{dir}/out','format'='csv'", "", "{limited}", "false").Replace(gearScript)
	u := spentOn(t, wadi.Options{Config: config, Stores: stores}, nowhere).Usage
	off := max(u.Puts-puts.Load(), puts.Load()-u.Puts, u.Gets-gets.Load(), gets.Load()-u.Gets)
	if off > 2 || u.Epochs < 2 || u.Puts < 20 { // one may be given up on its way, when the job ends
		t.Errorf("%d requests that write or list are counted, and %d that read; %d and %d have come", u.Puts, u.Gets, puts.Load(), gets.Load())
	}
}
