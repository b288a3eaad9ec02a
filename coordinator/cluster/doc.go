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
//
// Locks are taken in this order: the cluster's (workers, slots, who waits), a
// job's (where its tasks are, what is to be told to it), a worker's (what waits to
// be sent). With the cluster's, and then the job's, a job gets slots and its tasks
// are sent to them, or loses a worker, at once: nobody sees one without the other.
// A report is posted with the job's lock, so that reports keep their order.
package cluster
