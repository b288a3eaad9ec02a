// Package coordinator runs a job: it starts tasks, hands out splits, takes
// checkpoints, publishes what sinks have staged, restarts what has failed, and
// ends. It keeps nothing that it could not read back from object storage.
//
// Everything that is decided is decided in Step, a pure function of a State and
// an Event. Run is the loop around it: it carries out actions, does the I/O
// beside the loop, and turns what comes back into events.
//
//	       ┌──────── reports ────────┐
//	worker │                         ▼
//	   ▲   │      answers of      ┌──────┐   actions
//	   │   └───── storage, ─────► │ Step │ ──────────┐
//	   │          sources, sinks  └──────┘           │
//	   └────────────── commands ─────────────────────┤
//	         storage, enumerators, committers ◄──────┘
//
// A run of a job goes through these phases:
//
//	beginning ─► running ─► canceling ─► pausing ─► beginning   a restart
//	                            └─► settling ─► recording ─► over
package coordinator
