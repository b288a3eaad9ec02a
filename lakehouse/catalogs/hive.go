package catalogs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync"

	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/catalog/hive"
	"github.com/apache/thrift/lib/go/thrift"
	"github.com/beltran/gohive"
	hms "github.com/beltran/gohive/hive_metastore"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
)

// openHive connects to a Hive Metastore over Thrift, without SASL. 'uri' is
// 'thrift://host:9083', or several, of which the first that answers is used.
func openHive(ctx context.Context, _ string, props map[string]string) (icecatalog.Catalog, error) {
	var addresses []address
	for uri := range strings.SplitSeq(props["uri"], ",") {
		u, err := url.Parse(strings.TrimSpace(uri))
		if err != nil || u.Scheme != "thrift" || u.Hostname() == "" {
			return nil, fmt.Errorf("%w: option 'uri' is %q; want 'thrift://host:9083'", job.ErrInvalid, objstore.Redact(props["uri"]))
		}
		port := 9083
		if u.Port() != "" {
			if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
				return nil, fmt.Errorf("%w: option 'uri' is %q: %q is no port", job.ErrInvalid, objstore.Redact(props["uri"]), u.Port())
			}
		}
		addresses = append(addresses, address{host: u.Hostname(), port: port})
	}
	m := &metastore{addresses: addresses}
	if _, err := m.GetAllDatabases(ctx); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	own := maps.Clone(props)
	if own["lock-check-retries"] == "" {
		own["lock-check-retries"] = "20" // others hold the lock while they write metadata
	}
	return hive.NewCatalogWithClient(m, own), nil
}

type address struct {
	host string
	port int
}

// metastore is a connection that several goroutines may use, and that is made
// anew after it broke. A call whose reply was lost is not repeated.
type metastore struct {
	addresses []address

	mu   sync.Mutex
	conn *gohive.HiveMetastoreClient
}

var _ hive.HiveClient = (*metastore)(nil)

func (m *metastore) connect() error {
	if m.conn != nil {
		return nil
	}
	var errs []error
	for _, a := range m.addresses {
		config := gohive.NewMetastoreConnectConfiguration()
		config.TransportMode = "binary"
		conn, err := gohive.ConnectToMetastore(a.host, a.port, "NOSASL", config)
		if err == nil {
			m.conn = conn
			return nil
		}
		errs = append(errs, fmt.Errorf("connect to the metastore at %s:%d: %w", a.host, a.port, err))
	}
	return errors.Join(errs...)
}

// call runs do with the connection, which it gives up when that has broken.
func call[T any](m *metastore, do func(*hms.ThriftHiveMetastoreClient) (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.connect(); err != nil {
		var none T
		return none, err
	}
	out, err := do(m.conn.Client)
	var broken thrift.TTransportException
	var garbled thrift.TProtocolException
	if err != nil && (errors.As(err, &broken) || errors.As(err, &garbled) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		m.conn.Close()
		m.conn = nil
	}
	return out, err
}

func do(m *metastore, f func(*hms.ThriftHiveMetastoreClient) error) error {
	_, err := call(m, func(c *hms.ThriftHiveMetastoreClient) (struct{}, error) { return struct{}{}, f(c) })
	return err
}

// Close implements hive.HiveClient.
func (m *metastore) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		m.conn.Close()
		m.conn = nil
	}
	return nil
}

// GetDatabase implements hive.HiveClient.
func (m *metastore) GetDatabase(ctx context.Context, name string) (*hms.Database, error) {
	return call(m, func(c *hms.ThriftHiveMetastoreClient) (*hms.Database, error) { return c.GetDatabase(ctx, name) })
}

// CreateDatabase implements hive.HiveClient.
func (m *metastore) CreateDatabase(ctx context.Context, db *hms.Database) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.CreateDatabase(ctx, db) })
}

// AlterDatabase implements hive.HiveClient.
func (m *metastore) AlterDatabase(ctx context.Context, name string, db *hms.Database) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.AlterDatabase(ctx, name, db) })
}

// DropDatabase implements hive.HiveClient.
func (m *metastore) DropDatabase(ctx context.Context, name string, deleteData, cascade bool) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.DropDatabase(ctx, name, deleteData, cascade) })
}

// GetAllDatabases implements hive.HiveClient.
func (m *metastore) GetAllDatabases(ctx context.Context) ([]string, error) {
	return call(m, func(c *hms.ThriftHiveMetastoreClient) ([]string, error) { return c.GetAllDatabases(ctx) })
}

// GetTable implements hive.HiveClient.
func (m *metastore) GetTable(ctx context.Context, db, name string) (*hms.Table, error) {
	return call(m, func(c *hms.ThriftHiveMetastoreClient) (*hms.Table, error) { return c.GetTable(ctx, db, name) })
}

// CreateTable implements hive.HiveClient.
func (m *metastore) CreateTable(ctx context.Context, t *hms.Table) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.CreateTable(ctx, t) })
}

// AlterTable implements hive.HiveClient.
func (m *metastore) AlterTable(ctx context.Context, db, name string, t *hms.Table) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.AlterTable(ctx, db, name, t) })
}

// DropTable implements hive.HiveClient.
func (m *metastore) DropTable(ctx context.Context, db, name string, deleteData bool) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.DropTable(ctx, db, name, deleteData) })
}

// GetTables implements hive.HiveClient.
func (m *metastore) GetTables(ctx context.Context, db, pattern string) ([]string, error) {
	return call(m, func(c *hms.ThriftHiveMetastoreClient) ([]string, error) { return c.GetTables(ctx, db, pattern) })
}

// Lock implements hive.HiveClient.
func (m *metastore) Lock(ctx context.Context, request *hms.LockRequest) (*hms.LockResponse, error) {
	return call(m, func(c *hms.ThriftHiveMetastoreClient) (*hms.LockResponse, error) { return c.Lock(ctx, request) })
}

// CheckLock implements hive.HiveClient.
func (m *metastore) CheckLock(ctx context.Context, id int64) (*hms.LockResponse, error) {
	return call(m, func(c *hms.ThriftHiveMetastoreClient) (*hms.LockResponse, error) {
		return c.CheckLock(ctx, &hms.CheckLockRequest{Lockid: id})
	})
}

// Unlock implements hive.HiveClient.
func (m *metastore) Unlock(ctx context.Context, id int64) error {
	return do(m, func(c *hms.ThriftHiveMetastoreClient) error { return c.Unlock(ctx, &hms.UnlockRequest{Lockid: id}) })
}
