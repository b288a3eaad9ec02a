//go:build unix

package testcluster

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Process is a coordinator or a worker, which may be killed and started again. Its
// methods may be called from several goroutines.
type Process struct {
	// Name says which one it is, and Log is the file of what it writes.
	Name, Log string

	t       testing.TB
	program string
	args    []string
	env     []string
	wrap    []string // the command that starts the program, or none

	mu     sync.Mutex
	cmd    *exec.Cmd // nil while it does not run
	ended  chan struct{}
	rest   string
	paused bool
}

// Start starts the process, unless it runs.
func (p *Process) Start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Error(err)
		return
	}
	line := append(append(p.wrap[:len(p.wrap):len(p.wrap)], p.program), p.args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &announcements{p: p, to: log}, log
	p.rest = ""
	if err := cmd.Start(); err != nil {
		_ = log.Close() // nothing was written
		p.t.Errorf("start %s: %v", p.Name, err)
		return
	}
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		_ = cmd.Wait()  // how it has ended is in its log
		_ = log.Close() // the process has written it
		p.mu.Lock()
		p.cmd, p.rest = nil, ""
		p.mu.Unlock()
		close(ended)
	}()
}

// Kill ends the process with SIGKILL and waits for its end.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the process to end, and waits for its end.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

func (p *Process) end(how syscall.Signal) {
	if ended := p.signal(how); ended != nil {
		<-ended
	}
}

// Pause stops the process where it is, with SIGSTOP, until Resume.
func (p *Process) Pause() { p.signal(syscall.SIGSTOP) }

// Resume lets a process go on that was paused.
func (p *Process) Resume() { p.signal(syscall.SIGCONT) }

// Paused reports whether the process stands still.
func (p *Process) Paused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

// signal returns nil when the process does not run.
func (p *Process) signal(s syscall.Signal) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(s) // it may have ended
	p.paused = s == syscall.SIGSTOP || p.paused && s != syscall.SIGCONT && s != syscall.SIGKILL
	return p.ended
}

// PID is the process' id; 0 while it does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// REST is the URL of a coordinator's API; "" until it has said so.
func (p *Process) REST() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rest
}

// Tail is the end of what the process has written.
func (p *Process) Tail() string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	const length = 4000
	return p.Name + ":\n" + string(text[max(0, len(text)-length):])
}

// announcements writes what a process prints to its log, and looks for the address
// of its API in it.
type announcements struct {
	p    *Process
	to   *os.File
	text bytes.Buffer
}

const announcement = "The REST API is at "

func (a *announcements) Write(b []byte) (int, error) {
	a.text.Write(b)
	for {
		line, rest, whole := strings.Cut(a.text.String(), "\n")
		if !whole {
			break
		}
		a.text.Reset()
		a.text.WriteString(rest)
		if _, url, ok := strings.Cut(line, announcement); ok {
			a.p.mu.Lock()
			a.p.rest = url
			a.p.mu.Unlock()
		}
	}
	return a.to.Write(b)
}

// small returns the command that starts a program to which a directory is a disk
// of so many bytes, in a mount of its own that ends with it; nil where that is
// not allowed.
func small(t testing.TB, dir, size string) []string {
	t.Helper()
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return nil
	}
	wrap := []string{unshare, "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size="$0" disk "$1" && shift && exec "$@"`, size, dir}
	if exec.Command(wrap[0], append(wrap[1:], "true")...).Run() != nil {
		return nil
	}
	return wrap
}

// Fill leaves no room in the directory of the local files of a process that runs,
// and returns a function that gives it back. Where the directory is not a disk of
// its own, it is taken away for that time, so that no file can be made.
func (m *Member) Fill() (free func()) {
	if !m.Small {
		away := m.Local + ".away"
		_ = os.Rename(m.Local, away)                   // what is wrong with it is seen in what it does not do
		return func() { _ = os.Rename(away, m.Local) } // the same
	}
	ballast := filepath.Join("/proc", strconv.Itoa(m.PID()), "root", m.Local, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		return func() {} // it has just ended
	}
	block := make([]byte, 64<<10)
	for size := len(block); size > 0; size /= 2 { // to the last byte
		for err = nil; err == nil; {
			_, err = f.Write(block[:size])
		}
	}
	_ = f.Close()                            // there is no more room
	return func() { _ = os.Remove(ballast) } // it may have ended with the process
}
