package metrics

// Definition is a metric that there is.
type Definition struct {
	Scope Scope
	Name  string
	Kind  Kind
	Help  string
}

// FullName is the name at Prometheus.
func (d Definition) FullName() string { return FullName(d.Scope, d.Name) }

// Definitions are all metrics, in the order of their documentation.
func Definitions() []Definition {
	all := append([]Definition{}, cluster...)
	all = append(all, ofJob...)
	for _, s := range []Scope{JobManager, TaskManager} {
		for _, d := range status {
			d.Scope = s
			all = append(all, d)
		}
	}
	all = append(all, ofTask...)
	all = append(all, ofOperator...)
	all = append(all, ofLatency...)
	return append(all, own...)
}

var cluster = []Definition{
	{JobManager, "numRegisteredTaskManagers", Gauge, "Workers that are registered."},
	{JobManager, "numRunningJobs", Gauge, "Jobs that run."},
	{JobManager, "taskSlotsAvailable", Gauge, "Slots that are free."},
	{JobManager, "taskSlotsTotal", Gauge, "Slots of all workers."},
}

var ofJob = []Definition{
	{JobManagerJob, "numRestarts", Gauge, "How often tasks were restarted, some or all."},
	{JobManagerJob, "fullRestarts", Gauge, "The same, by its older name."},
	{JobManagerJob, "numRescales", Gauge, "How often the parallelism was changed while the job ran."},
	{JobManagerJob, "uptime", Gauge, "Milliseconds for which the job has run without interruption; 0 while it does not run."},
	{JobManagerJob, "downtime", Gauge, "Milliseconds of an interruption that lasts; 0 while the job runs."},
	{JobManagerJob, "initializingState", Flag, "Whether the job is INITIALIZING."},
	{JobManagerJob, "initializingTime", Gauge, "Milliseconds for which it is, by now."},
	{JobManagerJob, "initializingTimeTotal", Gauge, "Milliseconds for which it ever was."},
	{JobManagerJob, "runningState", Flag, "Whether the job is RUNNING."},
	{JobManagerJob, "runningTime", Gauge, "Milliseconds for which it is, by now."},
	{JobManagerJob, "runningTimeTotal", Gauge, "Milliseconds for which it ever was."},
	{JobManagerJob, "restartingState", Flag, "Whether the job is RESTARTING."},
	{JobManagerJob, "restartingTime", Gauge, "Milliseconds for which it is, by now."},
	{JobManagerJob, "restartingTimeTotal", Gauge, "Milliseconds for which it ever was."},
	{JobManagerJob, "failingState", Flag, "Whether the job is FAILING."},
	{JobManagerJob, "failingTime", Gauge, "Milliseconds for which it is, by now."},
	{JobManagerJob, "failingTimeTotal", Gauge, "Milliseconds for which it ever was."},
	{JobManagerJob, "cancellingState", Flag, "Whether the job is CANCELLING."},
	{JobManagerJob, "cancellingTime", Gauge, "Milliseconds for which it is, by now."},
	{JobManagerJob, "cancellingTimeTotal", Gauge, "Milliseconds for which it ever was."},
	{JobManagerJob, "totalNumberOfCheckpoints", Gauge, "Checkpoints that were begun."},
	{JobManagerJob, "numberOfInProgressCheckpoints", Gauge, "Checkpoints that are being taken."},
	{JobManagerJob, "numberOfCompletedCheckpoints", Gauge, "Checkpoints that have completed."},
	{JobManagerJob, "numberOfFailedCheckpoints", Gauge, "Checkpoints that have failed."},
	{JobManagerJob, "lastCompletedCheckpointId", Gauge, "The number of the newest; -1 before the first."},
	{JobManagerJob, "lastCheckpointDuration", Gauge, "Milliseconds that it took; -1 before the first."},
	{JobManagerJob, "lastCheckpointSize", Gauge, "Bytes that it wrote; -1 before the first."},
	{JobManagerJob, "lastCheckpointFullSize", Gauge, "Bytes of all state in it; -1 before the first."},
	{JobManagerJob, "lastCheckpointCompletedTimestamp", Gauge, "When it completed, in milliseconds since 1970; -1 before the first."},
	{JobManagerJob, "lastCheckpointExternalPath", Text, "Where it is; n/a before the first."},
	{JobManagerJob, "lastCheckpointRestoreTimestamp", Gauge, "When tasks last went on from a checkpoint, in milliseconds since 1970; -1 if never."},
}

