package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
)

// properties are those of a Kafka client, by the names that Kafka has for them.
type properties map[string]string

// prefix is that of the options which are properties.
const prefix = "properties."

func propertiesOf(options map[string]string) properties {
	p := properties{}
	for k, v := range options {
		if name, ok := strings.CutPrefix(k, prefix); ok {
			p[name] = strings.TrimSpace(v)
		}
	}
	return p
}

// meaningless are properties that say how a Java client does what this one does by
// itself.
var meaningless = []string{
	"acks", "retries", "enable.idempotence", "max.in.flight.requests.per.connection", "buffer.memory", "key.serializer", "value.serializer", "enable.auto.commit", "auto.commit.interval.ms", "key.deserializer", "value.deserializer",
	"partition.discovery.interval.ms", "max.poll.records", "max.poll.interval.ms", "session.timeout.ms", "heartbeat.interval.ms",
	"ssl.endpoint.identification.algorithm", "sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "ssl.protocol", "ssl.enabled.protocols",
}

// leadership is how soon brokers are asked again who leads a partition: as soon as
// Java's clients do, so that a change of leaders does not hold up a checkpoint for
// seconds. unknownTries is how often they may not know a topic then, as one that
// starts: for as long as the client tries by itself when it asks less often.
const (
	leadership   = 250 * time.Millisecond
	unknownTries = 80
)

// settings are the properties with a meaning here.
var settings = map[string]func(v string) ([]kgo.Opt, error){
	"bootstrap.servers": func(v string) ([]kgo.Opt, error) {
		return []kgo.Opt{kgo.SeedBrokers(strings.Split(strings.ReplaceAll(v, " ", ""), ",")...)}, nil
	},
	"client.id":                 func(v string) ([]kgo.Opt, error) { return []kgo.Opt{kgo.ClientID(v)}, nil },
	"client.rack":               func(v string) ([]kgo.Opt, error) { return []kgo.Opt{kgo.Rack(v)}, nil },
	"fetch.min.bytes":           number(func(n int32) kgo.Opt { return kgo.FetchMinBytes(n) }),
	"fetch.max.bytes":           number(func(n int32) kgo.Opt { return kgo.FetchMaxBytes(n) }),
	"max.partition.fetch.bytes": number(func(n int32) kgo.Opt { return kgo.FetchMaxPartitionBytes(n) }),
	"fetch.max.wait.ms":         millis(kgo.FetchMaxWait),
	"metadata.max.age.ms": func(v string) ([]kgo.Opt, error) {
		d, err := time.ParseDuration(v + "ms")
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("want milliseconds")
		}
		return []kgo.Opt{kgo.MetadataMaxAge(d), kgo.MetadataMinAge(min(d, leadership))}, nil
	},
	"connections.max.idle.ms": millis(func(d time.Duration) kgo.Opt { return kgo.ConnIdleTimeout(d) }),
	"request.timeout.ms":      millis(func(d time.Duration) kgo.Opt { return kgo.RequestTimeoutOverhead(d) }),
	"linger.ms":               millis(func(d time.Duration) kgo.Opt { return kgo.ProducerLinger(d) }),
	"batch.size":              number(func(n int32) kgo.Opt { return kgo.ProducerBatchMaxBytes(max(n, 1<<10)) }),
	"max.request.size":        number(func(n int32) kgo.Opt { return kgo.BrokerMaxWriteBytes(max(n, 1<<20)) }),
	"delivery.timeout.ms":     millis(func(d time.Duration) kgo.Opt { return kgo.RecordDeliveryTimeout(d) }),
	"compression.type": func(v string) ([]kgo.Opt, error) {
		codec, ok := map[string]kgo.CompressionCodec{
			"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		}[v]
		if !ok {
			return nil, fmt.Errorf("want none, gzip, snappy, lz4 or zstd")
		}
		return []kgo.Opt{kgo.ProducerBatchCompression(codec)}, nil
	},
	"isolation.level": func(v string) ([]kgo.Opt, error) {
		switch v {
		case "read_committed":
			return nil, nil // as it is
		case "read_uncommitted":
			return []kgo.Opt{kgo.FetchIsolationLevel(kgo.ReadUncommitted())}, nil
		}
		return nil, fmt.Errorf("want read_committed or read_uncommitted")
	},
}

func number(opt func(int32) kgo.Opt) func(string) ([]kgo.Opt, error) {
	return func(v string) ([]kgo.Opt, error) {
		n, err := strconv.ParseInt(v, 10, 32)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("want a whole number")
		}
		return []kgo.Opt{opt(int32(n))}, nil
	}
}

func millis[O kgo.Opt](opt func(time.Duration) O) func(string) ([]kgo.Opt, error) {
	return func(v string) ([]kgo.Opt, error) {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("want milliseconds")
		}
		return []kgo.Opt{opt(time.Duration(n) * time.Millisecond)}, nil
	}
}

