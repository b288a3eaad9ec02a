// Package mutant names bugs of the checkpoint protocol that can be switched on,
// one by one, to prove that the simulation finds them. The zero Set is the
// correct protocol; nothing but tests sets a switch.
package mutant

// Set says which bugs are on. The simulation finds each of them but those with
// the tag found:"model": they need more patience of a sleeping process than a
// short life of a job has, and the exhaustive model of engine/checkpoint finds
// them; those with found:"steps" are found where the coordinator's steps are taken in
// any order. Those with found:"fleet" need a cluster.
type Set struct {
	ClaimBeforeUpload  bool // an epoch is claimed before every task has uploaded
	CommitBeforeClaim  bool // rows are published before their epoch is claimed
	ConfirmBeforeClaim bool // tasks forget an epoch before it is claimed
	SkipAbortedPending bool // receipts of an aborted epoch are not published with the next
	DropPending        bool // a manifest leaves out what is claimed and not published
	LostClaimWon       bool // a number that another owner took counts as claimed
	NoFence            bool // a new generation does not claim the next number as aborted
	NoVerify           bool `found:"model"` // a claim that wins is not checked against newer owners
	SameGeneration     bool `found:"model"` // a restart keeps the generation
	RetainTooFew       bool // retention deletes runs that the newest manifest references
	WatermarkLost      bool // event time is not restored
	SplitBeforeBarrier bool // a snapshot holds splits at the positions before their last batch
	SplitTwice         bool // splits are handed out between the snapshot and the barrier
	EndBeforeBarrier   bool // a source ends before its last barrier
	EndedForgotten     bool // handles of ended tasks are left out of later manifests
	AbortDropsDeltas   bool // state drops the changes of an epoch whether or not it is claimed
	TombstonesDropped  bool // merging drops tombstones although older runs remain
	MergeReordered     bool // merging lets the older row win
	RestoreStale       bool // a restart restores the manifest before the newest
	StagesRemember     bool // in a brief gear, tasks go on with what they held when the job was last in it
	UnreadForgotten    bool // the splits that pipelined tasks have not read are not given back when the job changes to a brief gear
	UnreadUnsealed     bool // the splits that a task was given for an epoch, and has not read, are not in its checkpoint

	FlightStands   bool `found:"steps"` // tasks are started again beside a checkpoint that they have a part in
	GivenLost      bool // splits that tasks were given since the checkpoint are not given again to those that restart
	GivenForgotten bool // they are forgotten with the barrier behind them, whether or not its epoch is claimed
	GivenTwice     bool // splits that were given back to the enumerators at the start are given by the checkpoint, too
	LateLost       bool // splits that an enumerator hands out while their task restarts are given to nobody

	AdoptUnfenced    bool `found:"fleet"` // a leader that adopts does not claim the next number as aborted
	AdoptOld         bool `found:"fleet"` // tasks of an older generation are adopted
	AdoptInPart      bool `found:"fleet"` // tasks are adopted although some are missing
	EpochRepeated    bool `found:"fleet"` // a leader that adopts gives out the number that it has claimed as aborted
	EarlyDropped     bool `found:"fleet"` // what tasks say before they are adopted is dropped
	LossUnheard      bool `found:"fleet"` // a worker that is lost before its tasks are adopted is not told of
	HeldTwice        bool `found:"fleet"` // splits that tasks were given since the checkpoint are handed out again
	GivenBackLost    bool `found:"fleet"` // splits that a restart gave back are forgotten by the leader that adopts
	BarrierHalfGiven bool `found:"fleet"` // a barrier that some sources have is not given to the others
	NotSaidAgain     bool `found:"fleet"` // commands that were lost with a connection are not sent again
	LastHandleLost   bool `found:"fleet"` // the last state of tasks that have ended meanwhile is not adopted
}
