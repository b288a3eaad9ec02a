package local

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// apart keeps the signals of a terminal from a process.
func apart(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// A process that is gone needs no signal, so that errors do not matter.

func freeze(p *os.Process) { _ = p.Signal(syscall.SIGSTOP) }
func thaw(p *os.Process)   { _ = p.Signal(syscall.SIGCONT) }

// resident is how many bytes a process has in memory of its own, without what it
// shares with files, and the most that it ever had with them; 0 when that is not
// known.
func resident(p *os.Process) (own, peak int64) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
	if err != nil {
		return 0, 0
	}
	return bytesIn(data, "RssAnon:"), bytesIn(data, "VmHWM:")
}

// bytesIn is a line of a process' status.
func bytesIn(status []byte, name string) int64 {
	_, line, _ := bytes.Cut(status, []byte(name))
	fields := bytes.Fields(line)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
