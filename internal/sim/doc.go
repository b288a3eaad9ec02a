// Package sim runs the checkpoint protocol under a seeded scheduler: the real
// coordinator and its driver, the real task loop, the real state backend and
// the real documents, over an object store that loses, delays, repeats and
// reorders, while tasks fail, processes die, and processes that seemed dead
// come back. When the job has finished, its sink must hold what an undisturbed
// run would have written, each row once.
//
//	world ── picks, from the seed, which coroutine runs next, and moves the clock
//	  ├── process 1: driver, its I/O, worker, tasks      (dead, or a zombie)
//	  ├── process 2: …                                   restored from what 1 left
//	  ├── store: objects, late writes, lost replies
//	  └── target: what was published
//
// In half of its lives the job changes gear, at any moment and among all of that: its
// stages are then run with the real durable channels. TestShiftAtEachStep asks for a
// change at each step of a calm life.
//
// RunFleet runs it on a cluster: leaders that die, sleep and do not know that they
// do not lead any more, with the real coordinator/cluster, and nodes whose tasks
// run on without them and are adopted. Connections stall and break, reports arrive
// twice, nodes sleep longer than they may and die. When only leaders fail, no task
// is started again; no epoch is sealed or confirmed that was not claimed, or twice;
// and when faults stop, the job ends. TestManyTasks has 10,000 tasks on 100 nodes,
// which only take part in checkpoints.
//
// Everything that would block parks its coroutine, so a seed decides everything
// and a failure is repeated by its seed:
//
//	go test ./internal/sim -run Sim -first 81723 -seeds 1 -v
package sim
