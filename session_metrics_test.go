package wadi_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/job"
)

// series are the lines of /metrics, by name.
func (s served) series() map[string][]string {
	s.t.Helper()
	status, text := s.ask("GET", "/metrics", "")
	if status != 200 {
		s.t.Fatalf("/metrics: %d %s", status, text)
	}
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		if name := regexp.MustCompile(`^\w+`).FindString(line); name != "" {
			all[name] = append(all[name], strings.TrimSpace(line))
		}
	}
	return all
}

func TestPrometheusSeesAJob(t *testing.T) {
	s := serve(t, map[string]string{"parallelism.default": "2"})
	id := s.submit(fmt.Sprintf(counting, t.TempDir()))
	await.That(t, "a checkpoint", func() bool {
		var c rest.Checkpoints
		s.get("/jobs/"+id+"/checkpoints", &c)
		return c.Counts.Completed > 1
	})
	all := s.series()
	const ofJob, ofTask, ofOperator = "flink_jobmanager_job_", "flink_taskmanager_job_task_", "flink_taskmanager_job_task_operator_"
	for name, n := range map[string]int{
		"flink_jobmanager_numRunningJobs": 1, "flink_jobmanager_taskSlotsTotal": 1, "flink_jobmanager_Status_JVM_Memory_Heap_Used": 1,
		"flink_taskmanager_Status_JVM_CPU_Load": 1, "flink_taskmanager_Status_Flink_Memory_Managed_Used": 1,
		ofJob + "numRestarts": 1, ofJob + "uptime": 1, ofJob + "lastCheckpointDuration": 1, ofJob + "numberOfCompletedCheckpoints": 1, ofJob + "runningTimeTotal": 1,
		ofTask + "numRecordsInPerSecond": 4, ofTask + "numBytesOut": 4, ofTask + "busyTimeMsPerSecond": 4, ofTask + "isBackPressured": 4,
		ofOperator + "numRecordsOut": 6, ofOperator + "numRecordsSend": 2,
		"wadi_build_info": 1, "wadi_job_failures_total": 1, "wadi_dead_letters_total": 2, "wadi_objstore_written_bytes_total": 1, "go_goroutines": 1, "process_cpu_seconds_total": 1,
	} {
		if got := len(all[name]); got < n {
			t.Errorf("%s: %d series, want %d", name, got, n)
		}
	}
	for _, want := range []string{`job_id="` + id + `"`, `job_name="counting"`, `tm_id="` + s.Workers()[0].ID + `"`, `subtask_index="0"`, `task_name="`, `host="`} {
		if !strings.Contains(all[ofTask+"numRecordsIn"][0], want) {
			t.Errorf("no %s in %s", want, all[ofTask+"numRecordsIn"][0])
		}
	}
	if v := all[ofJob+"numberOfCompletedCheckpoints"][0]; strings.HasSuffix(v, " 0") {
		t.Error(v)
	}
	if n := len(all[ofTask+"inputQueueLength"]); n != 2 {
		t.Errorf("%d tasks have something that waits for them; sources have not", n)
	}
	s.lint()
	if err := s.client().Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	await.That(t, "the end of the metrics of the job", func() bool { return len(s.series()[ofJob+"uptime"]) == 0 })
}

func TestMetricsNeedTheToken(t *testing.T) {
	s := serve(t, map[string]string{"wadi.rest.token": "sesame"})
	if status, _ := s.ask("GET", "/metrics", ""); status != 401 {
		t.Errorf("without the token: %d", status)
	}
	if status, text := s.ask("GET", "/metrics", "", "Authorization", "Bearer sesame"); status != 200 || !strings.Contains(text, "flink_jobmanager_numRunningJobs 0") && !strings.Contains(text, "flink_jobmanager_numRunningJobs{") {
		t.Errorf("with the token: %d", status)
	}
}

// coordinated is a session cluster that takes workers.
func coordinated(t *testing.T, config map[string]string) (served, func()) {
	t.Helper()
	return coordinatedWith(t, wadi.Options{}, config)
}

func coordinatedWith(t *testing.T, o wadi.Options, config map[string]string) (served, func()) {
	t.Helper()
	all := map[string]string{"rest.port": "0", "jobmanager.rpc.port": "0", "heartbeat.interval": "20 ms", "wadi.cluster.secret": "of this test"}
	maps.Copy(all, config)
	o.Config = all
	s, err := wadi.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	ready, leads, ended := make(chan net.Addr, 1), make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- s.Coordinate(ctx, wadi.ServeOptions{Version: "test", Ready: func(a net.Addr) { ready <- a }}, func(context.Context) error { close(leads); return nil })
	}()
	select {
	case <-leads:
	case err := <-ended:
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		cancel()
		<-ended
		s.Close()
	})
	t.Cleanup(end)
	return served{s, t, "http://" + (<-ready).String()}, end
}

