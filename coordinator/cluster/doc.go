// Package cluster is the coordinator's side of its workers: they register over
// TCP, each with a number of slots, and say regularly that they are well. A job
// sees them as one coordinator.Worker, Tasks: what it deploys is placed in free
// slots, its commands go to the worker that has the task, and what the workers
// report comes back as if one had said it. A worker that is lost fails the
// attempts of the jobs that have tasks on it, and of no other.
//
// A slot takes one task of every vertex, those of the same index, so that a job
// needs as many slots as its highest parallelism and rows on forward edges stay
// in one process.
package cluster
