//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach gives a process a group of its own, so that signals of the terminal
// reach only this one.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