// freePort is one that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestPrometheusSeesWorkers(t *testing.T) {
	checkpoints := t.TempDir() // it goes behind the processes
	s, _ := coordinated(t, map[string]string{"metrics.reporters": "prom", "metrics.reporter.prom.port": freePort(t)})
	port := freePort(t)
	work(t, s.Cluster(), map[string]string{
		"metrics.reporters": "mine", "metrics.reporter.mine.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
		"metrics.reporter.mine.port": port, "taskmanager.resource-id": "w1", "taskmanager.numberOfTaskSlots": "2",
	})
	id := s.submit(fmt.Sprintf(counting, checkpoints))
	worker := served{t: t, url: "http://127.0.0.1:" + port}
	await.That(t, "metrics of tasks", func() bool {
		of := worker.series()["flink_taskmanager_job_task_operator_numRecordsSend"]
		return len(of) == 1 && !strings.HasSuffix(of[0], " 0") && len(worker.series()["wadi_objstore_requests_total"]) > 0
	})
	all := worker.series()
	of := all["flink_taskmanager_job_task_numRecordsIn"][0]
	for _, want := range []string{`tm_id="w1"`, `job_id="` + id + `"`, `job_name="counting"`, `task_attempt_num="0"`} {
		if !strings.Contains(of, want) {
			t.Errorf("no %s in %s", want, of)
		}
	}
	for _, name := range []string{"flink_taskmanager_Status_JVM_Memory_Heap_Used", "wadi_build_info", "wadi_objstore_requests_total"} {
		if len(all[name]) == 0 {
			t.Errorf("no %s", name)
		}
	}
	worker.lint()
	await.That(t, "the process of the worker in the REST API", func() bool {
		var m []rest.Metric
		s.get("/taskmanagers/w1/metrics?get=Status.JVM.Memory.Heap.Used", &m)
		return len(m) == 1 && m[0].Value != "0"
	})
	if n := len(s.series()["flink_taskmanager_job_task_numRecordsIn"]); n != 0 {
		t.Errorf("the coordinator tells of %d tasks that it does not run", n)
	}
}

func TestReportersAreChecked(t *testing.T) {
	for _, config := range []map[string]string{
		{"metrics.reporters": "graphite"},
		{"metrics.reporters": "x", "metrics.reporter.x.factory.class": "org.apache.flink.metrics.jmx.JMXReporterFactory"},
		{"metrics.reporters": "prom", "metrics.reporter.prom.port": "many"},
	} {
		config["rest.port"] = "0"
		s, err := wadi.NewSession(wadi.Options{Config: config})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context(), wadi.ServeOptions{}); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%v: %v", config, err)
		}
		s.Close()
	}
}

func TestLatencyIsMeasured(t *testing.T) {
	checkpoints := t.TempDir()
	s := serve(t, map[string]string{"parallelism.default": "2", "metrics.latency.interval": "100 ms"})
	id := s.submit(fmt.Sprintf(counting, checkpoints))
	const name = "flink_taskmanager_job_latency_operator_id_operator_subtask_index_latency"
	await.That(t, "latencies", func() bool { return len(s.series()[name+"_count"]) == 6 }) // of three operators
	all := s.series()
	if of := all[name][0]; len(all[name]) != 6*6 || !strings.Contains(of, `operator_id="`) || !strings.Contains(of, `quantile="0.5"`) || !strings.Contains(of, `operator_subtask_index="`) {
		t.Errorf("%d lines: %s", len(all[name]), of)
	}
	var m []rest.Metric
	s.get("/jobs/"+id+"/metrics", &m)
	n := 0
	for _, x := range m {
		if regexp.MustCompile(`^latency\.operator_id\.[0-9a-f]{32}\.operator_subtask_index\.[01]\.latency_p99$`).MatchString(x.ID) {
			n++
		}
	}
	if n != 6 {
		t.Errorf("%d latencies in the REST API", n)
	}
	await.That(t, "how the last epoch was ended", func() bool { return len(s.series()["flink_taskmanager_job_task_checkpointAlignmentTime"]) == 4 })
}
