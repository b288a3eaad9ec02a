package catalogs

import (
	"context"
	"fmt"
	"strings"
	"time"

	icecatalog "github.com/apache/iceberg-go/catalog"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// openPostgres opens a jdbc catalog in PostgreSQL, in the tables that Java's
// JdbcCatalog and PyIceberg's SqlCatalog use. Options: 'uri' =
// 'jdbc:postgresql://host:port/database?sslmode=…', jdbc.user and jdbc.password.
func openPostgres(ctx context.Context, name string, props map[string]string) (icecatalog.Catalog, error) {
	uri := strings.TrimPrefix(props["uri"], "jdbc:")
	cfg, err := pgx.ParseConfig(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: option 'uri' is %q; want 'jdbc:postgresql://host:5432/database'", job.ErrInvalid, objstore.Redact(props["uri"]))
	}
	if v := props["jdbc.user"]; v != "" {
		cfg.User = v
	}
	if v := props["jdbc.password"]; v != "" {
		cfg.Password = v
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(4)
	db.SetConnMaxIdleTime(time.Minute)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close() // the error of the connection says more
		return nil, fmt.Errorf("connect to %s as %s: %w", objstore.Redact(props["uri"]), cfg.User, denied(err))
	}
	return catalog.NewSQL(name, db, sqlcatalog.Postgres, props)
}

// denied makes what trying again does not change invalid: SQLSTATE classes 28
// (authorization) and 3D (no such database).
func denied(err error) error {
	text := err.Error()
	if strings.Contains(text, "SQLSTATE 28") || strings.Contains(text, "SQLSTATE 3D") {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return err
}
