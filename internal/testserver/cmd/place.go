package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// place is where servers are installed and run.
type place struct {
	cache string // kept
	temp  string // removed at the end
	env   map[string]string
	stops []func() error
}

// stop ends all servers, the last first.
func (p *place) stop() error {
	var errs []error
	for i := len(p.stops) - 1; i >= 0; i-- {
		errs = append(errs, p.stops[i]())
	}
	return errors.Join(errs...)
}

// once runs install in a directory of the cache unless that was done before.
func (p *place) once(name string, install func(dir string) error) (string, error) {
	dir := filepath.Join(p.cache, name)
	done := filepath.Join(dir, ".done")
	if _, err := os.Stat(done); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := install(dir); err != nil {
		return "", err
	}
	return dir, os.WriteFile(done, nil, 0o644)
}

// command runs a program to its end; what it said is in the error.
func command(ctx context.Context, dir string, env []string, program string, args ...string) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return fmt.Errorf("there is no %s", program)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, tail(out))
	}
	return nil
}

func tail(out []byte) []byte {
	out = bytes.TrimSpace(out)
	return out[max(0, len(out)-400):]
}

// launch starts a server that runs until stop, and returns when it accepts.
func (p *place) launch(ctx context.Context, address, dir string, env []string, program string, args ...string) error {
	cmd := exec.Command(program, args...) //nolint:noctx // stop ends it
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(p.temp, filepath.Base(program)+address+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // that it ended is enough
		close(ended)
	}()
	end := func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
		case <-time.After(10 * time.Second): //nolint:forbidigo // real processes
			_ = cmd.Process.Kill()
			<-ended
		}
		return nil
	}
	deadline, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			p.stops = append(p.stops, end)
			return c.Close()
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("it ended: %s", tail(said))
		case <-deadline.Done():
			_ = end()
			return fmt.Errorf("it does not accept on %s", address)
		case <-time.After(50 * time.Millisecond): //nolint:forbidigo // real processes
		}
	}
}

// free is an address that nobody listens on.
func free() (address, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return "", "", err
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port, err
}
