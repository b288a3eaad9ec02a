package lambda_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/wadi-engine/wadi/lambda"
)

// TestNotifications: what platforms send, cut to what matters.
func TestNotifications(t *testing.T) {
	object := func(o ...lambda.Object) *lambda.Trigger { return &lambda.Trigger{Reason: lambda.New, Objects: o} }
	const bound = `{"Outputs":{},"Logs":[],"ReturnValue":null}`
	for name, c := range map[string]struct {
		event, reply string
		trigger      *lambda.Trigger
	}{
		"ours": {
			`{"trigger":{"storage":"s3://b/c","job":"bids","reason":"timer"}}`, "",
			&lambda.Trigger{Storage: "s3://b/c", Job: "bids", Reason: lambda.Timer},
		},
		"S3": {
			`{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"in"},"object":{"key":"a+b/c%3D1.csv","size":3}}},
				{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"in"},"object":{"key":"old"}}}]}`, "",
			object(lambda.Object{Bucket: "in", Key: "a b/c=1.csv"}),
		},
		"S3 asks": {`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"in"}`, "", nil},
		"EventBridge": {
			`{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"in"},"object":{"key":"a/c=1.csv"}}}`, "",
			object(lambda.Object{Bucket: "in", Key: "a/c=1.csv"}),
		},
		"EventBridge tells of the end": {`{"detail-type":"Object Deleted","source":"aws.s3","detail":{"bucket":{"name":"in"},"object":{"key":"a"}}}`, "", nil},
		"Event Grid": {
			`[{"eventType":"Microsoft.Storage.BlobCreated","subject":"/blobServices/default/containers/in/blobs/a/b.csv","data":{"api":"PutBlob","url":"https://acc.blob.core.windows.net/in/a/b%20c.csv"}},
				{"eventType":"Microsoft.Storage.BlobDeleted","data":{"url":"https://acc.blob.core.windows.net/in/old"}}]`, "",
			object(lambda.Object{Account: "acc", Bucket: "in", Key: "a/b c.csv"}),
		},
		"Event Grid asks": {
			`[{"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d"}}]`,
			`{"validationResponse":"512d"}`, nil,
		},
		"CloudEvent": {
			`{"specversion":"1.0","type":"Microsoft.Storage.BlobCreated","source":"/subscriptions/1","data":{"url":"https://acc.dfs.core.windows.net/in/a.csv"}}`, "",
			object(lambda.Object{Account: "acc", Bucket: "in", Key: "a.csv"}),
		},
		"Azure's timer": {
			`{"Data":{"timer":{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":false}},"Metadata":{"sys":{"MethodName":"trigger"}}}`, bound,
			&lambda.Trigger{Reason: lambda.Timer},
		},
		"Azure's binding": {
			`{"Data":{"event":{"eventType":"Microsoft.Storage.BlobCreated","data":{"url":"https://acc.blob.core.windows.net/in/a.csv"}}},"Metadata":{}}`, bound,
			object(lambda.Object{Account: "acc", Bucket: "in", Key: "a.csv"}),
		},
	} {
		n, ok, err := lambda.NotificationOf(json.RawMessage(c.event))
		if err != nil || !ok || !reflect.DeepEqual(n.Trigger, c.trigger) || string(n.Reply) != c.reply {
			t.Errorf("%s: %+v, reply %s, %v, %v; want %+v, %s", name, n.Trigger, n.Reply, ok, err, c.trigger, c.reply)
		}
	}
	for _, event := range []string{`{"stage":{}}`, `{}`, `{"type":"order.created","data":{}}`} {
		if n, ok, err := lambda.NotificationOf(json.RawMessage(event)); ok || err != nil {
			t.Errorf("%s: %+v, %v", event, n, err)
		}
	}
	for _, event := range []string{`{"Records":[{"eventSource":"aws:sqs"}]}`, `[1]`, `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"object":{"key":"%zz"}}}]}`} {
		if _, _, err := lambda.NotificationOf(json.RawMessage(event)); err == nil {
			t.Errorf("%s is taken", event)
		}
	}
}

// TestBelow: an object belongs to a directory by its URL, however that is spelled.
func TestBelow(t *testing.T) {
	aws, azure := lambda.Object{Bucket: "in", Key: "a/b.csv"}, lambda.Object{Account: "acc", Bucket: "in", Key: "a/b.csv"}
	for _, c := range []struct {
		object    lambda.Object
		directory string
		want      bool
	}{
		{aws, "s3://in/a", true},
		{aws, "s3a://in/a/", true},
		{aws, "s3://in", true},
		{aws, "s3://in/a/b.csv", true},
		{aws, "s3://in/aa", false},
		{aws, "s3://other/a", false},
		{aws, "abfss://in@acc.dfs.core.windows.net/a", false},
		{azure, "abfss://in@acc.dfs.core.windows.net/a", true},
		{azure, "wasbs://in@acc.blob.core.windows.net/", true},
		{azure, "azblob://in/a", true},
		{azure, "abfss://in@acd.dfs.core.windows.net/a", false},
		{azure, "s3://in/a", false},
		{aws, "file:///in/a", false},
	} {
		if got := c.object.Below(c.directory); got != c.want {
			t.Errorf("%+v below %s: %v", c.object, c.directory, got)
		}
	}
}
