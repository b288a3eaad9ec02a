package wadi_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestProcessingTime: windows of processing time are complete when the clock
// says so, also while their source, which does not end, has no rows.
func TestProcessingTime(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte("a,1\nb,2\na,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	sqltest.Run(t, env, `CREATE TABLE rows_in (k STRING, v INT, p AS PROCTIME()) WITH ('connector' = 'filesystem', 'format' = 'csv',
		'path' = '`+dir+`', 'source.monitor-interval' = '1 h');`)
	for name, query := range map[string]string{
		"tumble":  "SELECT SUM(v) AS total FROM TABLE(TUMBLE(TABLE rows_in, DESCRIPTOR(p), INTERVAL '0.5' SECOND)) GROUP BY window_start, window_end",
		"session": "SELECT SUM(v) AS total FROM rows_in GROUP BY SESSION(p, INTERVAL '0.5' SECOND)",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			rows := 0
			for rec, err := range env.SQL(query).All(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				if rows += int(rec.NumRows()); rows > 0 {
					break
				}
			}
			if rows != 1 {
				t.Errorf("%d rows, want the window with all", rows)
			}
		})
	}
}

// TestWatermarkOfTheClock: a watermark may be what the clock says.
func TestWatermarkOfTheClock(t *testing.T) {
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	sqltest.Run(t, env, `CREATE TABLE ticks (n INT, ts AS CURRENT_TIMESTAMP, WATERMARK FOR ts AS ts - INTERVAL '0.1' SECOND)
		WITH ('connector' = 'datagen', 'rows-per-second' = '100');`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for rec, err := range env.SQL("SELECT COUNT(*) AS n FROM TUMBLE(TABLE ticks, DESCRIPTOR(ts), INTERVAL '0.5' SECOND) GROUP BY window_start, window_end").All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.NumRows() > 0 {
			return
		}
	}
	t.Error("no window has fired")
}
