//go:build !linux && !darwin

package wadi

// diskFree cannot be told here.
func diskFree(string) (int64, bool) { return 0, false }
