package nats

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/connect/messages"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector offers streams as 'connector' = 'nats'.
func Connector() *ops.Connector {
	return &ops.Connector{
		Name: "nats", Options: append(options[:len(options):len(options)], messages.Options...), Projects: true,
		Resolve: func(_ context.Context, t job.Table) (job.Table, error) {
			_, err := parse(t)
			return t, err
		},
		Source: openSource, Sink: openSink, Beside: ops.Suffixed("subject"),
		Changes: func(t job.Table) bool { return format.WritesChanges(t.Options["format"]) },
	}
}

var options = []ops.Option{
	{Key: "servers", Help: "nats://host:4222, or several separated by commas."},
	{Key: "stream", Help: "The stream that is read."},
	{Key: "subject", Help: "The subject of the messages: of those that are read, which may have wildcards, or of those that are written."},
	{Key: "username", Help: "Who logs in."},
	{Key: "password", Secret: true, Help: "The password."},
	{Key: "token", Secret: true, Help: "A token, in place of them."},
	{Key: "credentials-file", Help: "A file with a JWT and its seed, in place of them."},
	{Key: "tls.ca", Help: "A file with the certificates of those who sign the server's."},
	{Key: "scan.startup.mode", Default: "earliest", Help: "Where to begin: earliest, latest, sequence or timestamp."},
	{Key: "scan.startup.sequence", Help: "The number of the first message."},
	{Key: "scan.startup.timestamp-millis", Help: "Milliseconds since 1970: the first message that is not older."},
	{Key: "scan.bounded.mode", Default: "unbounded", Help: "Where to end: unbounded, or latest, which is the last message when the job starts."},
}

// startup says where to begin.
type startup string

const (
	earliest    startup = "earliest"
	latest      startup = "latest"
	atSequence  startup = "sequence"
	atTimestamp startup = "timestamp"
)

// config is the options of a table, checked.
type config struct {
	messages.Table
	stream, subject string
	startup         startup
	number          int64 // of the startup: a sequence, or milliseconds
	bounded         bool
	connection      []nats.Option
	servers         string
}

func parse(t job.Table) (*config, error) {
	m, err := messages.Parse(t, options)
	if err != nil {
		return nil, err
	}
	c := &config{Table: m, stream: t.Options["stream"], subject: t.Options["subject"], servers: t.Options["servers"]}
	if err := c.parse(t.Options); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return c, nil
}

func (c *config) parse(o map[string]string) error {
	if c.servers == "" {
		return fmt.Errorf("%w: option 'servers' is missing, such as nats://localhost:4222", job.ErrInvalid)
	}
	if c.stream == "" && c.subject == "" {
		return fmt.Errorf("%w: option 'stream' is missing, of a table that is read, or 'subject', of one that is written", job.ErrInvalid)
	}
	number := ""
	switch c.startup = startup(o["scan.startup.mode"]); c.startup {
	case "":
		c.startup = earliest
	case earliest, latest:
	case atSequence:
		number = "scan.startup.sequence"
	case atTimestamp:
		number = "scan.startup.timestamp-millis"
	default:
		return fmt.Errorf("%w: option 'scan.startup.mode' = '%s': want earliest, latest, sequence or timestamp", job.ErrInvalid, c.startup)
	}
	if number != "" {
		var err error
		if c.number, err = strconv.ParseInt(o[number], 10, 64); err != nil || c.number < 0 {
			return fmt.Errorf("%w: option '%s' = '%s': want a number from 0", job.ErrInvalid, number, o[number])
		}
	}
	switch b := o["scan.bounded.mode"]; b {
	case "", "unbounded":
	case "latest":
		c.bounded = true
	default:
		return fmt.Errorf("%w: option 'scan.bounded.mode' = '%s': want unbounded or latest", job.ErrInvalid, b)
	}
	c.connection = []nats.Option{nats.Name("wadi"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second)}
	if o["username"] != "" {
		c.connection = append(c.connection, nats.UserInfo(o["username"], o["password"]))
	}
	if o["token"] != "" {
		c.connection = append(c.connection, nats.Token(o["token"]))
	}
	if o["credentials-file"] != "" {
		c.connection = append(c.connection, nats.UserCredentials(o["credentials-file"]))
	}
	if o["tls.ca"] != "" {
		c.connection = append(c.connection, nats.RootCAs(o["tls.ca"]))
	}
	return nil
}

// connect opens a connection.
func (c *config) connect(more ...jetstream.JetStreamOpt) (*nats.Conn, jetstream.JetStream, error) {
	conn, err := nats.Connect(c.servers, c.connection...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS for table %s: %w", c.Ident, err)
	}
	js, err := jetstream.New(conn, more...)
	if err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("connect to NATS for table %s: %w", c.Ident, err)
	}
	return conn, js, nil
}
