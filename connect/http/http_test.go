package http_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// post sends a body until the table is read, and returns the answer.
func post(t *testing.T, url, body string, headers ...string) (code int, text string) {
	t.Helper()
	await.Text(t, "answered", func() string {
		h, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			h.Header.Set(headers[i], headers[i+1])
		}
		answer, err := http.DefaultClient.Do(h)
		if err != nil { // it does not listen yet, or not any more
			return err.Error()
		}
		said, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable || answer.StatusCode == http.StatusTooManyRequests {
			return answer.Status
		}
		code, text = answer.StatusCode, strings.TrimSpace(string(said))
		return "answered"
	})
	return code, text
}

// TestHTTPSource: what was answered with 200 is in the table that rows are written
// to, whenever the job was canceled; bad requests are refused.
func TestHTTPSource(t *testing.T) {
	address, dir := freeAddress(t), filepath.ToSlash(t.TempDir())
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "30 ms", "execution.checkpointing.dir": "file://" + dir + "/checkpoints",
	}
	script := `SET 'pipeline.name' = 'hooks';
		CREATE TABLE hooks (id INT, name STRING) WITH ('connector' = 'http', 'listen' = '` + address + `', 'path' = '/in', 'token' = 'secret', 'format' = 'json', 'source.max-requests' = '3', 'source.max-body' = '1 kb');
		CREATE TABLE taken (id INT, name STRING) WITH ('connector' = 'filesystem', 'path' = '` + dir + `/taken', 'format' = 'json');
		INSERT INTO taken SELECT * FROM hooks;`
	url := "http://" + address + "/in"
	id, want := 0, []string(nil)
	auth := []string{"Authorization", "Bearer secret"}
	for round := range 4 {
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			id += 2
			body := fmt.Sprintf(`{"id":%d,"name":"a"} {"id":%d}`, id-1, id)
			if id%4 == 0 {
				body = fmt.Sprintf(`[{"id":%d,"name":"a"}, {"id":%d}]`, id-1, id)
			}
			if code, text := post(t, url, body, auth...); code != http.StatusOK {
				t.Fatalf("%s: %d %s", body, code, text)
			}
			want = append(want, fmt.Sprint(id-1), fmt.Sprint(id))
		}
		if round == 0 {
			refusedRequests(t, address, auth)
		}
		if round < 3 {
			started.Cancel(context.Canceled)
			_, _ = started.Wait() // it was canceled
		} else if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, "CREATE TABLE taken (id INT, name STRING) WITH ('connector' = 'filesystem', 'path' = '"+dir+"/taken', 'format' = 'json');")
	slices.Sort(want)
	if got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) FROM taken"); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

func refusedRequests(t *testing.T, address string, auth []string) {
	t.Helper()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, strings.Repeat(" ", 1<<20))
	_ = z.Close()
	for _, c := range []struct {
		path, body string
		headers    []string
		code       int
		text       string
	}{
		{"/in", `{"id":1}{"id":"x"}`, auth, http.StatusBadRequest, "message 2"},
		{"/in", `{"id":1} {"id":`, auth, http.StatusBadRequest, "message 2"},
		{"/in", `{"id":1}`, nil, http.StatusUnauthorized, "token"},
		{"/other", `{"id":1}`, auth, http.StatusNotFound, "/in"},
		{"/in", strings.Repeat(" ", 2000), auth, http.StatusRequestEntityTooLarge, "1024 bytes"},
		{"/in", zipped.String(), append(auth, "Content-Encoding", "gzip"), http.StatusRequestEntityTooLarge, "1024 bytes"},
		{"/in", `{"id":1}`, append(auth, "Content-Encoding", "br"), http.StatusBadRequest, "gzip"},
	} {
		if code, text := post(t, "http://"+address+c.path, c.body, c.headers...); code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s %.60q: %d %s, want %d %s", c.path, c.body, code, text, c.code, c.text)
		}
	}
}

// TestHTTPSink: rows are sent in batches, again with the same key where that may
// help, and a refusal ends the job.
func TestHTTPSink(t *testing.T) {
	var mu sync.Mutex
	got, keys, calls := map[string]int{}, map[string]int{}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, h *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(h.Body)
		key := h.Header.Get("Idempotency-Key")
		keys[key]++
		if calls++; calls%2 == 1 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		if h.Header.Get("X-Who") != "wadi" || h.URL.Path == "/wrong" {
			http.Error(w, "who are you?", http.StatusForbidden)
			return
		}
		var rows []struct{ ID int }
		if err := json.Unmarshal(body, &rows); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, r := range rows {
			got[fmt.Sprint(r.ID)]++
		}
	}))
	defer server.Close()
	script := `CREATE TABLE numbers (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '25', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '25');
		CREATE TABLE hook (ID INT) WITH ('connector' = 'http', 'url' = '` + server.URL + `/in', 'format' = 'json', 'sink.body' = 'array', 'sink.batch-rows' = '10', 'header.X-Who' = 'wadi');
		INSERT INTO hook SELECT id FROM numbers;`
	sqltest.Run(t, sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"}), script)
	if len(got) != 25 || len(keys) != 3 || calls != 6 {
		t.Errorf("%d rows, keys %v, %d calls", len(got), keys, calls)
	}
	_, err := sqltest.Pipeline(t, sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"}), strings.Replace(script, "/in", "/wrong", 1)).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "who are you?") {
		t.Errorf("error %v", err)
	}
}
