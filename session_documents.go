package wadi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// submittedJob is a job in storage.
type submittedJob struct {
	ID        job.ID            `json:"id"`
	Name      string            `json:"name"`
	Graph     *job.Graph        `json:"graph,omitempty"`
	Sealed    []byte            `json:"sealed,omitempty"` // the graph, instead
	Bounded   bool              `json:"bounded"`
	Config    map[string]string `json:"config"`
	Restore   Restore           `json:"restore"`
	Submitted stream.Timestamp  `json:"submitted"`
	// Gear is in which it was last; Config has the one that was asked for.
	Gear job.Gear `json:"gear,omitempty"`
}

func jobFile(id job.ID) string { return "jobs/" + string(id) }

// documents writes and reads jobs in storage. A graph has what the options of its
// tables say, secrets too: it is sealed with the secret of the cluster, if there
// is one.
//
//	sealed = nonce (12 bytes) | AES-256-GCM of the graph's JSON, for the job's id
type documents struct{ seal cipher.AEAD } // nil without a secret

// newDocuments derives the key from the secret of the cluster.
func newDocuments(secret string) (documents, error) {
	if secret == "" {
		return documents{}, nil
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "wadi: the graphs of jobs in storage, 1", 32)
	if err != nil {
		return documents{}, fmt.Errorf("derive the key of documents: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return documents{}, fmt.Errorf("derive the key of documents: %w", err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return documents{}, fmt.Errorf("derive the key of documents: %w", err)
	}
	return documents{seal}, nil
}

func (c documents) encode(d submittedJob) ([]byte, error) {
	d.Sealed = nil
	if c.seal != nil {
		graph, err := json.Marshal(d.Graph)
		if err != nil {
			return nil, fmt.Errorf("encode the graph: %w", err)
		}
		if d.Sealed, err = c.close(graph, string(d.ID)); err != nil {
			return nil, fmt.Errorf("seal the graph: %w", err)
		}
		d.Graph = nil
	}
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode the job: %w", err)
	}
	return data, nil
}

func (c documents) decode(data []byte) (d submittedJob, err error) {
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("%w: read the job: %w", job.ErrInvalid, err)
	}
	if d.Sealed != nil {
		graph, err := c.open(d.Sealed, string(d.ID))
		if err != nil {
			return d, fmt.Errorf("the job: %w", err)
		}
		if err := json.Unmarshal(graph, &d.Graph); err != nil {
			return d, fmt.Errorf("%w: read the graph: %w", job.ErrInvalid, err)
		}
	}
	if d.Graph == nil {
		return d, fmt.Errorf("%w: read the job: %w", job.ErrInvalid, errors.New("it has no graph"))
	}
	return d, nil
}

// close seals data under a name.
func (c documents) close(data []byte, name string) ([]byte, error) {
	nonce := make([]byte, c.seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return c.seal.Seal(nonce, nonce, data, []byte(name)), nil
}

// open is the reverse of close.
func (c documents) open(sealed []byte, name string) ([]byte, error) {
	if c.seal == nil || len(sealed) < c.seal.NonceSize() {
		return nil, fmt.Errorf("%w: it is sealed with a '%s', which is not set", job.ErrInvalid, keySecret)
	}
	n := c.seal.NonceSize()
	data, err := c.seal.Open(nil, sealed[:n], sealed[n:], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("%w: it is sealed with another '%s', or damaged", job.ErrInvalid, keySecret)
	}
	return data, nil
}

// exposes reports whether a document of this graph shows secrets.
func (c documents) exposes(g *job.Graph) bool {
	if c.seal != nil {
		return false
	}
	for _, v := range g.Vertices {
		var config any
		if json.Unmarshal(v.Config, &config) == nil && hasSecret("", config) {
			return true
		}
	}
	return false
}

// hasSecret reports whether a value, which stands under a key, is or has a secret.
func hasSecret(key string, v any) bool {
	switch v := v.(type) {
	case string:
		return v != "" && mask.Value(key, v) != v
	case map[string]any:
		for k, e := range v {
			if hasSecret(k, e) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if hasSecret(key, e) {
				return true
			}
		}
	}
	return false
}
