package wadi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/internal/await"
)

// served is a session cluster behind its REST API, for one test.
type served struct {
	*wadi.Session
	t   *testing.T
	url string
}

func serve(t *testing.T, config map[string]string) served {
	t.Helper()
	_ = t.TempDir() // the first one of a test decides when all are removed: behind the session
	all := map[string]string{"rest.port": "0"}
	for k, v := range config {
		all[k] = v
	}
	s, err := wadi.NewSession(wadi.Options{Config: all})
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- s.Serve(ctx, wadi.ServeOptions{Version: "test", Ready: func(a net.Addr) { ready <- a }})
	}()
	var at net.Addr
	select {
	case at = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return served{s, t, "http://" + at.String()}
}

func (s served) client() *client.Client {
	return &client.Client{Address: s.url, Clock: engine.WallClock{}}
}

// ask sends a request; header are pairs of a name and a value.
func (s served) ask(method, path, body string, header ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.StatusCode, string(data)
}

// get reads a reply into v.
func (s served) get(path string, v any) {
	s.t.Helper()
	if err := s.client().Do(s.t.Context(), http.MethodGet, path, nil, v); err != nil {
		s.t.Fatal(err)
	}
}

const counting = `
SET 'pipeline.name' = 'counting';
SET 'execution.checkpointing.dir' = '%s';
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TABLE g (id BIGINT, v INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.v.min' = '0', 'fields.v.max' = '9');
CREATE TABLE b (v INT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT v, COUNT(*) FROM g GROUP BY v;
`

func (s served) submit(script string, options ...func(*rest.SQLRequest)) string {
	s.t.Helper()
	q := rest.SQLRequest{Statement: script, Detached: true}
	for _, o := range options {
		o(&q)
	}
	jobs, err := s.client().Submit(s.t.Context(), q)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(jobs[0].JobID)
}

func (s served) details(id string) rest.JobDetails {
	s.t.Helper()
	var d rest.JobDetails
	s.get("/jobs/"+id, &d)
	return d
}

func TestSessionRunsAndStopsAJob(t *testing.T) {
	script := fmt.Sprintf(counting, t.TempDir())
	s := serve(t, map[string]string{"parallelism.default": "2"})
	id := s.submit(script)
	await.That(t, "a checkpoint", func() bool {
		var c rest.Checkpoints
		s.get("/v1/jobs/"+id+"/checkpoints", &c)
		return c.Counts.Completed > 1 && len(c.History) > 0 && c.Latest.Completed.Acknowledged == 4
	})
	d := s.details(id)
	if d.State != "RUNNING" || d.Name != "counting" || len(d.Vertices) != 2 || d.StatusCounts["RUNNING"] != 2 || d.EndMillis != -1 {
		t.Errorf("details: %+v", d)
	}
	await.That(t, "rows", func() bool { return s.details(id).Vertices[1].Metrics.ReadRecords > 0 })
	n, err := s.client().Checkpoint(t.Context(), id, rest.CheckpointRequest{Type: "FULL"})
	if err != nil || n == 0 {
		t.Errorf("checkpoint: %d, %v", n, err)
	}
	saved, err := s.client().Savepoint(t.Context(), id, rest.SavepointRequest{Directory: t.TempDir(), Format: "CANONICAL"})
	if err != nil || !strings.Contains(saved, "/savepoint-"+id[:6]+"-") {
		t.Errorf("savepoint: %q, %v", saved, err)
	}
	var c rest.Checkpoints
	if s.get("/jobs/"+id+"/checkpoints", &c); c.Latest.Savepoint == nil || c.Latest.Savepoint.Path != saved || c.Latest.Savepoint.Type != "SAVEPOINT" {
		t.Errorf("the savepoint in the history: %+v", c.Latest.Savepoint)
	}
	if err := s.client().Dispose(t.Context(), saved); err != nil {
		t.Error(err)
	}
	if err := s.client().Dispose(t.Context(), saved); err == nil || !strings.Contains(err.Error(), "there is no savepoint") {
		t.Errorf("disposed twice: %v", err)
	}
	path, err := s.client().Stop(t.Context(), id, rest.StopRequest{})
	if err != nil || !strings.Contains(path, "/savepoint-") {
		t.Errorf("stop: %q, %v", path, err)
	}
	d = s.details(id)
	if d.State != "FINISHED" || d.Vertices[0].Status != "FINISHED" || d.EndMillis < d.StartMillis {
		t.Errorf("details: %+v", d)
	}
	var o rest.Overview
	s.get("/overview", &o)
	if o.JobsFinished != 1 || o.JobsRunning != 0 || o.TaskManagers != 1 {
		t.Errorf("overview: %+v", o)
	}
	again := s.submit(script, func(q *rest.SQLRequest) { q.Restore = path })
	await.That(t, "the restored checkpoint", func() bool {
		var c rest.Checkpoints
		s.get("/jobs/"+again+"/checkpoints", &c)
		return c.Latest.Restored != nil
	})
}

