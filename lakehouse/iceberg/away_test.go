package iceberg_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	icecatalog "github.com/apache/iceberg-go/catalog"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// awayCatalog is a catalog that can be out of reach.
type awayCatalog struct {
	*sqlcatalog.Catalog
	away  *atomic.Bool
	asked *atomic.Int64 // while it was
}

var errAway = errors.New("dial tcp 10.0.0.1:8181: connection refused")

func (c awayCatalog) reach() error {
	if !c.away.Load() {
		return nil
	}
	c.asked.Add(1)
	return errAway
}

func (c awayCatalog) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	if err := c.reach(); err != nil {
		return nil, err
	}
	return c.Catalog.LoadTable(ctx, ident)
}

func (c awayCatalog) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	if err := c.reach(); err != nil {
		return nil, "", err
	}
	return c.Catalog.CommitTable(ctx, ident, reqs, updates)
}

// TestCatalogAway: a job whose catalog does not answer goes on reading and takes
// checkpoints, says what it waits for, and commits everything once it is back. How
// often it is asked in ten minutes is a matter of the coordinator, and tested there.
func TestCatalogAway(t *testing.T) {
	for _, sink := range []string{"append", "deletion vectors"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			var away atomic.Bool
			var asked atomic.Int64
			dir := filepath.ToSlash(t.TempDir())
			env, err := wadi.Local(wadi.Options{
				Config: map[string]string{"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms"},
				Catalogs: map[string]catalog.Opener{"away": func(_ context.Context, _ string, props map[string]string) (icecatalog.Catalog, error) {
					c, err := icecatalog.Load(t.Context(), "lake", map[string]string{
						"type": "sql", "uri": "file:" + dir + "/cat.db", "sql.dialect": "sqlite", "sql.driver": "sqlite", "init_catalog_tables": "true", "warehouse": props["warehouse"],
					})
					if err != nil {
						return nil, err
					}
					return awayCatalog{c.(*sqlcatalog.Catalog), &away, &asked}, nil
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			create := "(id BIGINT) WITH ('sink.commit.max-age' = '0 s')"
			if sink != "append" {
				create = "(id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('sink.commit.max-age' = '0 s', 'format-version' = '3', 'write.upsert.enabled' = 'true')"
			}
			sqltest.Run(t, env, "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'away', 'warehouse' = 'file://"+dir+"/lake'); CREATE DATABASE IF NOT EXISTS lake.`default`; CREATE TABLE lake.`default`.t "+create)
			started, err := sqltest.Pipeline(t, env, faultNumbers+"INSERT INTO lake.`default`.t SELECT id FROM numbers").Start(t.Context(), wadi.RestoreNone)
			if err != nil {
				t.Fatal(err)
			}
			await.Text(t, "committed", func() string {
				if started.Progress().Epoch > 2 {
					return "committed"
				}
				return fmt.Sprint(started.Progress())
			})
			away.Store(true)
			await.Text(t, "waits", func() string {
				if p := started.Progress(); p.Staged >= 4 && strings.Contains(p.Problem, errAway.Error()) && p.State == "RUNNING" {
					return "waits"
				}
				return fmt.Sprintf("%+v", started.Progress())
			})
			rows, err := sqltest.Shown(t, env, "DESCRIBE JOB '"+sqltest.Running(t, env)+"'")
			if err != nil || !strings.Contains(rows[0], "publish the rows of sink") || !strings.Contains(rows[0], errAway.Error()) {
				t.Errorf("DESCRIBE JOB: %q %v", rows, err)
			}
			away.Store(false)
			if r, err := started.Wait(); err != nil || r.Restarts > 0 {
				t.Errorf("%d restarts, %v", r.Restarts, err)
			}
			if started.Progress().Problem != "" || asked.Load() == 0 {
				t.Errorf("%+v, asked %d times", started.Progress(), asked.Load())
			}
			sqltest.Run(t, env, "SET 'execution.runtime-mode' = 'batch'")
			sqltest.Same(t, env, totals("lake.`default`.t"), allNumbers)
		})
	}
}
