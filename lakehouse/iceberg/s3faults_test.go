package iceberg_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// troubled is a proxy before a server of S3: it throttles, is slow, cuts
// connections behind requests that were done, and can end the session.
type troubled struct {
	http.Handler
	mu                   sync.Mutex
	on                   bool // there is trouble
	requests             int
	expired              bool
	throttled, cut, slow int
}

func (p *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	expired := p.expired
	p.requests++ // which ones they are is chance enough: tasks race for the places
	throttle, cut, slow := p.on && p.requests%20 == 0, p.on && p.requests%70 == 35, p.on && p.requests%25 == 7
	p.throttled += ones[throttle]
	p.cut += ones[cut]
	p.slow += ones[slow]
	p.mu.Unlock()
	switch {
	case expired:
		refuse(w, http.StatusBadRequest, "ExpiredToken", "The provided token has expired.")
	case throttle:
		refuse(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case cut:
		p.Handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler) // the connection ends
	case slow:
		<-time.After(50 * time.Millisecond) // it plays a slow network
		fallthrough
	default:
		p.Handler.ServeHTTP(w, r)
	}
}

var ones = map[bool]int{true: 1}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// onS3 is an environment with a catalog in a bucket behind trouble.
func onS3(t *testing.T, name string, config map[string]string) (*wadi.Env, *troubled) {
	t.Helper()
	bucket, props := testserver.S3(t)
	target, err := url.Parse(props["s3.endpoint"])
	if err != nil {
		t.Fatal(err)
	}
	p := &troubled{Handler: httputil.NewSingleHostReverseProxy(target)}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	props["s3.endpoint"] = server.URL
	config["execution.runtime-mode"], config["pipeline.name"] = "streaming", name
	config["execution.checkpointing.dir"], config["execution.checkpointing.interval"] = "file://"+filepath.ToSlash(t.TempDir()), "100 ms"
	env, err := wadi.Local(wadi.Options{Parallelism: 2, Config: config, Stores: map[string]objstore.Opener{"s3": s3.Open}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	with := ""
	for k, v := range props {
		with += ", '" + k + "' = '" + v + "'"
	}
	sqltest.Run(t, env, "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = '"+bucket+"/"+name+"'"+with+")")
	return env, p
}

// TestS3Fails: a job on a store that throttles and cuts connections, also behind
// what was done, writes each row once.
func TestS3Fails(t *testing.T) {
	for _, c := range sinkFaults {
		if c.name != "append" && c.name != "deletion vectors" && c.name != "position deletes" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait, mostly
			env, p := onS3(t, "t", map[string]string{
				"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "100", "restart-strategy.fixed-delay.delay": "10 ms",
			})
			p.mu.Lock()
			p.on = true
			p.mu.Unlock()
			sqltest.Run(t, env, c.create+";"+faultNumbers+c.insert+"; SET 'execution.runtime-mode' = 'batch'")
			sqltest.Same(t, env, c.query, c.want)
			if p.throttled == 0 || p.cut == 0 || p.slow == 0 {
				t.Errorf("too few requests to find anything: %d throttled, %d cut, %d slow", p.throttled, p.cut, p.slow)
			}
		})
	}
}

// TestS3SessionExpires: a job whose credentials have expired, and are not such that
// new ones are had, ends with an error that says so, is not restarted, and goes on
// from its checkpoint once the credentials are good.
func TestS3SessionExpires(t *testing.T) {
	env, p := onS3(t, "t", map[string]string{"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "100"})
	job := sqltest.Pipeline(t, env, "CREATE TABLE lake.`default`.t (id BIGINT) WITH ('sink.commit.max-age' = '0 s');"+faultNumbers+"INSERT INTO lake.`default`.t SELECT id FROM numbers")
	started, err := job.Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	await.Text(t, "committed", func() string {
		if started.Progress().Epoch > 2 {
			return "committed"
		}
		return fmt.Sprint(started.Progress())
	})
	p.mu.Lock()
	p.expired = true
	p.mu.Unlock()
	if r, err := started.Wait(); err == nil || !strings.Contains(err.Error(), "ExpiredToken") || r.Restarts > 0 {
		t.Fatalf("%d restarts, %v", r.Restarts, err)
	}
	if rows, err := sqltest.Shown(t, env, "SHOW JOBS"); err != nil || !strings.Contains(rows[0], "FAILED") {
		t.Errorf("SHOW JOBS: %q %v", rows, err)
	}
	p.mu.Lock()
	p.expired = false
	p.mu.Unlock()
	if _, err := job.Run(t.Context()); err == nil { // without restoring it is another job
		t.Error("it was started anew although it had not finished")
	}
	again, err := job.Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Wait(); err != nil {
		t.Fatal(err)
	}
	sqltest.Run(t, env, "SET 'execution.runtime-mode' = 'batch'")
	sqltest.Same(t, env, totals("lake.`default`.t"), allNumbers)
}
