package http

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/connect/messages"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector offers requests as 'connector' = 'http'.
func Connector() *ops.Connector {
	durable := &beside.Durable{}
	return &ops.Connector{
		Name: "http", Options: append(options[:len(options):len(options)], messages.Options...), Projects: true,
		Resolve: func(_ context.Context, t job.Table) (job.Table, error) {
			_, err := parse(t)
			return t, err
		},
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) { return openSource(s, durable) },
		Sink:   openSink,
		Again: func(t job.Table, _ string) (job.Table, error) {
			return t, fmt.Errorf("%w: table %s takes requests at %s, and only one job can", job.ErrInvalid, t.Ident, t.Options["listen"])
		},
		Changes: func(t job.Table) bool { return format.WritesChanges(t.Options["format"]) },
	}
}

var options = []ops.Option{
	{Key: "listen", Help: "host:port to listen on, of a table that is read."},
	{Key: "path", Default: "/", Help: "The path of requests that are taken."},
	{Key: "token", Secret: true, Help: "What requests must have in the header Authorization, behind Bearer."},
	{Key: "tls.cert", Help: "A file with the certificate of the server, for HTTPS."},
	{Key: "tls.key", Help: "A file with its key."},
	{Key: "source.max-requests", Default: "1000", Help: "How many requests may wait for being read; others are refused with 429."},
	{Key: "source.max-body", Default: "8 mb", Help: "How large a body may be."},
	{Key: "source.acknowledge", Default: "durable", Help: "When a request is answered: durable, when a checkpoint holds it, or received."},
	{Key: "url", Help: "Where requests are sent, of a table that is written."},
	{Key: "method", Default: "POST", Help: "POST, PUT or PATCH."},
	{Key: "header.#", Secret: true, Help: "A header of the requests."},
	{Key: "sink.body", Default: "lines", Help: "How a body holds rows: lines, or array."},
	{Key: "sink.batch-rows", Default: "500", Help: "How many rows are in a request at the most."},
	{Key: "sink.max-retries", Default: "10", Help: "How often a request is sent again."},
	{Key: "sink.request-timeout", Default: "30 s", Help: "How long to wait for an answer."},
}

const headerPrefix = "header."

// config is the options of a table, checked.
type config struct {
	messages.Table
	listen, path string
	token        string
	cert, key    string
	waiting      int
	body         int64
	received     bool // is answered

	url     string
	method  string
	headers map[string]string
	array   bool
	rows    int
	retries int
	timeout time.Duration
}

func parse(t job.Table) (*config, error) {
	c := &config{headers: map[string]string{}}
	own := options
	for k, v := range t.Options {
		if name, ok := strings.CutPrefix(k, headerPrefix); ok && name != "" {
			c.headers[name] = v
			own = append(own[:len(own):len(own)], ops.Option{Key: k})
		}
	}
	var err error
	if c.Table, err = messages.Parse(t, own); err != nil {
		return nil, err
	}
	if err := c.parse(t.Options); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return c, nil
}

func (c *config) parse(o map[string]string) error {
	bad := func(key, want string) error {
		return fmt.Errorf("%w: option '%s' = '%s': want %s", job.ErrInvalid, key, o[key], want)
	}
	get := func(key, otherwise string) string {
		if o[key] != "" {
			return o[key]
		}
		return otherwise
	}
	if c.listen, c.url = o["listen"], o["url"]; c.listen == "" && c.url == "" {
		return fmt.Errorf("%w: option 'listen' is missing, of a table that is read, or 'url', of one that is written", job.ErrInvalid)
	}
	if _, _, err := net.SplitHostPort(c.listen); c.listen != "" && err != nil {
		return bad("listen", "host:port, such as :8080")
	}
	if u, err := url.Parse(c.url); c.url != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return bad("url", "http://… or https://…")
	}
	if c.path = get("path", "/"); !strings.HasPrefix(c.path, "/") {
		return bad("path", "a path that begins with /")
	}
	c.token, c.cert, c.key = o["token"], o["tls.cert"], o["tls.key"]
	if (c.cert == "") != (c.key == "") {
		return fmt.Errorf("%w: 'tls.cert' and 'tls.key' are given together", job.ErrInvalid)
	}
	switch c.method = strings.ToUpper(get("method", "POST")); c.method {
	case "POST", "PUT", "PATCH":
	default:
		return bad("method", "POST, PUT or PATCH")
	}
	switch get("source.acknowledge", "durable") {
	case "durable":
	case "received":
		c.received = true
	default:
		return bad("source.acknowledge", "durable or received")
	}
	switch get("sink.body", "lines") {
	case "lines":
	case "array":
		c.array = true
	default:
		return bad("sink.body", "lines or array")
	}
	for _, n := range []struct {
		key, otherwise string
		least          int
		to             *int
	}{{"source.max-requests", "1000", 1, &c.waiting}, {"sink.batch-rows", "500", 1, &c.rows}, {"sink.max-retries", "10", 0, &c.retries}} {
		v, err := strconv.Atoi(get(n.key, n.otherwise))
		if err != nil || v < n.least {
			return bad(n.key, fmt.Sprintf("a number from %d", n.least))
		}
		*n.to = v
	}
	var err error
	if c.body, err = units.ParseSize(get("source.max-body", "8 mb")); err != nil {
		return fmt.Errorf("option 'source.max-body': %w", err)
	}
	if c.timeout, err = units.ParseDuration(get("sink.request-timeout", "30 s")); err != nil {
		return fmt.Errorf("option 'sink.request-timeout': %w", err)
	}
	return nil
}
