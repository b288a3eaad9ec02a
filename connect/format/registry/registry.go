// Package registry asks a schema registry of Confluent's kind which schema a message is
// written with.
package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Options are those that a format with a registry has, behind its name.
func Options(format string) []ops.Option {
	return []ops.Option{
		{Key: format + ".url", Help: "Where the schema registry is; several addresses are separated by commas."},
		{Key: format + ".subject", Help: "Under which subject schemas are registered; <topic>-value or <topic>-key if it is not said."},
		{Key: format + ".schema", Help: "The schema that is written, in place of the one that follows from the table."},
		{Key: format + ".basic-auth.credentials-source", Default: "USER_INFO", Help: "USER_INFO, or URL: the name and password are in the url."},
		{Key: format + ".basic-auth.user-info", Help: "name:password.", Secret: true},
		{Key: format + ".bearer-auth.credentials-source", Default: "STATIC_TOKEN", Help: "Only STATIC_TOKEN."},
		{Key: format + ".bearer-auth.token", Help: "A token.", Secret: true},
		{Key: format + ".ssl.truststore.location", Help: "A file with certificates in PEM."},
		{Key: format + ".ssl.keystore.location", Help: "A file with the client's certificate and its key in PEM."},
	}
}

// patience is how long a registry that does not answer is asked again.
const patience = 30 * time.Second

// Registry is a client. It may be used by several goroutines.
type Registry struct {
	client   *sr.Client
	address  string
	patience time.Duration
}

// New reads the options of a format.
func New(format string, options map[string]string) (*Registry, error) {
	address := options[format+".url"]
	if address == "" {
		return nil, fmt.Errorf("%w: option '%s.url' is missing: where the schema registry is, such as http://localhost:8081", job.ErrInvalid, format)
	}
	var urls []string
	for text := range strings.SplitSeq(address, ",") {
		text = strings.TrimSpace(text)
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("%w: option '%s.url': want an address that begins with http:// or https://", job.ErrInvalid, format)
		}
		urls = append(urls, text)
	}
	opts := []sr.ClientOpt{sr.URLs(urls...), sr.UserAgent("wadi")}
	who, err := credentials(format, options, urls[0])
	if err != nil {
		return nil, err
	}
	secure, err := secured(format, options)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = secure
	opts = append(append(opts, who...), sr.HTTPClient(&http.Client{Timeout: 10 * time.Second, Transport: transport}))
	client, err := sr.NewClient(opts...)
	return &Registry{client: client, address: redacted(urls[0]), patience: patience}, err
}

