//go:build !unix

package metrics

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }

// maxFiles is not known here.
func maxFiles() int64 { return 0 }
