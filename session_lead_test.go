package wadi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/leader"
	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// available is a coordinator with high availability below a directory, for one
// test, the channel on which its end is told, and what ends it.
func available(t *testing.T, dir string, o wadi.Options, leads func(context.Context, *wadi.Session) error) (s served, ended <-chan error, end func()) {
	t.Helper()
	o.Config = maps.Clone(o.Config)
	maps.Copy(o.Config, map[string]string{"rest.port": "0", "jobmanager.rpc.port": "0", "high-availability.storageDir": "file://" + dir})
	session, err := wadi.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	ready, done := make(chan net.Addr, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	led := make(chan struct{})
	go func() {
		done <- session.Coordinate(ctx, wadi.ServeOptions{Version: "test", Ready: func(a net.Addr) { ready <- a }}, func(ctx context.Context) error {
			close(led)
			if leads == nil {
				return nil
			}
			return leads(ctx, session)
		})
	}()
	var at net.Addr
	select {
	case at = <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		cancel()
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	select {
	case <-led:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not lead")
	}
	return served{session, t, "http://" + at.String()}, done, end
}

// TestApplicationIsDeposed: a coordinator that runs the jobs of a script learns
// that another leads, and leaves the jobs to it.
func TestApplicationIsDeposed(t *testing.T) {
	dir := t.TempDir()
	left := make(chan error, 1)
	script := fmt.Sprintf(counting, t.TempDir())
	_, ended, _ := available(t, dir, wadi.Options{Config: map[string]string{}}, func(ctx context.Context, s *wadi.Session) error {
		left <- s.Application(ctx, rest.Submission{Script: script})
		s.Shutdown()
		return nil
	})
	stores := objstore.New(objstore.Options{})
	t.Cleanup(func() { _ = stores.Close() })
	store, err := stores.Open(t.Context(), "file://"+dir+"/default", nil)
	if err != nil {
		t.Fatal(err)
	}
	now, err := leader.Current(t.Context(), store)
	if err != nil || now.Term != 1 {
		t.Fatalf("%+v leads, %v", now, err)
	}
	if _, err := leader.Take(t.Context(), store, leader.Record{Nonce: "another", REST: "http://another"}, now.Term); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]<-chan error{"the application": left, "the coordinator": ended} {
		select {
		case err := <-c:
			if !errors.Is(err, job.ErrFenced) || !strings.Contains(err.Error(), "http://another leads in term 2") {
				t.Errorf("%s ends with %v", what, err)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s goes on", what)
		}
	}
}

// TestSecretsStay: what proves that a process belongs to the cluster, and opens
// its API, is neither in storage nor on the way to workers, nor shown, nor
// logged.
func TestSecretsStay(t *testing.T) {
	const secret = "s3same"
	dir, checkpoints := t.TempDir(), t.TempDir()
	var log bytes.Buffer
	config := map[string]string{
		"wadi.cluster.secret": secret + "1", "wadi.rest.token": secret + "2", "heartbeat.interval": "20 ms",
		"security.ssl.internal.key-password": secret + "3", "s3.secret-key": secret + "4", "s3.access-key": secret + "5",
		"fs.azure.account.key.a.dfs.core.windows.net": secret + "6", "security.ssl.rest.truststore-password": secret + "7",
	}
	s, _, end := available(t, dir, wadi.Options{Config: config, Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	work(t, s.Cluster(), map[string]string{"wadi.cluster.secret": secret + "1"})
	api := s.client()
	api.Token = secret + "2"
	t.Setenv("SECRET_OF_TABLE", secret+"8")
	script := strings.Replace(fmt.Sprintf(counting, checkpoints), "'connector' = 'blackhole'", "'connector' = 'blackhole', 'password' = '${env:SECRET_OF_TABLE}'", 1)
	jobs, err := api.Submit(t.Context(), rest.SQLRequest{Statement: script, Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	id := string(jobs[0].JobID)
	await.That(t, "a checkpoint", func() bool {
		var c rest.Checkpoints
		return api.Do(t.Context(), http.MethodGet, "/jobs/"+id+"/checkpoints", nil, &c) == nil && c.Counts.Completed > 1
	})
	for _, path := range []string{"/config", "/jobmanager/config", "/jobmanager/environment", "/jobs/" + id, "/jobs/" + id + "/config", "/jobs/" + id + "/plan", "/taskmanagers", "/overview"} {
		status, text := s.ask(http.MethodGet, path, "", "Authorization", "Bearer "+secret+"2")
		if strings.Contains(text, secret) {
			t.Errorf("%d %s shows a secret: %s", status, path, text)
		}
	}
	for _, root := range []string{dir, checkpoints} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // removed meanwhile
			}
			if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds a secret: %s", path, data)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if found, err := filepath.Glob(dir + "/default/jobs/*"); err != nil || len(found) != 1 {
		t.Errorf("jobs in storage: %v, %v", found, err)
	}
	if err := api.Cancel(t.Context(), id); err != nil {
		t.Error(err)
	}
	end()
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log has a secret: %s", &log)
	}
}

// TestSealedJobGoesOn: a coordinator with the secret of the cluster takes up what
// another has stored, and one without leaves it alone.
func TestSealedJobGoesOn(t *testing.T) {
	dir, config := t.TempDir(), map[string]string{"wadi.cluster.secret": "one"}
	first, _, end := available(t, dir, wadi.Options{Config: config}, nil)
	jobs, err := first.client().Submit(t.Context(), rest.SQLRequest{Statement: fmt.Sprintf(counting, t.TempDir()), Detached: true})
	if err != nil {
		t.Fatal(err)
	}
	end()
	for secret, known := range map[string]bool{"another": false, "": false, "one": true} {
		s, _, end := available(t, dir, wadi.Options{Config: map[string]string{"wadi.cluster.secret": secret}}, nil)
		if known {
			await.That(t, "the job goes on", func() bool { return len(s.Jobs()) == 1 && s.Jobs()[0].ID() == jobs[0].JobID })
		} else if got := s.Jobs(); len(got) > 0 {
			t.Errorf("with the secret %q: %d jobs", secret, len(got))
		}
		end()
	}
}
