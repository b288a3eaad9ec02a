package wadi_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/internal/await"
)

// logging are Options with a log.
func logging(t *testing.T, o logs.Options) wadi.Options {
	t.Helper()
	o.Now = time.Now
	l, err := logs.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return wadi.Options{Log: l.Logger(), Logs: l}
}

func (s served) logs(job string) rest.LogLines {
	s.t.Helper()
	page, err := s.client().Logs(s.t.Context(), job, "", "", 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	return page
}

func TestLogsOfWorkers(t *testing.T) {
	checkpoints := t.TempDir() // it goes behind the processes
	dir := t.TempDir()
	o := logging(t, logs.Options{Name: "wadi-coordinator"})
	s, _ := coordinatedWith(t, o, nil)
	wo := logging(t, logs.Options{Name: "wadi-worker", Dir: dir, MaxSize: 200})
	workWith(t, s.Cluster(), wo, map[string]string{"taskmanager.resource-id": "w1"})
	await.That(s.t, "a worker", func() bool { return len(s.Workers()) == 1 })

	t.Run("levels", func(t *testing.T) {
		levels, err := s.client().LogLevels(t.Context(), &rest.LogLevelRequest{Level: "debug"})
		if err != nil || fmt.Sprint(levels.Levels) != "map[coordinator:map[:DEBUG] w1:map[:DEBUG]]" {
			t.Errorf("%v %v", levels, err)
		}
		if levels, err = s.client().LogLevels(t.Context(), &rest.LogLevelRequest{Level: "error", Component: "x", Process: "w1"}); err != nil || fmt.Sprint(levels.Levels) != "map[w1:map[:DEBUG x:ERROR]]" {
			t.Errorf("%v %v", levels, err)
		}
		for body, want := range map[string]int{`{"level": "loud"}`: 400, `{"level": "info", "process": "w2"}`: 404} {
			if status, text := s.ask("PUT", "/api/log/level", body); status != want {
				t.Errorf("%s: %d %s", body, status, text)
			}
		}
	})
	id := s.submit(fmt.Sprintf(counting, checkpoints))
	t.Run("lines of a job", func(t *testing.T) {
		await.That(s.t, "a task that has started", func() bool {
			for _, l := range s.logs(id).Lines {
				if l.Process == "w1" && strings.Contains(l.Text, "a task starts") && strings.Contains(l.Text, "vertex=") && strings.Contains(l.Text, "job_name=counting") {
					return string(l.Job) == id
				}
			}
			return false
		})
		page := s.logs(id)
		if again, err := s.client().Logs(t.Context(), id, "info", page.Next, 1000); err != nil || len(again.Lines) > 0 && again.Lines[0] == page.Lines[0] {
			t.Errorf("%+v %v", again, err)
		}
		for process, want := range map[string]int{"w1": 200, "coordinator": 200, "w2": 404} {
			if status, text := s.ask("GET", "/api/logs?process="+process, ""); status != want || want == 200 && !strings.Contains(text, `"process":"`+process+`"`) {
				t.Errorf("of %s: %d %s", process, status, text)
			}
		}
		if all := s.logs("").Lines; len(all) <= len(page.Lines) {
			t.Errorf("%d lines of %d are of the job", len(page.Lines), len(all))
		}
	})
	t.Run("files", func(*testing.T) { s.checkFiles() })
	t.Run("goroutines", func(t *testing.T) {
		var dump rest.ThreadDump
		s.get("/taskmanagers/w1/thread-dump", &dump)
		if len(dump.Threads) < 5 || !strings.HasPrefix(dump.Threads[0].Name, "goroutine ") {
			t.Errorf("%+v", dump)
		}
	})
}

// checkFiles reads the log files of the worker and of the coordinator.
func (s served) checkFiles() {
	s.t.Helper()
	var list rest.LogFiles
	s.get("/taskmanagers/w1/logs", &list)
	await.That(s.t, "a second file", func() bool {
		s.get("/taskmanagers/w1/logs", &list)
		return len(list.Logs) > 1
	})
	name := list.Logs[1].Name
	if list.Logs[0].Name != "wadi-worker-0.log" || name != "wadi-worker-0.log.1" {
		s.t.Fatalf("%+v", list)
	}
	status, whole := s.ask("GET", "/taskmanagers/w1/logs/"+name, "")
	if status != 200 || len(whole) < 100 {
		s.t.Errorf("%d, %d bytes", status, len(whole))
	}
	if _, now := s.ask("GET", "/taskmanagers/w1/log", ""); !strings.Contains(now, "level=") {
		s.t.Error(now)
	}
	if _, text := s.ask("GET", "/jobmanager/log", ""); !strings.Contains(text, "a worker has registered") {
		s.t.Error(text)
	}
	for _, path := range []string{"/taskmanagers/w1/logs/none", "/taskmanagers/w1/logs/..%2Fsecret", "/taskmanagers/w2/log", "/jobmanager/logs/none"} {
		if status, _ := s.ask("GET", path, ""); status != 404 {
			s.t.Errorf("%s: %d", path, status)
		}
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/jobmanager/log", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Range", "bytes=5-14")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reply.Body.Close()
	if part, err := io.ReadAll(reply.Body); err != nil || reply.StatusCode != http.StatusPartialContent || len(part) != 10 {
		s.t.Errorf("a range: %d %q %v", reply.StatusCode, part, err)
	}
}

func TestLostWorkerDoesNotAnswer(t *testing.T) {
	s, _ := coordinated(t, nil)
	kill := work(t, s.Cluster(), map[string]string{"taskmanager.resource-id": "w1"})
	await.That(s.t, "a worker", func() bool { return len(s.Workers()) == 1 })
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	await.That(s.t, "the loss", func() bool { return len(s.Workers()) == 0 })
	if status, _ := s.ask("GET", "/taskmanagers/w1/log", ""); status != 404 {
		t.Errorf("%d", status)
	}
}