func redacted(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

func credentials(format string, o map[string]string, address string) ([]sr.ClientOpt, error) {
	user, token := o[format+".basic-auth.user-info"], o[format+".bearer-auth.token"]
	switch source := o[format+".basic-auth.credentials-source"]; source {
	case "", "USER_INFO":
	case "URL":
		u, err := url.Parse(address)
		if err == nil && u.User != nil {
			password, _ := u.User.Password()
			user = u.User.Username() + ":" + password
		}
	default:
		return nil, fmt.Errorf("%w: option '%s.basic-auth.credentials-source' = '%s': want USER_INFO or URL", job.ErrInvalid, format, source)
	}
	if source := o[format+".bearer-auth.credentials-source"]; source != "" && source != "STATIC_TOKEN" {
		return nil, fmt.Errorf("%w: option '%s.bearer-auth.credentials-source' = '%s': want STATIC_TOKEN", job.ErrInvalid, format, source)
	}
	switch {
	case user != "" && token != "":
		return nil, fmt.Errorf("%w: '%s' has both a user and a token: keep one", job.ErrInvalid, format)
	case token != "":
		return []sr.ClientOpt{sr.BearerToken(token)}, nil
	case user != "":
		name, password, ok := strings.Cut(user, ":")
		if !ok {
			return nil, fmt.Errorf("%w: option '%s.basic-auth.user-info': want name:password", job.ErrInvalid, format)
		}
		return []sr.ClientOpt{sr.BasicAuth(name, password)}, nil
	}
	return nil, nil
}

func secured(format string, o map[string]string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if path := o[format+".ssl.truststore.location"]; path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%w: option '%s.ssl.truststore.location': %w", job.ErrInvalid, format, err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: option '%s.ssl.truststore.location': %s holds no certificate in PEM; keytool and openssl convert others", job.ErrInvalid, format, path)
		}
	}
	if path := o[format+".ssl.keystore.location"]; path != "" {
		pair, err := tls.LoadX509KeyPair(path, path)
		if err != nil {
			return nil, fmt.Errorf("%w: option '%s.ssl.keystore.location': want a certificate and its key in PEM: %w", job.ErrInvalid, format, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// ErrUnknown says that the registry does not know a schema.
var ErrUnknown = errors.New("the schema registry does not know it")

// Schema is the schema with an id, and those that it refers to, before those that refer
// to them, by the names that they have there.
func (r *Registry) Schema(ctx context.Context, id int) (sr.Schema, []Reference, error) {
	s, err := ask(ctx, r, func() (sr.Schema, error) { return r.client.SchemaByID(ctx, id) })
	if err != nil {
		return s, nil, fmt.Errorf("schema %d: %w", id, err)
	}
	var refs []Reference
	if err := r.references(ctx, s, map[string]bool{}, &refs); err != nil {
		return s, nil, fmt.Errorf("schema %d: %w", id, err)
	}
	return s, refs, nil
}

// Reference is a schema that another one refers to.
type Reference struct{ Name, Schema string }

func (r *Registry) references(ctx context.Context, s sr.Schema, seen map[string]bool, all *[]Reference) error {
	for _, ref := range s.References {
		if seen[ref.Name] {
			continue
		}
		seen[ref.Name] = true
		v, err := ask(ctx, r, func() (sr.SubjectSchema, error) { return r.client.SchemaByVersion(ctx, ref.Subject, ref.Version) })
		if err != nil {
			return fmt.Errorf("reference %s: %w", ref.Name, err)
		}
		if err := r.references(ctx, v.Schema, seen, all); err != nil {
			return err
		}
		*all = append(*all, Reference{ref.Name, v.Schema.Schema})
	}
	return nil
}

// Register gives the id of a schema, which the subject has then.
func (r *Registry) Register(ctx context.Context, subject string, s sr.Schema) (int, error) {
	v, err := ask(ctx, r, func() (int, error) { return r.client.RegisterSchema(ctx, subject, s, -1, -1) })
	if err != nil {
		return 0, fmt.Errorf("register the schema of subject %s: %w", subject, err)
	}
	return v, nil
}

// ask tries again what may pass.
func ask[T any](ctx context.Context, r *Registry, f func() (T, error)) (T, error) {
	tries := 0
	v, err := backoff.Retry(ctx, func() (T, error) {
		tries++
		v, err := f()
		var refused *sr.ResponseError
		if errors.As(err, &refused) {
			switch code := refused.StatusCode; {
			case code == http.StatusNotFound:
				err = backoff.Permanent(ErrUnknown)
			case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
				err = backoff.Permanent(fmt.Errorf("%w: the schema registry refuses: %w", job.ErrInvalid, err))
			}
		}
		return v, err
	}, backoff.WithMaxElapsedTime(r.patience))
	if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, job.ErrInvalid) {
		err = fmt.Errorf("the schema registry at %s does not answer, asked %d times: %w", r.address, tries, err)
	}
	return v, err
}

// header is how long the head of a message is: a zero, and the schema's id.
const header = 5

// Header takes the id of its schema off a message.
func Header(message []byte) (id int, rest []byte, err error) {
	if len(message) < header || message[0] != 0 {
		return 0, nil, errors.New("the message does not begin with a zero and the id of a schema, as those of a schema registry do")
	}
	return int(binary.BigEndian.Uint32(message[1:header])), message[header:], nil
}

// AppendHeader appends the head of a message.
func AppendHeader(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}
