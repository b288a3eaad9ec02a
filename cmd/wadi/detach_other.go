//go:build !unix

package main

import "os/exec"

// detach does nothing here: the terminal's signals reach every process.
func detach(*exec.Cmd) {}