func TestSessionCancelsAJob(t *testing.T) {
	s := serve(t, nil)
	id := s.submit(fmt.Sprintf(counting, ""))
	if err := s.client().Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the end", func() bool { return s.details(id).State == "CANCELED" })
	if code, text := s.ask("POST", "/jobs/"+id+"/stop", ""); code != http.StatusAccepted {
		t.Errorf("stop: %d %s", code, text)
	}
}

func TestSessionTellsWhatFailed(t *testing.T) {
	s := serve(t, nil)
	id := s.submit(`
		CREATE TABLE b (n INT) WITH ('connector' = 'blackhole');
		SET 'web.exception-history-size' = '1';
		SET 'web.checkpoints.history' = '1';
		INSERT INTO b SELECT CAST(a AS INT) FROM (VALUES ('1'), ('x')) AS t (a);`)
	await.That(t, "the end", func() bool { return s.details(id).State == "FAILED" })
	var e rest.Exceptions
	s.get("/jobs/"+id+"/exceptions", &e)
	if len(e.History.Entries) != 1 || !strings.Contains(e.History.Entries[0].Stack, "'x'") {
		t.Errorf("exceptions: %+v", e)
	}
	var r rest.ExecutionResult
	s.get("/jobs/"+id+"/execution-result", &r)
	if r.Result == nil || r.Result.Status != "FAILED" || r.Result.Failure == nil {
		t.Errorf("result: %+v", r)
	}
}

func TestSessionRunsUploads(t *testing.T) {
	s := serve(t, nil)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, _ := w.CreateFormFile("jarfile", "job.sql")
	fmt.Fprintf(part, counting, "")
	w.Close()
	code, text := s.ask("POST", "/jars/upload", form.String(), "Content-Type", w.FormDataContentType())
	var u rest.Upload
	if err := json.Unmarshal([]byte(text), &u); err != nil || code != http.StatusOK {
		t.Fatal(code, text, err)
	}
	at := "/jars/" + u.Filename[strings.LastIndex(u.Filename, "/")+1:]
	var plan rest.JobPlan
	if err := s.client().Do(t.Context(), http.MethodPost, at+"/plan", nil, &plan); err != nil || len(plan.Plan.Nodes) != 1 {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	want := strings.Repeat("ab", 16)
	var run rest.RunReply
	if err := s.client().Do(t.Context(), http.MethodPost, at+"/run", rest.RunRequest{JobID: want}, &run); err != nil || string(run.JobID) != want {
		t.Errorf("run: %+v, %v", run, err)
	}
	if code, text := s.ask("POST", at+"/run", `{"jobId":"`+want+`"}`); code != http.StatusBadRequest {
		t.Errorf("the same id again: %d %s", code, text)
	}
	if code, _ := s.ask("DELETE", at, ""); code != http.StatusOK {
		t.Errorf("delete: %d", code)
	}
	if code, _ := s.ask("POST", at+"/run", ""); code != http.StatusNotFound {
		t.Errorf("run what is deleted: %d", code)
	}
}

func TestSessionAnswersSQL(t *testing.T) {
	s := serve(t, nil)
	code, text := s.ask("POST", "/api/sql", `{"statement":"CREATE TEMPORARY VIEW v AS SELECT * FROM (VALUES (1, 'a'), (2, CAST(NULL AS STRING))) AS t (n, s)"}`)
	if code != http.StatusOK {
		t.Fatal(code, text)
	}
	_, text = s.ask("POST", "/api/sql", `{"statement":"SELECT * FROM v","maxRows":1}`)
	if !strings.Contains(text, `"rows":[{"n":1,"s":"a"}],"truncated":true`) {
		t.Error(text)
	}
	_, text = s.ask("POST", "/api/sql", `{"statement":"SELECT s FROM v"}`, "Accept", "application/x-ndjson")
	if !strings.HasSuffix(text, `{"kind":"row","row":{"s":"a"}}`+"\n"+`{"kind":"row","row":{"s":null}}`+"\n"+`{"kind":"done"}`+"\n") {
		t.Error(text)
	}
	code, text = s.ask("POST", "/api/sql", `{"statement":"SELECT x FROM v"}`)
	if code != http.StatusBadRequest || !strings.Contains(text, "x") {
		t.Error(code, text)
	}
	if code, _ := s.ask("POST", "/api/sql", `{"statement":"SELECT * FROM v","session":"another"}`); code != http.StatusBadRequest {
		t.Error("another session sees the view:", code)
	}
}

func TestSessionStreamsEvents(t *testing.T) {
	s := serve(t, nil)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	lines := bufio.NewScanner(reply.Body)
	next := func(prefix string) string {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), prefix) {
				return lines.Text()
			}
		}
		t.Fatal("the stream has ended", lines.Err())
		return ""
	}
	next(": these are all")
	id := s.submit(fmt.Sprintf(counting, ""))
	await := func(text string) {
		for found := false; !found; {
			found = strings.Contains(next("data: "), text)
		}
	}
	await(`"jid":"` + id + `","name":"counting","state":"RUNNING"`)
	if err := s.client().Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	await(`"state":"CANCELED"`)
}