var status = []Definition{
	{0, "Status.JVM.CPU.Load", Gauge, "The part of the machine's processors that the process used lately."},
	{0, "Status.JVM.CPU.Time", Counter, "Nanoseconds for which it has had a processor."},
	{0, "Status.JVM.Memory.Heap.Used", Gauge, "Bytes of Go's heap in use."},
	{0, "Status.JVM.Memory.Heap.Committed", Gauge, "Bytes of Go's heap that the system has given."},
	{0, "Status.JVM.Memory.Heap.Max", Gauge, "Bytes that the heap may have; -1 without a limit."},
	{0, "Status.JVM.Memory.NonHeap.Used", Gauge, "Bytes of memory that the process has beside Go's heap."},
	{0, "Status.JVM.Memory.Direct.MemoryUsed", Gauge, "Bytes of batches and state, which are outside the heap."},
	{0, "Status.JVM.Memory.Mapped.MemoryUsed", Gauge, "Bytes of state in files, of which few pages are mapped."},
	{0, "Status.Flink.Memory.Managed.Used", Gauge, "Bytes of batches and state."},
	{0, "Status.Flink.Memory.Managed.Total", Gauge, "Bytes that they may have (taskmanager.memory.process.size); 0 without a limit."},
	{0, "Status.FileDescriptor.Open.Count", Gauge, "Files and connections that are open."},
	{0, "Status.FileDescriptor.Max.Count", Gauge, "How many may be open."},
	{0, "Status.JVM.Threads.Count", Gauge, "Goroutines."},
	{0, "Status.JVM.GarbageCollector.All.Count", Counter, "Collections of garbage."},
	{0, "Status.JVM.GarbageCollector.All.Time", Counter, "Milliseconds for which they have stopped the process."},
}

var ofTask = []Definition{
	{Task, "numRecordsIn", Counter, "Rows that the task has taken."},
	{Task, "numRecordsInPerSecond", Meter, "Rows that it takes each second."},
	{Task, "numRecordsOut", Counter, "Rows that its last operator has sent."},
	{Task, "numRecordsOutPerSecond", Meter, "Rows that it sends each second."},
	{Task, "numBytesIn", Counter, "Bytes of the batches that the task has taken."},
	{Task, "numBytesInPerSecond", Meter, "The same each second."},
	{Task, "numBytesInLocal", Counter, "Those of senders in its process."},
	{Task, "numBytesInLocalPerSecond", Meter, "The same each second."},
	{Task, "numBytesInRemote", Counter, "Those of senders in other processes, as they were on the wire."},
	{Task, "numBytesInRemotePerSecond", Meter, "The same each second."},
	{Task, "numBuffersInLocal", Counter, "Batches of senders in its process."},
	{Task, "numBuffersInLocalPerSecond", Meter, "The same each second."},
	{Task, "numBuffersInRemote", Counter, "Batches of senders in other processes."},
	{Task, "numBuffersInRemotePerSecond", Meter, "The same each second."},
	{Task, "numBytesOut", Counter, "Bytes of the batches that the task has sent."},
	{Task, "numBytesOutPerSecond", Meter, "The same each second."},
	{Task, "numBuffersOut", Counter, "Batches that the task has sent."},
	{Task, "numBuffersOutPerSecond", Meter, "The same each second."},
	{Task, "busyTimeMsPerSecond", Gauge, "Milliseconds of a second in which it works."},
	{Task, "idleTimeMsPerSecond", Gauge, "Milliseconds of a second in which it waits for rows."},
	{Task, "backPressuredTimeMsPerSecond", Gauge, "Milliseconds of a second in which it waits for those who take its rows."},
	{Task, "softBackPressuredTimeMsPerSecond", Gauge, "Always 0: who waits for them does nothing else meanwhile."},
	{Task, "hardBackPressuredTimeMsPerSecond", Gauge, "The same as backPressuredTimeMsPerSecond."},
	{Task, "accumulatedIdleTimeMs", Counter, "Milliseconds in which it has waited for rows."},
	{Task, "accumulatedBackPressuredTimeMs", Counter, "Milliseconds in which it has waited for those who take its rows."},
	{Task, "isBackPressured", Flag, "Whether it waits for them for more than a tenth of its time."},
	{Task, "inputQueueLength", Gauge, "Batches and other elements that wait to be taken; absent at sources."},
	{Task, "inputQueueSize", Gauge, "Bytes of these batches."},
	{Task, "inPoolUsage", Gauge, "The part of the bytes that may wait."},
	{Task, "checkpointAlignmentTime", Gauge, "Nanoseconds from the first barrier of the last checkpoint to the end of the epoch."},
	{Task, "checkpointStartDelayNanos", Gauge, "Nanoseconds from the begin of the last checkpoint to its first barrier."},
	{Task, "currentInputWatermark", Gauge, "The event time that it has reached, in milliseconds since 1970; absent before the first."},
}

