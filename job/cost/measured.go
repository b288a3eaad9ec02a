package cost

import "time"

// What was measured of this engine, and where: bench/RESULTS.md has the figures,
// and wadi bench cost compares requests and times with what is predicted.
const (
	// busy is the part of a worker's time that is planned for; the rest is for
	// peaks, checkpoints and recovery.
	busy = 0.7
	// inFunctions is the part of the pipelined speed that is left in functions and
	// in stages, where what passes between tasks goes through storage.
	inFunctions = 0.6
	// restorePerCoreSecond is how many bytes of state a core reads back.
	restorePerCoreSecond = 130e6
	// coresOfMachine is from how many cores on a job takes more than one machine,
	// and so a coordinator of its own.
	coresOfMachine = 16
	// longest is how long an invocation may compute; clouds end it after 15 minutes.
	longest = 10 * time.Minute
)

// Of a warm invocation, and of the end of an epoch, beside what storage takes.
const (
	invocationTime = 30 * time.Millisecond
	commitTime     = 30 * time.Millisecond
)

// TypicalRequestTime is what a request to an object store takes, as far as is
// known without a measurement: 30 ms.
const TypicalRequestTime = 30 * time.Millisecond

// Requests to storage in an epoch, and of its tasks.
const (
	putsOfEpoch, getsOfEpoch = 1, 2 // its manifest, and looking who was faster
	putsOfSweep              = 1    // what has passed between stages is listed, and goes
	putsOfResult             = 1    // of a task in functions
	putsOfState, getsOfState = 1, 5 // a run that is written; those that are read: 3 of windows that end, 12 of keys that stay
	putsOfSending            = 1    // an object for all receivers
	// rowsInResult is how many rows of a task, at about, its result itself holds.
	rowsInResult = 500
)

// Of a job without a process: a call that looks whether there is something to do,
// what one that runs an epoch asks beside, and each task that looks whether it is the
// last of its wave.
const (
	putsOfCall, getsOfCall = 7, 14
	putsOfPlan, getsOfPlan = 2, 8
	putsOfLook, getsOfLook = 1, 8
	// inOneCall is up to how many rows an epoch runs in the call that begins it.
	inOneCall = 100_000
	// timer is how often a cloud's clock calls, at the most.
	timer = time.Minute
	// cold is what a function takes to start that was not called for long.
	cold, long = 200 * time.Millisecond, 5 * time.Minute
)

// sinkRequests are what a sink asks of storage: each of its tasks, and its commit.
var sinkRequests = map[string]struct{ task, commit, look float64 }{
	"iceberg":    {task: 1, commit: 3, look: 4}, // data; manifest, list, metadata
	"filesystem": {task: 2.7, look: 0.7},        // written beside, moved, listed
}

// MiddlingSpeed is how many rows a core carries through a query of which nothing
// is known: the middle of Nexmark's.
const MiddlingSpeed = 7.5e6

// PerRow is how many rows a core reads from a connector, or writes to it, in a
// second, beside what the query costs; false when that is little or not known.
func PerRow(connector string, writes bool) (rowsPerCoreSecond float64, ok bool) {
	switch {
	case connector == "kafka" && !writes:
		return 2.2e6, true // JSON, ten columns
	case connector == "iceberg" && writes:
		return 1.5e6, true // zstd, the same
	case connector == "filesystem" && writes:
		return 5e6, true // text
	}
	return 0, false
}