func TestSessionGuards(t *testing.T) {
	s := serve(t, map[string]string{"wadi.rest.token": "s3cret", "rest.server.max-content-length": "1000"})
	bearer := []string{"Authorization", "Bearer s3cret"}
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		want                     int
	}{
		{"no token", "GET", "/overview", "", nil, 401},
		{"wrong token", "GET", "/overview", "", []string{"Authorization", "Bearer other"}, 401},
		{"token", "GET", "/overview", "", bearer, 200},
		{"large body", "POST", "/api/sql", `{"statement":"` + strings.Repeat(" ", 1000) + `"}`, bearer, 413},
		{
			"large upload", "POST", "/jars/upload",
			"--x\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"a.sql\"\r\n\r\n" + strings.Repeat("-", 1000) + "\r\n--x--\r\n",
			append([]string{"Content-Type", "multipart/form-data; boundary=x"}, bearer...), 413,
		},
		{"broken body", "POST", "/api/sql", `{"statement`, bearer, 400},
		{"wrong type", "POST", "/api/sql", `{"statement":1}`, bearer, 400},
		{"another site", "POST", "/api/sql", `{}`, append([]string{"Origin", "http://evil.example"}, bearer...), 403},
		{"a form", "POST", "/api/sql", `{}`, append([]string{"Sec-Fetch-Site", "same-origin", "Content-Type", "text/plain"}, bearer...), 415},
		{"rebound name", "GET", "/overview", "", append([]string{"Host", "evil.example"}, bearer...), 403},
		{"no path", "GET", "/nothing", "", bearer, 404},
		{"wrong method", "DELETE", "/overview", "", bearer, 405},
		{"wrong id", "GET", "/jobs/1", "", bearer, 400},
		{"no job", "GET", "/jobs/" + strings.Repeat("0", 32), "", bearer, 404},
		{"path out of uploads", "POST", "/jars/..%2Fx_y/run", "", bearer, 404},
	} {
		code, text := s.ask(c.method, c.path, c.body, c.header...)
		if code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, code, c.want, text)
		}
		var e rest.Errors
		if err := json.Unmarshal([]byte(text), &e); c.want >= 400 && (err != nil || len(e.Errors) == 0) {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}

func TestSessionReadOnly(t *testing.T) {
	s := serve(t, map[string]string{"wadi.rest.read-only": "true"})
	for _, c := range [][2]string{{"POST", "/api/sql"}, {"DELETE", "/cluster"}, {"PATCH", "/jobs/" + strings.Repeat("0", 32)}, {"POST", "/jars/upload"}} {
		if code, text := s.ask(c[0], c[1], ""); code != http.StatusForbidden {
			t.Errorf("%v: %d %s", c, code, text)
		}
	}
	if code, _ := s.ask("GET", "/jobs", ""); code != http.StatusOK {
		t.Error(code)
	}
}