// together are properties of which several say one thing: where to begin, and how
// the client shows who it is.
var together = []string{
	"group.id", "auto.offset.reset", "commit.offsets.on.checkpoint", "transaction.timeout.ms", "security.protocol", "sasl.mechanism", "sasl.jaas.config", "ssl.truststore.location", "ssl.truststore.type",
	"ssl.truststore.certificates", "ssl.keystore.location", "ssl.keystore.type", "ssl.keystore.certificate.chain", "ssl.keystore.key",
	tokenEndpoint, clientID, clientSecret, scope,
}

// client gives the options of a client with these properties.
func (p properties) client() ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.ClientID("wadi"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequestRetries(8), kgo.RetryTimeout(30 * time.Second)}
	if p["bootstrap.servers"] == "" {
		return nil, fmt.Errorf("%w: option 'properties.bootstrap.servers' is missing: host:port of a broker, or several separated by commas", job.ErrInvalid)
	}
	for _, key := range slices.Sorted(maps.Keys(p)) {
		set, ok := settings[key]
		switch {
		case ok:
			more, err := set(p[key])
			if err != nil {
				return nil, fmt.Errorf("%w: option '%s%s' = '%s': %w", job.ErrInvalid, prefix, key, p[key], err)
			}
			opts = append(opts, more...)
		case !slices.Contains(meaningless, key) && !slices.Contains(together, key):
			known := slices.Concat(slices.Sorted(maps.Keys(settings)), together)
			return nil, fmt.Errorf("%w: option '%s%s': this client has no such property%s", job.ErrInvalid, prefix, key, nearest.Hint(key, known, "'"))
		}
	}
	more, err := p.security()
	return append(opts, more...), err
}

// security is how the client connects and shows who it is.
func (p properties) security() (opts []kgo.Opt, err error) {
	protocol := strings.ToUpper(p["security.protocol"])
	switch protocol {
	case "", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL":
	default:
		return nil, fmt.Errorf("%w: option 'properties.security.protocol' = '%s': want PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", job.ErrInvalid, protocol)
	}
	if strings.HasSuffix(protocol, "SSL") {
		c, err := p.tls()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.DialTLSConfig(c))
	}
	if strings.HasPrefix(protocol, "SASL") {
		m, err := p.sasl()
		if err != nil {
			return nil, err
		}
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

// jaasField reads username="…" and password="…".
var jaasField = regexp.MustCompile(`(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"`)

func (p properties) sasl() (sasl.Mechanism, error) {
	fields := map[string]string{}
	for _, m := range jaasField.FindAllStringSubmatch(p["sasl.jaas.config"], -1) {
		fields[m[1]] = strings.ReplaceAll(m[2], `\`, "")
	}
	mechanism := strings.ToUpper(p["sasl.mechanism"])
	if mechanism == "OAUTHBEARER" {
		return p.oauthbearer(fields)
	}
	user, password := fields["username"], fields["password"]
	if user == "" {
		return nil, fmt.Errorf(`%w: option 'properties.sasl.jaas.config' holds no username="…" password="…"`, job.ErrInvalid)
	}
	switch mechanism {
	case "", "PLAIN":
		return plain.Auth{User: user, Pass: password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: user, Pass: password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: user, Pass: password}.AsSha512Mechanism(), nil
	default:
		return nil, fmt.Errorf("%w: option 'properties.sasl.mechanism' = '%s': want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", job.ErrInvalid, mechanism)
	}
}

// tls reads certificates in PEM, from files or from the properties themselves.
func (p properties) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, store := range []string{"truststore", "keystore"} {
		if t := p["ssl."+store+".type"]; t != "" && !strings.EqualFold(t, "PEM") {
			return nil, fmt.Errorf("%w: option 'properties.ssl.%s.type' = '%s': only PEM can be read here; keytool and openssl convert the others", job.ErrInvalid, store, t)
		}
	}
	trusted, err := p.pem("ssl.truststore.certificates", "ssl.truststore.location")
	if err != nil {
		return nil, err
	}
	if trusted != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, fmt.Errorf("%w: the truststore holds no certificate in PEM", job.ErrInvalid)
		}
	}
	chain, err := p.pem("ssl.keystore.certificate.chain", "ssl.keystore.location")
	if err != nil || chain == nil {
		return c, err
	}
	key := []byte(p["ssl.keystore.key"])
	if len(key) == 0 {
		key = chain // one file may hold both
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%w: the keystore: %w", job.ErrInvalid, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func (p properties) pem(inline, location string) ([]byte, error) {
	if text := p[inline]; text != "" {
		return []byte(text), nil
	}
	if p[location] == "" {
		return nil, nil
	}
	b, err := os.ReadFile(p[location])
	if err != nil {
		return nil, fmt.Errorf("%w: option '%s%s': %w", job.ErrInvalid, prefix, location, err)
	}
	return b, nil
}
