package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// users are the packages whose tests start or use servers.
func users(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", `{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}`, "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w", err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if slices.ContainsFunc(words[1:], func(w string) bool {
			return strings.HasSuffix(w, "/internal/testserver") || strings.HasSuffix(w, "/internal/sqltest") // which has databases
		}) {
			found = append(found, words[0])
		}
	}
	return found, nil
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

// test runs the tests, prints those that failed or were skipped, and the servers
// that each package used.
func (p *place) test(ctx context.Context, packages []string, out io.Writer) error {
	if len(packages) == 0 {
		var err error
		if packages, err = users(ctx); err != nil {
			return err
		}
	}
	args := append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=30m"}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = os.Environ()
	for k, v := range p.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	report(pipe, out)
	err = cmd.Wait()
	p.list(out)
	if err != nil {
		return errors.New("tests failed")
	}
	return nil
}

// report follows a run of tests.
func report(events io.Reader, out io.Writer) {
	said := map[string][]string{}
	lines := bufio.NewScanner(events)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output":
			said[key] = append(said[key], e.Output)
		case "pass":
			if e.Test == "" {
				fmt.Fprintf(out, "ok    %s in %.0f s\n", e.Package, e.Elapsed)
			}
			delete(said, key)
		case "fail", "skip":
			if e.Test != "" || e.Action == "fail" {
				fmt.Fprintf(out, "%s  %s %s\n%s", strings.ToUpper(e.Action), e.Package, e.Test, strings.Join(said[key], ""))
			}
			delete(said, key)
		}
	}
}

// list prints the servers that the tests of each package used.
func (p *place) list(out io.Writer) {
	data, err := os.ReadFile(p.env["WADI_TEST_USED"])
	if err != nil {
		fmt.Fprintln(out, "no test used a server")
		return
	}
	top, _ := os.Getwd()
	used := map[string]map[string]bool{}
	for line := range strings.Lines(string(data)) {
		dir, what, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if rel, err := filepath.Rel(top, dir); err == nil {
			dir = rel
		}
		if used[dir] == nil {
			used[dir] = map[string]bool{}
		}
		used[dir][what] = true
	}
	fmt.Fprintln(out, "servers that were used:")
	for _, dir := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(out, "  %-28s %s\n", dir, strings.Join(slices.Sorted(maps.Keys(used[dir])), ", "))
	}
}