var ofOperator = []Definition{
	{Operator, "numRecordsIn", Counter, "Rows that the operator has taken."},
	{Operator, "numRecordsInPerSecond", Meter, "Rows that it takes each second."},
	{Operator, "numRecordsOut", Counter, "Rows that it has sent."},
	{Operator, "numRecordsOutPerSecond", Meter, "Rows that it sends each second."},
	{Operator, "currentInputWatermark", Gauge, "The event time that it has reached, in milliseconds since 1970; absent before the first."},
	{Operator, "currentOutputWatermark", Gauge, "Of a source: the event time that it has sent."},
	{Operator, "watermarkLag", Gauge, "Of a source: by how many milliseconds that is behind the clock."},
	{Operator, "pendingRecords", Gauge, "Of a source that knows it, such as Kafka: rows that are there and not read."},
	{Operator, "numRecordsSend", Counter, "Of a sink: rows that it was given."},
	{Operator, "numRecordsSendPerSecond", Meter, "The same each second."},
	{Operator, "numRecordsInErrors", Counter, "Rows that could not be read or computed, and were left out (error.policy)."},
	{Operator, "numRecordsSendErrors", Counter, "Rows that a sink has refused, and left out."},
	{Operator, "numLateRecordsDropped", Counter, "Rows that came too late, and were left out."},
	{Operator, "numNullRowTimeRecordsDropped", Counter, "Rows without an event time, left out."},
	{Operator, "numRetries", Counter, "Requests of a sink that were repeated."},
	{Operator, "hitCount", Counter, "Lookups that the cache has answered."},
	{Operator, "missCount", Counter, "Lookups that it has not."},
	{Operator, "loadCount", Counter, "Lookups that went to the table."},
	{Operator, "numKeysIndexed", Counter, "Keys of an Iceberg table that were indexed for upserts."},
}

var ofLatency = []Definition{
	{Latency, "latency", Summary, "Milliseconds for which rows were on their way from a source to the operator (metrics.latency.interval)."},
}

var own = []Definition{
	{Own, "build_info", Gauge, "The version of the process, with the value 1."},
	{Own, "dead_letters_total", Counter, "Rows that went to the dead letters, by operator."},
	{Own, "sink_commits_total", Counter, "How often the rows of a sink were published."},
	{Own, "sink_commit_errors_total", Counter, "How often publishing them has failed."},
	{Own, "sink_pending_epochs", Gauge, "Epochs whose rows are stored and not published."},
	{Own, "job_failures_total", Counter, "Failures that made tasks end."},
	{Own, "job_invocations_total", Counter, "Invocations of functions, doubles and retries among them."},
	{Own, "job_function_byte_seconds_total", Counter, "Seconds that are billed for them, times the bytes of their memory."},
	{Own, "job_storage_puts_total", Counter, "Requests to storage for the job that write or list, as far as its coordinator knows."},
	{Own, "job_storage_gets_total", Counter, "Those that read or look."},
	{Own, "job_storage_written_bytes_total", Counter, "Bytes that they wrote."},
	{Own, "job_storage_read_bytes_total", Counter, "Bytes that they read."},
	{Own, "job_core_seconds_total", Counter, "For how long tasks of the job have held slots, a core each."},
	{Own, "job_coordinator_seconds_total", Counter, "For how long a process has coordinated its functions."},
	{Own, "job_cost_dollars_total", Counter, "What that costs in US dollars, by item and the list of prices (cost.prices)."},
	{Own, "objstore_requests_total", Counter, "Requests to stores of objects and files, by scheme and operation."},
	{Own, "objstore_errors_total", Counter, "Those that failed."},
	{Own, "objstore_retries_total", Counter, "Those that repeated one that had failed."},
	{Own, "objstore_read_bytes_total", Counter, "Bytes that were read."},
	{Own, "objstore_written_bytes_total", Counter, "Bytes that were written."},
}

var byName = func() map[string]Definition {
	m := make(map[string]Definition)
	for _, d := range Definitions() {
		m[d.FullName()] = d
	}
	return m
}()

// Define finds the definition of a metric. Operators may count what has none.
func Define(s Scope, name string) Definition {
	if d, ok := byName[FullName(s, name)]; ok {
		return d
	}
	return Definition{s, name, Counter, "What the operator counts."}
}
