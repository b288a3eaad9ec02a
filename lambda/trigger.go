package lambda

import (
	"net/url"
	"strings"
)

// Trigger asks for an epoch of jobs that are deployed. As an event it is the
// value of "trigger":
//
//	{"trigger": {"storage": "s3://bucket/checkpoints", "job": "bids", "reason": "timer"}}
type Trigger struct {
	// Storage is the URL of the checkpoint directory; "" means the function's own
	// 'execution.checkpointing.dir'.
	Storage string `json:"storage,omitempty"`
	// Job is the name of one; "" means all that are deployed there.
	Job    string `json:"job,omitempty"`
	Reason Reason `json:"reason,omitempty"`
	// Objects are what has come, for New.
	Objects []Object `json:"objects,omitempty"`
}

// Reason is why there is a trigger.
type Reason string

const (
	// Manual asks for an epoch. It is what an empty reason means.
	Manual Reason = "manual"
	// Timer says that time has passed: what is open is finished, and an epoch
	// begins when one of the job's own triggers is due.
	Timer Reason = "timer"
	// New says that objects have come. Jobs that do not read them ignore it.
	New Reason = "new"
	// Task is how the last task of a stage makes the epoch go on: what is open is
	// finished, and an epoch begins when one was asked for meanwhile.
	Task Reason = "task"
)

// Object is an object in storage, as platforms tell of it.
type Object struct {
	// Account is the storage account of Azure, "" with S3. Bucket is a container
	// there.
	Account string `json:"account,omitempty"`
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
}

// Below reports whether the object lies below a directory, by its URL: s3://,
// s3a:// and s3n://, or Azure's abfss://, abfs://, wasbs:// and wasb://.
func (o Object) Below(directory string) bool {
	u, err := url.Parse(directory)
	if err != nil {
		return false
	}
	switch u.Scheme {
	case "s3", "s3a", "s3n":
		if o.Account != "" || u.Host != o.Bucket {
			return false
		}
	case "abfss", "abfs", "wasbs", "wasb":
		account, _, _ := strings.Cut(u.Host, ".")
		if o.Account == "" || account != o.Account || u.User.Username() != o.Bucket {
			return false
		}
	case "azblob": // whose account is an option of the table
		if o.Account == "" || u.Host != o.Bucket {
			return false
		}
	default:
		return false
	}
	prefix := strings.Trim(u.Path, "/")
	return prefix == "" || o.Key == prefix || strings.HasPrefix(o.Key, prefix+"/")
}
