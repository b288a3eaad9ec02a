package lambda

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/wadi-engine/wadi/job"
)

// Notification is what an event says that no job has sent.
type Notification struct {
	// Trigger is what it asks for; nil means nothing.
	Trigger *Trigger
	// Reply is what its sender expects; nil means {}.
	Reply json.RawMessage
}

// envelope is every kind of event at once: what tells them apart, and no more.
type envelope struct {
	Trigger *Trigger `json:"trigger"`
	// S3 notifications, straight to a function; EventBridge tells in detail.
	Records []s3Record `json:"Records"`
	Event   string     `json:"Event"` // of a test of the notification
	Source  string     `json:"source"`
	Type    string     `json:"detail-type"`
	Detail  s3Entity   `json:"detail"`
	// Azure Functions, custom handler: the event is one of Data.
	Data     map[string]json.RawMessage `json:"Data"`
	Metadata json.RawMessage            `json:"Metadata"`
}

type s3Record struct {
	Source string   `json:"eventSource"`
	Name   string   `json:"eventName"`
	S3     s3Entity `json:"s3"`
}

type s3Entity struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key string `json:"key"`
	} `json:"object"`
}

// gridEvent is an event of Azure Event Grid, in its own form or as a CloudEvent.
type gridEvent struct {
	EventType string `json:"eventType"`
	Type      string `json:"type"`
	Data      struct {
		URL            string `json:"url"`
		ValidationCode string `json:"validationCode"`
	} `json:"data"`
}

// NotificationOf reads the events of platforms: a Trigger of our own; new objects,
// told by S3, EventBridge or Event Grid; the timer of Azure Functions. ok is false
// when the event is none of them.
func NotificationOf(event json.RawMessage) (n Notification, ok bool, err error) {
	if trimmed := bytes.TrimSpace(event); len(trimmed) > 0 && trimmed[0] == '[' {
		var all []gridEvent
		if err := json.Unmarshal(event, &all); err != nil {
			return n, true, fmt.Errorf("%w: read the event: %w", job.ErrInvalid, err)
		}
		n, err := grid(all)
		return n, true, err
	}
	var e envelope
	if err := json.Unmarshal(event, &e); err != nil {
		return n, false, fmt.Errorf("%w: read the event: %w", job.ErrInvalid, err)
	}
	switch {
	case e.Trigger != nil:
		return Notification{Trigger: e.Trigger}, true, nil
	case e.Records != nil:
		n, err := s3Told(e.Records)
		return n, true, err
	case e.Event == "s3:TestEvent":
		return n, true, nil
	case e.Source == "aws.s3":
		if e.Type == "Object Created" {
			n = told([]Object{{Bucket: e.Detail.Bucket.Name, Key: e.Detail.Object.Key}})
		}
		return n, true, nil
	case e.Data != nil && e.Metadata != nil:
		n, err := bound(e.Data)
		return n, true, err
	}
	var g gridEvent
	if err := json.Unmarshal(event, &g); err != nil || !strings.HasPrefix(g.EventType+g.Type, "Microsoft.") {
		return n, false, nil // of another shape
	}
	n, err = grid([]gridEvent{g})
	return n, true, err
}

// s3Told reads S3's records, whose keys are encoded as in a query.
func s3Told(records []s3Record) (n Notification, err error) {
	var all []Object
	for _, r := range records {
		if r.Source != "aws:s3" {
			return n, fmt.Errorf("%w: an event of %q: only those of S3 are known", job.ErrInvalid, r.Source)
		}
		if !strings.HasPrefix(r.Name, "ObjectCreated:") {
			continue
		}
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return n, fmt.Errorf("%w: the key %q of an event: %w", job.ErrInvalid, r.S3.Object.Key, err)
		}
		all = append(all, Object{Bucket: r.S3.Bucket.Name, Key: key})
	}
	return told(all), nil
}

func told(objects []Object) Notification {
	if len(objects) == 0 {
		return Notification{}
	}
	return Notification{Trigger: &Trigger{Reason: New, Objects: objects}}
}

// grid reads events of Event Grid, which asks first whether it may send them.
func grid(events []gridEvent) (n Notification, err error) {
	var all []Object
	for _, e := range events {
		switch e.EventType + e.Type {
		case "Microsoft.EventGrid.SubscriptionValidationEvent":
			n.Reply, err = encode(map[string]string{"validationResponse": e.Data.ValidationCode})
			return n, err
		case "Microsoft.Storage.BlobCreated":
			u, err := url.Parse(e.Data.URL)
			if err != nil {
				return n, fmt.Errorf("%w: the URL %q of an event: %w", job.ErrInvalid, e.Data.URL, err)
			}
			account, _, _ := strings.Cut(u.Host, ".")
			container, key, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
			all = append(all, Object{Account: account, Bucket: container, Key: key})
		}
	}
	return told(all), nil
}

// bound reads what Azure Functions hands to a custom handler for a binding: a
// timer, or events of Event Grid.
func bound(data map[string]json.RawMessage) (n Notification, err error) {
	n.Reply = json.RawMessage(`{"Outputs":{},"Logs":[],"ReturnValue":null}`)
	for _, d := range data {
		var timer struct {
			Status json.RawMessage `json:"ScheduleStatus"`
			Late   *bool           `json:"IsPastDue"`
		}
		if json.Unmarshal(d, &timer) == nil && (timer.Late != nil || timer.Status != nil) {
			n.Trigger = &Trigger{Reason: Timer}
			return n, nil
		}
		in, ok, err := NotificationOf(d)
		if err != nil || ok {
			n.Trigger = in.Trigger
			return n, err
		}
	}
	return n, nil
}
