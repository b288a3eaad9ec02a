package sqltest

import (
	"database/sql"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/wadi-engine/wadi/internal/testserver"
)

// Database is a real database server of a test.
type Database struct {
	Name, URL, User string // "postgresql" or "mysql", jdbc:…
	db              *sql.DB
}

// Postgres starts PostgreSQL, with logical replication.
func Postgres(t *testing.T) Database {
	address := testserver.Postgres(t)
	return openDatabase(t, "postgresql", "pgx", "postgres://postgres@"+address+"/postgres?timezone=UTC", "jdbc:postgresql://"+address+"/postgres", "postgres")
}

// MariaDB starts MariaDB, which speaks as MySQL does.
func MariaDB(t *testing.T) Database {
	address := testserver.MariaDB(t)
	return openDatabase(t, "mysql", "mysql", "root@tcp("+address+")/test", "jdbc:mysql://"+address+"/test", "root")
}

func openDatabase(t *testing.T, name, driver, dsn, url, user string) Database {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return Database{name, url, user, db}
}

// With are options of a JDBC table of it.
func (d Database) With(table string, more ...string) string {
	all := append([]string{"'connector' = 'jdbc'", "'url' = '" + d.URL + "'", "'table-name' = '" + table + "'", "'username' = '" + d.User + "'"}, more...)
	return " WITH (" + strings.Join(all, ", ") + ");"
}

// Exec runs statements in the database itself.
func (d Database) Exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if _, err := d.db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// Texts are the rows of a query of one column, run by the database, in order.
func (d Database) Texts(t *testing.T, query string) []string {
	t.Helper()
	rows, err := d.db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		if !text.Valid {
			text.String = "NULL"
		}
		all = append(all, text.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
