// Package testserver starts real servers for tests: object stores that speak
// the protocols of the clouds. A program that is not installed makes the test
// skip, in one line that says how to get it.
package testserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// HasS3 reports whether S3 would start a server.
func HasS3() bool { return look("versitygw") != "" }

// S3 starts versitygw and returns the URL of an empty bucket and the
// properties with which objstore/s3 opens it.
func S3(t testing.TB) (url string, props map[string]string) {
	t.Helper()
	program := find(t, "versitygw", "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.Mkdir(filepath.Join(dir, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	used(t, "versitygw (S3)")
	start(t, address, []string{"ROOT_ACCESS_KEY=access", "ROOT_SECRET_KEY=secretsecret"},
		program, "--port", address, "posix", dir)
	return "s3://bucket", map[string]string{
		"s3.endpoint": "http://" + address, "s3.access-key": "access", "s3.secret-key": "secretsecret", "s3.region": "us-east-1",
	}
}

// AzureKey is the key of the emulator's account devstoreaccount1: public, and
// the same everywhere.
const AzureKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

// Azure starts Azurite's blob service. The caller creates containers.
func Azure(t testing.TB) (props map[string]string) {
	t.Helper()
	program := find(t, "azurite-blob", "npm install azurite@3.35.0")
	address := freeAddress(t)
	host, port := split(address)
	used(t, "Azurite (Azure Blob)")
	start(t, address, nil, program, "--silent", "--skipApiVersionCheck", "--inMemoryPersistence",
		"--blobHost", host, "--blobPort", port)
	return map[string]string{
		"azure.account": "devstoreaccount1", "azure.key": AzureKey, "azure.endpoint": "http://" + address + "/devstoreaccount1",
	}
}

// GCS starts fake-gcs-server with an empty bucket.
func GCS(t testing.TB) (url string, props map[string]string) {
	t.Helper()
	program := find(t, "fake-gcs-server", "go install github.com/fsouza/fake-gcs-server@v1.56.1")
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.Mkdir(filepath.Join(dir, "bucket"), 0o755); err != nil {
		t.Fatal(err)
	}
	host, port := split(address)
	used(t, "fake-gcs-server (GCS)")
	start(t, address, nil, program, "-backend", "memory", "-scheme", "http", "-host", host, "-port", port,
		"-external-url", "http://"+address, "-public-host", address, "-data", dir)
	return "gs://bucket", map[string]string{"gs.endpoint": "http://" + address + "/storage/v1/"}
}

// Promtool is the program with which Prometheus checks metrics.
func Promtool(t testing.TB) string {
	t.Helper()
	program := find(t, "promtool", "apt-get install prometheus")
	used(t, "promtool")
	return program
}

// Cache is where `make test` and `make test-services` keep what they install.
func Cache() (string, error) {
	if dir := os.Getenv("WADI_TEST_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "wadi-test-services"), err
}

// find is look for a test, which is skipped when the program is not there.
func find(t testing.TB, program, how string) string {
	t.Helper()
	path := look(program)
	if path == "" {
		t.Skipf("%s is not in the path or in WADI_TEST_BIN: %s, or make test-services", program, how)
	}
	return path
}

// look looks for a program in WADI_TEST_BIN, in the cache, where go install puts it,
// and in the path; it returns "" when it is nowhere.
func look(program string) string {
	places := []string{os.Getenv("WADI_TEST_BIN"), "", ""}
	if cache, err := Cache(); err == nil {
		places[1] = filepath.Join(cache, "bin")
	}
	if home, err := os.UserHomeDir(); err == nil {
		places[2] = filepath.Join(home, "go", "bin")
	}
	for _, dir := range places {
		if dir == "" {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	return ""
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs a server until the test ends, and returns when it accepts.
func start(t testing.TB, address string, env []string, program string, args ...string) {
	t.Helper()
	startAs(t, nil, address, env, program, args...)
}

// startAs is start as somebody else.
func startAs(t testing.TB, as *syscall.SysProcAttr, address string, env []string, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = as
	cmd.Env = append(os.Environ(), env...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatalf("start %s: %v", program, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	if err := accepts(address, ended, 20*time.Second); err != nil {
		cancel()
		end := <-ended
		ended <- nil
		t.Fatalf("start %s: %v (%v)\n%s", program, err, end, output.String())
	}
}

func accepts(address string, ended chan error, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond) //nolint:forbidigo // it waits for a real process
	defer poll.Stop()
	for {
		select {
		case <-poll.C:
			if c, err := net.Dial("tcp", address); err == nil {
				return c.Close()
			}
		case err := <-ended:
			ended <- err
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("it does not accept on %s within %v", address, within)
		}
	}
}
