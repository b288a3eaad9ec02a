package config

// honoured are the keys that are read. Those that are not are in unread.txt, and in
// pending.go if they will be.
var honoured = []section{
	{"The plan", []Key{
		{Name: "pipeline.name", Text: "The name of the job, by which it is found and restored. Without it the name is made from its sinks."},
		{
			Name: "execution.runtime-mode", Type: Enum, Default: "STREAMING", Words: []string{"streaming", "batch"}, Older: []string{"execution.runtime.mode", "sql-client.execution.mode"},
			Text: "Whether rows change the result as they come, or it is computed once from tables that end.",
		},
		{
			Name: "execution.gear", Type: Enum, Default: "pipelined", Words: []string{"pipelined", "staged", "functions", "auto"},
			Text: "Staged runs each stage of an epoch as a process that ends, functions each task as an invocation, auto chooses; see gears.md.",
		},
		{
			Name: "execution.freshness", Type: Duration,
			Text: "How old a row may be when it is visible at the sinks. Without an interval of checkpoints, that is half of it; gear auto keeps it.",
		},
		{Name: "execution.gear.auto.max-cost-per-hour", Type: Float, Text: "What an hour may cost in gear auto, in US dollars; it comes before freshness. Without it, any amount."},
		{Name: "execution.gear.auto.min-time", Type: Duration, Default: "5 min", Least: 1, Text: "How long gear auto keeps a gear in which rows are fresh, and for how long another must have been cheaper."},
		{Name: "execution.functions.target", Text: "Which function runs tasks: https://…, aws-lambda:NAME, or local: for processes of this machine; see functions.md."},
		{Name: "execution.functions.max-concurrency", Type: Int, Default: "100", Least: 1, Text: "How many invocations run at once."},
		{Name: "execution.functions.attempts", Type: Int, Default: "3", Least: 1, Text: "How often a task is invoked whose invocation gets lost, before its epoch is run again."},
		{Name: "execution.functions.timeout", Type: Duration, Default: "15 min", Least: 1, Text: "How long the platform lets an invocation run; deployed jobs end well before, and cut their epochs to fit."},
		{Name: "execution.functions.heartbeat-timeout", Type: Duration, Default: "30 s", Least: 1, Text: "After how long without signs of life an open epoch of a deployed job is taken up by another trigger."},
		{Name: "execution.functions.cache-size", Type: Size, Default: "256 mb", Text: "How much state a function keeps on its local disk for its next invocation; state in a directory of the machine is not copied."},
		{
			Name: "execution.functions.fuse", Type: Enum, Default: "auto", Words: []string{"auto", "on", "off"},
			Text: "Whether all stages of an epoch of a deployed job run in one invocation: auto does so while little is expected.",
		},
		{Name: "execution.functions.schedule", Text: "When a deployed job wants an epoch: an interval such as 5 min, or cron's five fields in UTC. Without it, whenever a timer asks."},
		{Name: "execution.functions.lag-rows", Type: Int, Default: "0", Text: "How many rows may wait before a deployed job that is asked by a timer wants an epoch; 0 is any number."},
		{Name: "execution.functions.lag-time", Type: Duration, Default: "0 ms", Text: "How long a row may wait before it does; 0 is any time."},
		{
			Name: "execution.target", Type: Enum, Default: "local", Words: []string{"local", "remote", "application"},
			Text: "With remote, wadi run sends jobs to the cluster at rest.address and rest.port, as with -m; with application it is the coordinator of a cluster for them.",
		},
		{Name: "parallelism.default", Type: Int, Default: "1", Least: 1, Most: maxParallelism, Text: "How many tasks a vertex has; also -p."},
		{
			Name: "table.exec.resource.default-parallelism", Type: Int, Default: "-1", Least: 1, Most: maxParallelism, Words: []string{"-1"},
			Text: "The same for queries, before parallelism.default.",
		},
		{
			Name: "pipeline.max-parallelism", Type: Int, Default: "-1", Least: 1, Most: maxParallelism, Words: []string{"-1"},
			Text: "The number of key groups: no job that goes on with this state can have more tasks per vertex.",
		},
		{Name: "pipeline.auto-watermark-interval", Type: Duration, Default: "200 ms", Text: "How often sources send watermarks; 0 after each batch."},
		{Name: "table.local-time-zone", Type: Zone, Default: "default", Text: "The session's time zone, by name or as an offset; the default is UTC."},
		{
			Name: "table.exec.source.idle-timeout", Type: Duration, Default: "0 ms", Older: []string{"table.exec.source.idle.timeout"},
			Text: "After how long without rows a source no longer holds back the watermark; 0 is never.",
		},
		{Name: "table.exec.source.cdc-events-duplicate", Type: Bool, Default: "false", Text: "Whether sources may tell a change twice, so that it is taken once by its key."},
		{Name: "table.exec.state.ttl", Type: Duration, Default: "0 ms", Text: "After how long without use state may be forgotten; 0 is never."},
		{Name: "table.exec.emit.early-fire.enabled", Type: Bool, Default: "false", Text: "Whether windows of GROUP BY give results before their end."},
		{Name: "table.exec.emit.early-fire.delay", Type: Duration, Default: "0 ms", Text: "How often they do; 0 with every change."},
		{Name: "table.exec.emit.late-fire.enabled", Type: Bool, Default: "false", Text: "Whether windows give results again for rows behind their end."},
		{Name: "table.exec.emit.late-fire.delay", Type: Duration, Default: "0 ms", Text: "How often they do; 0 with every change."},
		{Name: "table.exec.emit.allow-lateness", Type: Duration, Default: "0 ms", Text: "How long behind its end a window takes rows."},
		{Name: "table.exec.sink.keyed-shuffle", Type: Enum, Default: "AUTO", Words: shuffles, Text: "Whether rows are brought to the sink's tasks by primary key."},
		{Name: "table.exec.sink.upsert-materialize", Type: Enum, Default: "AUTO", Words: shuffles, Text: "Whether changes are put in order by primary key before a sink."},
		{Name: "table.exec.sink.require-on-conflict", Type: Bool, Default: "false", Text: "Whether INSERT must say what becomes of rows whose primary key is not that of the query."},
		{Name: "table.exec.sink.not-null-enforcer", Type: Enum, Default: "ERROR", Words: []string{"ERROR", "DROP"}, Text: "What becomes of NULL in a column that is NOT NULL."},
		{Name: "table.exec.sink.type-length-enforcer", Type: Enum, Default: "IGNORE", Words: []string{"IGNORE", "TRIM_PAD", "ERROR"}, Text: "What becomes of text that is longer or shorter than its column."},
		{Name: "table.exec.sink.nested-constraint-enforcer", Type: Enum, Default: "IGNORE", Words: []string{"IGNORE", "ROWS", "ROWS_AND_COLLECTIONS"}, Text: "Whether the two above look into rows, arrays and maps."},
		{
			Name: "table.catalog-store.kind", Type: Enum, Default: "generic_in_memory", Words: []string{"generic_in_memory", "file"},
			Text: "Whether catalogs that are created are forgotten with the session, or kept in files. A cluster with high availability keeps them below its storage directory.",
		},
		{Name: "table.catalog-store.file.path", Text: "The URL of the directory in which they are kept, a file of YAML each."},
		{Name: "wadi.recursion.max-iterations", Type: Int, Default: "1000", Least: 1, Text: "How many steps WITH RECURSIVE may take."},
		{Name: "wadi.recursion.max-size", Type: Size, Default: "256 mb", Least: 1, Text: "How much memory WITH RECURSIVE may take."},
	}},
	{"Checkpoints and recovery", []Key{
		{
			Name: "execution.checkpointing.dir", Older: []string{"state.checkpoints.dir", "state.backend.fs.checkpointdir"},
			Text: "The URL of the directory for checkpoints, such as s3://bucket/checkpoints. Without it a job takes none.",
		},
		{Name: "execution.checkpointing.interval", Type: Duration, Text: "How often a checkpoint is taken."},
		{Name: "execution.checkpointing.timeout", Type: Duration, Default: "10 min", Text: "After how long a checkpoint is given up."},
		{Name: "execution.checkpointing.min-pause", Type: Duration, Default: "0 ms", Text: "The least time between the end of a checkpoint and the begin of the next."},
		{
			Name: "execution.checkpointing.unaligned.enabled", Type: Bool, Default: "false", Older: []string{"execution.checkpointing.unaligned"},
			Text: "Whether barriers may overtake rows, which are part of the checkpoint then; see exactly-once.md.",
		},
		{
			Name: "execution.checkpointing.aligned-checkpoint-timeout", Type: Duration, Default: "0 ms", Older: []string{"execution.checkpointing.alignment-timeout"},
			Text: "How old a barrier is before it overtakes.",
		},
		{
			Name: "execution.checkpointing.local-backup.enabled", Type: Bool, Default: "false", Older: []string{"state.backend.local-recovery"},
			Text: "Whether a worker keeps what it has written of state on its own disk, too.",
		},
		{
			Name: "execution.checkpointing.local-backup.dirs", Type: List, Older: []string{"taskmanager.state.local.root-dirs"},
			Text: "Where; the first counts, and without it the first of io.tmp.dirs.",
		},
		{
			Name: "execution.state-recovery.from-local", Type: Bool, Default: "false", Older: []string{"state.backend.local-recovery"},
			Text: "Whether tasks that are started again read it there, and only what is missing from the checkpoint directory.",
		},
		{Name: "execution.checkpointing.num-retained", Type: Int, Default: "5", Least: 1, Older: []string{"state.checkpoints.num-retained"}, Text: "How many checkpoints are kept."},
		{
			Name: "execution.checkpointing.externalized-checkpoint-retention", Type: Enum, Default: "RETAIN_ON_CANCELLATION",
			Words: []string{"RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION", "NO_EXTERNALIZED_CHECKPOINTS"}, Older: []string{"execution.checkpointing.externalized-checkpoint"},
			Text: "Which checkpoints outlive the job: all that are kept, those of a job that has failed, or none; see cluster.md.",
		},
		{Name: "execution.checkpointing.tolerable-failed-checkpoints", Type: Int, Default: "0", Words: []string{"-1"}, Text: "How many checkpoints in a row may fail before the job does."},
		{
			Name: "execution.checkpointing.savepoint-dir", Older: []string{"state.savepoints.dir", "savepoints.state.backend.fs.dir"},
			Text: "Where savepoints go when nobody says where; otherwise they go to the directory for checkpoints.",
		},
		{Name: "execution.state-recovery.path", Older: []string{"execution.savepoint.path"}, Text: "The checkpoint or savepoint from which a job of a cluster starts."},
		{
			Name: "execution.state-recovery.claim-mode", Type: Enum, Default: "NO_CLAIM", Words: []string{"NO_CLAIM", "CLAIM", "LEGACY"}, Older: []string{"execution.savepoint-restore-mode"},
			Text: "With CLAIM it becomes the job's, which removes it when it is no longer needed.",
		},
		{
			Name: "execution.state-recovery.ignore-unclaimed-state", Type: Bool, Default: "false", Older: []string{"execution.savepoint.ignore-unclaimed-state"},
			Text: "Whether a job may start although nothing in it takes some of the state.",
		},
		{Name: "wadi.savepoint.interval", Type: Duration, Default: "0 ms", Text: "How often a job makes a savepoint by itself, at multiples of that time since midnight UTC; 0 is never."},
		{Name: "wadi.savepoint.offset", Type: Duration, Default: "0 ms", Text: "How long behind the multiple: 1 d and 3 h are three o'clock."},
		{Name: "wadi.savepoint.num-retained", Type: Int, Default: "5", Least: 1, Text: "How many of these savepoints are kept."},
		{Name: "wadi.staged.rows-per-epoch", Type: Int, Default: "0", Text: "In the staged gear, how many rows a source task reads in an epoch; 0 is all that there are."},
		{
			Name: "restart-strategy.type", Type: Enum, Words: []string{"none", "off", "disable", "fixed-delay", "fixeddelay", "exponential-delay", "exponentialdelay", "failure-rate", "failurerate"},
			Older: []string{"restart-strategy"}, Text: "When a job that has failed is started again. Without it, it is not.",
		},
		{
			Name: "jobmanager.execution.failover-strategy", Type: Enum, Default: "region", Words: []string{"full", "region"},
			Text: "What is started again when a task fails: the tasks that rows connect with it, or all of the job.",
		},
		{Name: "restart-strategy.fixed-delay.attempts", Type: Int, Default: "1", Words: infinite, Text: "How often."},
		{Name: "restart-strategy.fixed-delay.delay", Type: Duration, Default: "1 s", Text: "After how long."},
		{Name: "restart-strategy.failure-rate.max-failures-per-interval", Type: Int, Default: "1", Text: "How many failures there may be in an interval."},
		{Name: "restart-strategy.failure-rate.failure-rate-interval", Type: Duration, Default: "1 min", Text: "How long the interval is."},
		{Name: "restart-strategy.failure-rate.delay", Type: Duration, Default: "1 s", Text: "After how long it is started again."},
		{Name: "restart-strategy.exponential-delay.initial-backoff", Type: Duration, Default: "1 s", Text: "After how long it is started again the first time."},
		{Name: "restart-strategy.exponential-delay.backoff-multiplier", Type: Float, Default: "1.5", Text: "How many times longer each time."},
		{Name: "restart-strategy.exponential-delay.max-backoff", Type: Duration, Default: "1 min", Text: "At the most after how long."},
		{Name: "restart-strategy.exponential-delay.reset-backoff-threshold", Type: Duration, Default: "1 h", Text: "After how long without a failure it begins anew."},
		{Name: "restart-strategy.exponential-delay.attempts-before-reset-backoff", Type: Int, Default: "infinite", Words: infinite, Text: "How often at the most until then."},
	}},
	{"Memory and state", []Key{
		{Name: "taskmanager.memory.process.size", Type: Size, Text: "How much memory the process takes, at least 128m; see memory.md. Without it there is no limit."},
		{Name: "taskmanager.memory.managed.size", Type: Size, Older: []string{"taskmanager.memory.size"}, Text: "How much of it is for state; what is more goes to disk."},
		{Name: "taskmanager.memory.managed.fraction", Type: Float, Default: "0.4", Text: "The same as a part of the process, more than 0 and at most 0.8."},
		{
			Name: "state.backend.type", Type: Enum, Default: "hashmap", Words: []string{"hashmap", "memory", "rocksdb", "pebble"}, Older: []string{"state.backend"},
			Text: "With rocksdb (or pebble), state leaves memory early and whatever its size; otherwise when the limit is reached.",
		},
		{Name: "io.tmp.dirs", Type: List, Older: []string{"taskmanager.tmp.dirs"}, Text: "Local directories for state that has left memory; the system's temporary directory otherwise."},
		{Name: "wadi.tmp.max-size", Type: Size, Text: "How much disk that may take."},
	}},
	{"The cluster", []Key{
		{Name: "jobmanager.rpc.address", Default: "localhost", Text: "Where workers find the coordinator, without high availability; with it, what the coordinator calls itself when it listens on every address."},
		{Name: "jobmanager.rpc.port", Type: Int, Default: "6123", Most: maxPort, Text: "The port of it."},
		{Name: "jobmanager.bind-host", Text: "The address on which the coordinator takes workers; 127.0.0.1 unless it is set."},
		{Name: "jobmanager.rpc.bind-port", Type: Int, Most: maxPort, Text: "The port of it, when it is not jobmanager.rpc.port."},
		{Name: "taskmanager.host", Text: "What a worker calls itself to others."},
		{Name: "taskmanager.bind-host", Text: "The address on which a worker takes rows; 127.0.0.1 unless it is set."},
		{Name: "taskmanager.data.port", Type: Int, Default: "0", Most: maxPort, Text: "The port of it; 0 is any."},
		{Name: "taskmanager.data.bind-port", Type: Int, Most: maxPort, Text: "The port of it, when it is not taskmanager.data.port."},
		{Name: "taskmanager.numberOfTaskSlots", Type: Int, Default: "1", Least: 1, Text: "How many tasks of each vertex of a job a worker runs."},
		{Name: "taskmanager.resource-id", Text: "The id of a worker; random unless it is set."},
		{Name: "taskmanager.registration.timeout", Type: Duration, Default: "5 min", Older: []string{"taskmanager.maxRegistrationDuration"}, Text: "How long a worker looks for a coordinator before it ends."},
		{Name: "taskmanager.load-balance.mode", Type: Enum, Default: "NONE", Words: []string{"NONE", "SLOTS", "TASKS", "MIN_RESOURCES"}, Text: "With SLOTS or TASKS, tasks are spread over all workers; otherwise workers are filled."},
		{Name: "cluster.evenly-spread-out-slots", Type: Bool, Default: "false", Text: "The same as SLOTS."},
		{Name: "taskmanager.network.compression.codec", Type: Enum, Default: "NONE", Words: []string{"NONE", "LZ4", "ZSTD"}, Text: "How rows between workers are compressed."},
		{
			Name: "taskmanager.network.memory.buffer-debloat.enabled", Type: Bool, Default: "false",
			Text: "Whether less may be on its way to a task than wadi.exchange.channel-size says, when it reads slowly.",
		},
		{Name: "taskmanager.network.memory.buffer-debloat.target", Type: Duration, Default: "1 s", Text: "Then as much as it reads in this time."},
		{Name: "taskmanager.network.memory.buffer-debloat.period", Type: Duration, Default: "200 ms", Text: "How often its speed is looked at."},
		{Name: "taskmanager.network.memory.buffer-debloat.samples", Type: Int, Default: "20", Least: 1, Text: "Of how many periods its speed is the average."},
		{
			Name: "taskmanager.network.memory.buffer-debloat.threshold-percentages", Type: Int, Default: "25", Least: 1, Most: 100,
			Text: "How far off the size must be to be changed.",
		},
		{Name: "wadi.exchange.channel-size", Type: Size, Default: "2 mb", Text: "How many bytes may be on their way in a channel between two tasks."},
		{Name: "heartbeat.interval", Type: Duration, Default: "10 s", Text: "How often workers and the coordinator say that they are there."},
		{Name: "heartbeat.timeout", Type: Duration, Default: "50 s", Text: "After how long without a word the other is lost."},
		{Name: "slot.request.timeout", Type: Duration, Default: "5 min", Text: "How long a job waits for slots."},
		{Name: "scheduler-mode", Type: Enum, Words: []string{"reactive"}, Text: "Reactive rescales jobs to all slots that there are, while workers come and go."},
	}},
	{"High availability", []Key{
		{
			Name: "high-availability.type", Type: Enum, Words: []string{"none", "object-store", "zookeeper", "kubernetes"}, Older: []string{"recovery.mode", "high-availability"},
			Text: "object-store is what high-availability.storageDir means by itself, and zookeeper and kubernetes are taken as it; none is without.",
		},
		{
			Name: "high-availability.storageDir", Older: []string{"high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"},
			Text: "The URL of a directory that every process reaches: who leads, and what runs, is kept there.",
		},
		{Name: "high-availability.cluster-id", Default: "default", Older: []string{"high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"}, Text: "The name of the cluster in it."},
	}},
	{"Security", []Key{
		{Name: "wadi.cluster.secret", Text: "What processes of a cluster prove to each other to know; ${file:PATH} keeps it out of the file."},
		{Name: "wadi.rest.token", Text: "The bearer token that the REST API asks for, and that the command line gives; also WADI_REST_TOKEN and --token there."},
		{Name: "wadi.rest.read-only", Type: Bool, Default: "false", Text: "Whether the REST API only shows."},
		{Name: "security.ssl.internal.enabled", Type: Bool, Default: "false", Text: "Whether processes of a cluster speak TLS 1.3 and prove who they are with certificates."},
		{Name: "security.ssl.internal.keystore", Text: "A PEM file with the certificate of the process and its key."},
		{Name: "security.ssl.internal.truststore", Text: "A PEM file with the authorities whose certificates count."},
		{Name: "security.ssl.rest.enabled", Type: Bool, Default: "false", Text: "Whether the REST API and the UI are served by TLS, and asked for so by the command line."},
		{Name: "security.ssl.rest.keystore", Text: "A PEM file with the certificate of the server and its key; with authentication, of the client too."},
		{Name: "security.ssl.rest.truststore", Text: "A PEM file with the authorities whose certificates count; those of the system otherwise."},
		{Name: "security.ssl.rest.authentication-enabled", Type: Bool, Default: "false", Text: "Whether clients must prove who they are with certificates, too."},
	}},
	{"The REST API and the UI", []Key{
		{Name: "rest.bind-address", Default: "127.0.0.1", Older: []string{"web.address", "jobmanager.web.address"}, Text: "The address on which the REST API and the UI are served."},
		{Name: "rest.port", Type: Int, Default: "8081", Most: maxPort, Text: "The port of it, which the command line asks too."},
		{Name: "rest.bind-port", Type: Int, Most: maxPort, Older: []string{"web.port", "jobmanager.web.port"}, Text: "The port on which it is served, when it is not rest.port."},
		{Name: "rest.address", Text: "The host that the command line asks; and what a coordinator that listens on every address calls itself to those that stand by."},
		{Name: "rest.server.max-content-length", Type: Int, Default: "104857600", Text: "How many bytes a request may have."},
		{Name: "rest.idleness-timeout", Type: Duration, Default: "5 min", Text: "After how long without a request a connection is closed."},
		{Name: "web.submit.enable", Type: Bool, Default: "true", Older: []string{"jobmanager.web.submit.enable"}, Text: "Whether jobs may be submitted."},
		{Name: "web.cancel.enable", Type: Bool, Default: "true", Text: "Whether jobs may be canceled."},
		{Name: "web.refresh-interval", Type: Duration, Default: "3 s", Older: []string{"jobmanager.web.refresh-interval"}, Text: "How often the UI asks."},
		{Name: "web.upload.dir", Older: []string{"jobmanager.web.upload.dir"}, Text: "Where uploads are kept, over restarts too."},
		{Name: "web.checkpoints.history", Type: Int, Default: "10", Older: []string{"jobmanager.web.checkpoints.history"}, Text: "How many checkpoints of a job are shown."},
		{Name: "web.exception-history-size", Type: Int, Default: "16", Text: "How many failures of a job are shown."},
		{Name: "completed-application-store.max-capacity", Type: Int, Default: "100", Least: 1, Words: infinite, Older: []string{"jobstore.max-capacity"}, Text: "How many jobs that have ended are shown."},
	}},
	{"Logs", []Key{
		{Name: "env.log.level", Type: Enum, Words: []string{"all", "trace", "debug", "info", "warn", "warning", "error", "fatal", "off"}, Text: "From which level on is logged; also --log-level."},
		{Name: "env.log.dir", Text: "Where processes of a cluster keep files of their log; standard error alone otherwise."},
		{Name: "env.log.max", Type: Int, Default: "10", Least: 1, Most: 1000, Text: "How many files of a process are kept."},
		{Name: "wadi.log.max-size", Type: Size, Default: "100 mb", Least: 1, Text: "How large a file gets."},
		{Name: "wadi.log.format", Type: Enum, Default: "text", Words: []string{"text", "json"}, Text: "How lines are written; also --log-format."},
	}},
	{"Metrics", []Key{
		{Name: "metrics.reporters", Type: List, Text: "The names of those who are told metrics, each with keys of its own (metrics.reporter.<name>.…): prom serves them at /metrics of a port of its own, otel sends them by OTLP; see metrics.md."},
		{Name: "metrics.latency.interval", Type: Duration, Default: "0 ms", Text: "How often the time is measured for which rows are on their way to each operator, at most; 0 never. Less than a second is a second."},
		{Name: "metrics.latency.history-size", Type: Int, Default: "128", Least: 1, Most: 100000, Text: "Of how many measurements the distribution is told."},
		{Name: "traces.reporters", Type: List, Text: "The names of those who are told of checkpoints and recoveries, each with keys of its own (traces.reporter.<name>.…): otel sends spans by OTLP."},
		{Name: "traces.checkpoint.span-detail-level", Type: Enum, Default: "span_per_checkpoint", Words: []string{"span_per_checkpoint", "span_per_checkpoint_with_tasks", "children_spans_per_task", "children_spans_per_subtask"}, Text: "Whether they are told of tasks, too."},
	}},
	{"Money", []Key{
		{Name: "cost.prices", Type: Enum, Default: "aws-arm64", Words: []string{"aws-arm64", "aws-amd64", "azure"}, Text: "The list of prices by which it is said what jobs cost: list prices in US dollars, without discounts and what is free; see functions.md."},
		{Name: "cost.price.million-invocations", Type: Float, Text: "Another price of a million invocations; so are those below."},
		{Name: "cost.price.gb-second", Type: Float, Text: "A second of a function, for each GB of its memory."},
		{Name: "cost.price.million-puts", Type: Float, Text: "A million requests to storage that write, copy or list."},
		{Name: "cost.price.million-gets", Type: Float, Text: "A million requests to storage that read or look."},
		{Name: "cost.price.gb-written", Type: Float, Text: "A GB that goes to storage."},
		{Name: "cost.price.gb-read", Type: Float, Text: "A GB that comes from storage."},
		{Name: "cost.price.gb-month", Type: Float, Text: "A GB that lies in storage for a month."},
		{Name: "cost.price.core-hour", Type: Float, Text: "An hour of a worker's slot: a core, with its memory."},
		{Name: "cost.price.coordinator-hour", Type: Float, Text: "An hour of a process that coordinates functions."},
		{Name: "cost.function-memory", Type: Size, Default: "1769 mb", Least: 1, Text: "How much memory a function is billed for, where the platform does not say it."},
	}},
	{"The shell", []Key{
		{Name: "table.display.max-column-width", Type: Int, Default: "30", Least: 1, Older: []string{"sql-client.display.max-column-width"}, Text: "How wide a column of a result may be."},
	}},
}

// section is a part of the table under one heading.
type section struct {
	title string
	keys  []Key
}

const (
	maxParallelism = 1 << 15
	maxPort        = 1<<16 - 1
)

var (
	shuffles = []string{"NONE", "AUTO", "FORCE"}
	infinite = []string{"infinite"}
)
