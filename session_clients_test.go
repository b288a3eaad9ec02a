package wadi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
)

// endless is a body that never ends.
type endless struct{ sent int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.sent += int64(len(p))
	return copy(p, strings.Repeat(" ", len(p))), nil
}

// TestSessionSurvivesClients: clients that send half a request, garbage, bodies
// without end, and that listen and do not read, leave nothing behind.
func TestSessionSurvivesClients(t *testing.T) {
	s := serve(t, map[string]string{"rest.server.max-content-length": "1000000"})
	host := strings.TrimPrefix(s.url, "http://")
	if code, _ := s.ask("GET", "/overview", ""); code != http.StatusOK {
		t.Fatal(code)
	}
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()

	var open []net.Conn
	for i, text := range []string{"GET /over", "POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{", "\x16\x03\x01\x02\x00\x01", strings.Repeat("\x00", 5000), "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		for range 20 {
			c, err := net.Dial("tcp", host)
			if err != nil {
				t.Fatal(i, err)
			}
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(i, err)
			}
			open = append(open, c)
		}
	}
	body := &endless{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/api/sql", body)
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := http.DefaultClient.Do(r); err == nil { // or the connection is cut
		if reply.StatusCode != http.StatusRequestEntityTooLarge {
			t.Error("a body without end:", reply.StatusCode)
		}
		reply.Body.Close()
	}
	if body.sent > 50_000_000 {
		t.Errorf("%d bytes of a body were taken", body.sent)
	}
	for _, c := range open {
		c.Close()
	}
	gone(t, before, 0)
}

// gone waits until no more goroutines are there than before, and no more memory is
// in use than before and some that is kept for the next.
func gone(t *testing.T, goroutines int, heap uint64) {
	t.Helper()
	const slack = 24 << 20
	await.Text(t, "nothing is left", func() string {
		http.DefaultClient.CloseIdleConnections()
		if n := runtime.NumGoroutine(); n > goroutines+5 {
			return fmt.Sprintf("%d goroutines, %d before", n, goroutines)
		}
		if now := inUse(); heap > 0 && now > heap+slack {
			return fmt.Sprintf("%d MB in use, %d before", now>>20, heap>>20)
		}
		return "nothing is left"
	})
}

// inUse is how many bytes the process has in use.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestSessionServesTenThousand: ten thousand requests of many clients, of every kind
// that people's dashboards send, are all answered while a job runs, which goes on, and
// leave nothing behind.
func TestSessionServesTenThousand(t *testing.T) {
	s := serve(t, nil)
	id := s.submit(fmt.Sprintf(counting, t.TempDir()))
	await.That(t, "a checkpoint", func() bool { return s.completed(id) > 0 })
	paths := []string{"/jobs/overview", "/jobs/" + id, "/overview", "/jobs/" + id + "/checkpoints", "/taskmanagers", "/jobs/" + id + "/metrics", "/jobs/nonsense", "/api/jobs/" + id + "/stuck"}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	ask := func(path string) int {
		reply, err := client.Get(s.url + path)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer reply.Body.Close()
		_, _ = io.Copy(io.Discard, reply.Body) // what it says is tested elsewhere
		return reply.StatusCode
	}
	for _, p := range paths { // what is made once is made
		ask(p)
	}
	client.CloseIdleConnections()
	before, heap, done := runtime.NumGoroutine(), inUse(), s.completed(id)
	var clients sync.WaitGroup
	var answered, refused atomic.Int64
	began := time.Now()
	for c := range 50 {
		clients.Go(func() {
			for i := range 200 {
				switch code := ask(paths[(c+i)%len(paths)]); code {
				case http.StatusOK:
					answered.Add(1)
				case http.StatusBadRequest, http.StatusNotFound:
					refused.Add(1)
				default:
					t.Error(code)
				}
			}
		})
	}
	clients.Wait()
	t.Logf("%.0f requests per second", 10_000/time.Since(began).Seconds())
	if answered.Load() != 8750 || refused.Load() != 1250 {
		t.Errorf("%d were answered, %d refused", answered.Load(), refused.Load())
	}
	await.That(t, "the job goes on", func() bool { return s.completed(id) > done+2 })
	client.CloseIdleConnections()
	gone(t, before, heap)
}

// completed is how many checkpoints a job has completed.
func (s served) completed(id string) int {
	s.t.Helper()
	var c rest.Checkpoints
	s.get("/jobs/"+id+"/checkpoints", &c)
	return c.Counts.Completed
}

// TestSessionRefusesManyLargeBodies: bodies of 100 MB, many at the same time, some sent
// slowly or never to their end, use the memory of one; small requests are served
// meanwhile, and nothing is left.
func TestSessionRefusesManyLargeBodies(t *testing.T) {
	s := serve(t, nil)
	if code, _ := s.ask("GET", "/overview", ""); code != http.StatusOK {
		t.Fatal(code)
	}
	http.DefaultClient.CloseIdleConnections()
	before, heap := runtime.NumGoroutine(), inUse()
	host := strings.TrimPrefix(s.url, "http://")
	const size = 100_000_000
	var half []net.Conn // have sent half of their body, and say nothing any more
	for range 3 {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		half = append(half, c)
		fmt.Fprintf(c, "POST /api/sql HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", size)
		_, _ = io.CopyN(c, &endless{}, size*45/100) // it may be cut off
	}
	var senders sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 8 {
		senders.Go(func() {
			body := io.MultiReader(strings.NewReader(`{"statement":"`), io.LimitReader(&endless{}, size), strings.NewReader(`"}`))
			reply, err := http.Post(s.url+"/api/sql", "application/json", body)
			code := 0
			if err == nil {
				code = reply.StatusCode
				reply.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	if code, _ := s.ask("POST", "/api/sql", `{"statement":"SHOW JOBS"}`); code != http.StatusOK {
		t.Errorf("a small request beside them: %d", code)
	}
	senders.Wait()
	// A sender is told why, or cut off while it still sends.
	if codes[0]+codes[http.StatusServiceUnavailable] < 7 || codes[http.StatusInternalServerError] > 0 {
		t.Errorf("%v", codes)
	}
	for _, c := range half {
		c.Close()
	}
	gone(t, before, heap)
}
