package cost

import "time"

// What was measured of this engine, and where: bench/RESULTS.md has the figures,
// and bench/cost measures the requests and the times of invocations again.
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
)

// Of an invocation that is warm, and of the end of an epoch: planning it,
// claiming it, and publishing.
const (
	invocationTime = 60 * time.Millisecond
	commitTime     = 90 * time.Millisecond
	// longest is how long an invocation may compute; clouds end it after 15 minutes.
	longest = 10 * time.Minute
)

// Requests to storage. An epoch lists and claims; a task of a stage writes its
// result, with state a run of it, and what others read when it is too long for
// the result.
const (
	putsPerEpoch, getsPerEpoch       = 4, 2
	putsPerResult, getsPerResult     = 1, 0
	putsPerState, getsPerState       = 1, 2
	putsPerSending, getsPerReceiving = 1, 1
	// A table that is committed to: data, manifest, list of manifests, metadata.
	putsPerCommit, getsPerCommit = 4, 4
	// rowsInResult is how many rows of a task, at about, its result itself holds.
	rowsInResult = 500
)
