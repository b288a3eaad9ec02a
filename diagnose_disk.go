//go:build linux || darwin

package wadi

import "syscall"

// diskFree is how many bytes a user can still write on the disk of a directory.
func diskFree(dir string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
