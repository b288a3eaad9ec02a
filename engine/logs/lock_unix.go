//go:build unix

package logs

import (
	"os"
	"syscall"
)

// exclusive takes the lock of a file until it is closed, or fails at once.
func exclusive(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
