//go:build !unix

package logs

import "os"

// exclusive does nothing here: processes need directories of their own.
func exclusive(*os.File) error { return nil }
