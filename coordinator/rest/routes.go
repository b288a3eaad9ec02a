package rest

import "net/http"

// route is a path of the API.
type route struct {
	method, path string
	may          may
	handle       func(*Server, *http.Request) (any, error)
}

const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
	put   = http.MethodPut
	del   = http.MethodDelete

	ofJob     = "/jobs/{jobid}"
	ofVertex  = ofJob + "/vertices/{vertexid}"
	ofSubtask = ofVertex + "/subtasks/{subtaskindex}"
)

// routes are all paths, in the order of Flink's documentation.
var routes = []route{
	{del, "/cluster", cancel, (*Server).shutdown},
	{get, "/overview", look, (*Server).overview},
	{get, "/config", look, (*Server).dashboard},
	{get, "/datasets", look, (*Server).dataSets},

	{get, "/jars", look, (*Server).listUploads},
	{post, "/jars/upload", submit, (*Server).upload},
	{del, "/jars/{jarid}", submit, (*Server).deleteUpload},
	{post, "/jars/{jarid}/plan", look, (*Server).planUpload},
	{get, "/jars/{jarid}/plan", look, (*Server).planUpload},
	{post, "/jars/{jarid}/run", submit, (*Server).runUpload},

	{get, "/jobmanager/config", look, (*Server).clusterConfig},
	{get, "/jobmanager/environment", look, (*Server).environment},
	{get, "/jobmanager/logs", look, (*Server).logFiles},
	{get, "/jobmanager/logs/{file}", look, (*Server).logFile},
	{get, "/jobmanager/log", look, (*Server).log},
	{get, "/jobmanager/stdout", look, (*Server).stdout},
	{get, "/jobmanager/metrics", look, (*Server).clusterMetrics},
	{get, "/jobmanager/thread-dump", look, (*Server).threadDump},

	{get, "/jobs", look, (*Server).jobIDs},
	{get, "/jobs/overview", look, (*Server).jobsOverview},
	{get, "/jobs/metrics", look, (*Server).jobsMetrics},
	{get, ofJob, look, (*Server).jobDetails},
	{patch, ofJob, cancel, (*Server).terminate},
	{get, ofJob + "/status", look, (*Server).jobStatus},
	{get, ofJob + "/plan", look, (*Server).jobPlan},
	{get, ofJob + "/config", look, (*Server).jobConfig},
	{get, ofJob + "/exceptions", look, (*Server).exceptions},
	{get, ofJob + "/accumulators", look, (*Server).accumulators},
	{get, ofJob + "/execution-result", look, (*Server).executionResult},
	{get, ofJob + "/metrics", look, (*Server).jobMetrics},
	{get, ofJob + "/resource-requirements", look, (*Server).requirements},
	{put, ofJob + "/resource-requirements", change, (*Server).require},
	{patch, ofJob + "/clientHeartbeat", look, (*Server).heartbeat},
	{get, ofJob + "/jobmanager/config", look, (*Server).jobClusterConfig},
	{get, ofJob + "/jobmanager/environment", look, (*Server).jobEnvironment},
	{get, ofJob + "/jobmanager/log-url", look, (*Server).jobLogURL},
	{get, ofJob + "/taskmanagers/{taskmanagerid}/log-url", look, (*Server).workerLogURL},
	{post, ofJob + "/stop", cancel, (*Server).stop},
	{post, ofJob + "/savepoints", change, (*Server).savepoint},
	{get, ofJob + "/savepoints/{triggerid}", look, (*Server).savepointStatus},
	{post, "/savepoint-disposal", change, (*Server).dispose},
	{get, "/savepoint-disposal/{triggerid}", look, (*Server).disposalStatus},

	{get, ofJob + "/checkpoints", look, (*Server).checkpoints},
	{post, ofJob + "/checkpoints", change, (*Server).takeCheckpoint},
	{get, ofJob + "/checkpoints/{triggerid}", look, (*Server).checkpointStatus},
	{get, ofJob + "/checkpoints/config", look, (*Server).checkpointConfig},
	{get, ofJob + "/checkpoints/details/{checkpointid}", look, (*Server).checkpoint},
	{get, ofJob + "/checkpoints/details/{checkpointid}/subtasks/{vertexid}", look, (*Server).checkpointTasks},

	{get, ofVertex, look, (*Server).vertexDetails},
	{get, ofVertex + "/accumulators", look, (*Server).vertexAccumulators},
	{get, ofVertex + "/backpressure", look, (*Server).backpressure},
	{get, ofVertex + "/flamegraph", look, (*Server).flamegraph},
	{get, ofVertex + "/jm-operator-metrics", look, (*Server).coordinatorMetrics},
	{get, ofVertex + "/metrics", look, (*Server).vertexMetrics},
	{get, ofVertex + "/subtasks/accumulators", look, (*Server).subtasksAccumulators},
	{get, ofVertex + "/subtasks/metrics", look, (*Server).subtasksMetrics},
	{get, ofVertex + "/subtasktimes", look, (*Server).subtaskTimes},
	{get, ofVertex + "/taskmanagers", look, (*Server).vertexWorkers},
	{get, ofVertex + "/watermarks", look, (*Server).watermarks},
	{get, ofSubtask, look, (*Server).subtask},
	{get, ofSubtask + "/attempts/{attempt}", look, (*Server).attempt},
	{get, ofSubtask + "/attempts/{attempt}/accumulators", look, (*Server).attemptAccumulators},
	{get, ofSubtask + "/metrics", look, (*Server).subtaskMetrics},

	{get, "/taskmanagers", look, (*Server).workers},
	{get, "/taskmanagers/metrics", look, (*Server).workersMetrics},
	{get, "/taskmanagers/{taskmanagerid}", look, (*Server).worker},
	{get, "/taskmanagers/{taskmanagerid}/logs", look, (*Server).logFiles},
	{get, "/taskmanagers/{taskmanagerid}/logs/{file}", look, (*Server).logFile},
	{get, "/taskmanagers/{taskmanagerid}/log", look, (*Server).log},
	{get, "/taskmanagers/{taskmanagerid}/stdout", look, (*Server).stdout},
	{get, "/taskmanagers/{taskmanagerid}/metrics", look, (*Server).workerMetrics},
	{get, "/taskmanagers/{taskmanagerid}/thread-dump", look, (*Server).threadDump},

	{get, "/metrics", look, (*Server).prometheus},

	{post, "/api/sql", submit, (*Server).sql},
	{get, "/api" + ofJob + "/stuck", look, (*Server).stuck},
	{get, "/api" + ofJob + "/cost", look, (*Server).cost},
	{post, "/api" + ofJob + "/fork", submit, (*Server).fork},
	{get, "/api" + ofJob + "/gear", look, (*Server).gear},
	{post, "/api" + ofJob + "/gear", change, (*Server).changeGear},
	{get, "/api/stored", look, (*Server).stored},
	{del, "/api/stored/{jobid}", cancel, (*Server).removeStored},
	{get, "/api/logs", look, (*Server).logLines},
	{get, "/api/log/level", look, (*Server).logLevels},
	{put, "/api/log/level", change, (*Server).setLogLevel},
	{get, "/api/profiles/{kind}", look, (*Server).profile},
	{get, "/api/events", look, (*Server).stream},
}
