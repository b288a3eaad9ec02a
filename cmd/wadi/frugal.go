package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// frugal keeps a process small that holds no batches, until ctx ends. Its heap is what
// there is to collect; and what it has used of the program's file once, at its start
// and when it planned a job, need not stay mapped.
func frugal(ctx context.Context) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(100)
	}
	for pause := startTime; ; pause = tidyTime {
		select {
		case <-time.After(pause):
			unmapProgram()
		case <-ctx.Done():
			return
		}
	}
}

// startTime is when all that starts has started, and tidyTime is between two looks.
const (
	startTime = 2 * time.Second
	tidyTime  = 15 * time.Second
)
