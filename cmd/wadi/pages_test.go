//go:build unix

package main

import (
	"bytes"
	"context"
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

// TestMain is the program itself when a test has started it as such.
func TestMain(m *testing.M) {
	if os.Getenv("WADI_TEST_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

// commands are the lines of the sh blocks of a page, in their order.
func commands(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	in := false
	for line := range strings.Lines(string(text)) {
		switch strings.TrimSpace(line) {
		case "```sh":
			in = true
		case "```":
			in = false
		default:
			if in {
				out.WriteString(line)
			}
		}
	}
	return out.String()
}

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// TestTwoMachines runs the commands of its page, on one machine.
func TestTwoMachines(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wrapper := fmt.Sprintf("#!/bin/sh\nWADI_TEST_PROGRAM=1 exec %q \"$@\"\n", program)
	if err := os.WriteFile(filepath.Join(dir, "wadi"), []byte(wrapper), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	restPort, rpcPort := freePort(t), freePort(t)
	script := strings.NewReplacer("10.0.0.1:8081", "127.0.0.1:"+restPort, "10.0.0.1", "127.0.0.1", "0.0.0.0", "127.0.0.1", "/shared/", dir+"/",
		"wadi coordinator", "wadi coordinator -D rest.port="+restPort+" -D jobmanager.rpc.port="+rpcPort,
		"wadi worker", "wadi worker -D jobmanager.rpc.port="+rpcPort).Replace(commands(t, "../../docs/two-machines.md"))
	// The page has a reader between its lines; here each command waits for the one before.
	script = strings.Replace(script, "wadi run", "until wadi jobs -m 127.0.0.1:"+restPort+" >/dev/null 2>&1; do sleep 0.05; done; wadi run", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-ec", "trap 'kill 0' EXIT\n"+script+"\nuntil wadi jobs -m 127.0.0.1:"+restPort+" | grep -q FINISHED; do sleep 0.05; done\n")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	detach(cmd)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Run(); err != nil && !strings.Contains(err.Error(), "terminated") {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "Job has been submitted with JobID") {
		t.Errorf("the page's commands say\n%s", out.String())
	}
	files, err := filepath.Glob(filepath.Join(dir, "sums", "[^._]*"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows += bytes.Count(data, []byte("\n"))
	}
	if rows != 10 {
		t.Errorf("%d sums, want 10\n%s", rows, out.String())
	}
}
