package wadi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// endless is a body that never ends.
type endless struct{ sent int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.sent += int64(len(p))
	return copy(p, strings.Repeat(" ", len(p))), nil
}

// TestSessionSurvivesClients: clients that send half a request, garbage, bodies
// without end, that listen and do not read, and many at once, leave nothing
// behind.
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
	var clients sync.WaitGroup
	var mu sync.Mutex
	codes := map[int]int{}
	for range 20 {
		clients.Go(func() {
			for range 50 {
				code, _ := s.ask("GET", "/jobs/overview", "")
				mu.Lock()
				codes[code]++
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	if codes[http.StatusOK] != 1000 {
		t.Errorf("many at once: %v", codes)
	}
	for _, c := range open {
		c.Close()
	}
	s.until("the goroutines are gone", func() bool {
		http.DefaultClient.CloseIdleConnections()
		return runtime.NumGoroutine() <= before+5
	})
}
