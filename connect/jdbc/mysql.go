package jdbc

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
)

// closing is how long the end of a connection may take.
const closing = 5 * time.Second

var mysql = dialect{
	quote: quoteWith("`"),
	param: func(_ int, t arrow.DataType) string {
		if t.ID() == arrow.BINARY_VIEW {
			return "UNHEX(?)"
		}
		return "?"
	},
	text: mysqlText,
	upsert: func(key, others []string) string {
		if len(others) == 0 {
			others = key[:1]
		}
		set := make([]string, len(others))
		for i, o := range others {
			set[i] = o + " = VALUES(" + o + ")"
		}
		return " ON DUPLICATE KEY UPDATE " + strings.Join(set, ", ")
	},
	ordered:   func(column string, _ arrow.DataType) string { return column },
	clean:     sqlrows.MySQL,
	value:     mysqlValue,
	bytes:     hex.AppendEncode,
	hex:       func(column string) string { return "HEX(" + column + ")" },
	words:     words{text: "varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", bytes: "longblob", end: " ENGINE = InnoDB"},
	check:     checkMySQL,
	connect:   connectMySQL,
	atomic:    mysqlAtomic,
	transient: transientMySQL,
	misread:   func(error) bool { return false }, // it compares them all the same
}

func mysqlText(s string) string { return fmt.Sprintf("_utf8mb4 X'%x'", s) } // whatever sql_mode says of backslashes

// mysqlAtomic asks for the engine of a table, such as MyISAM.
func mysqlAtomic(name []string) string {
	schema := "DATABASE()"
	if len(name) > 1 {
		schema = mysqlText(name[len(name)-2])
	}
	return "SELECT e.TRANSACTIONS FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON t.ENGINE = e.ENGINE" +
		" WHERE t.TABLE_SCHEMA = " + schema + " AND t.TABLE_NAME = " + mysqlText(name[len(name)-1])
}

// mysqlParams are parameters of the URLs of Connector/J; those that change nothing
// here are false.
var mysqlParams = map[string]bool{
	"useSSL": true, "sslMode": true, "connectTimeout": false, "user": true, "password": true, "serverTimezone": false, "connectionTimeZone": false, "useUnicode": false,
	"characterEncoding": false, "rewriteBatchedStatements": false, "allowPublicKeyRetrieval": false, "autoReconnect": false, "useCursorFetch": false,
	"zeroDateTimeBehavior": false, "tinyInt1isBit": false, "socketTimeout": false, "useServerPrepStmts": false, "cachePrepStmts": false, "verifyServerCertificate": false,
	"requireSSL": false, "allowMultiQueries": false, "nullCatalogMeansCurrent": false, "useInformationSchema": false, "yearIsDateType": false,
}

// tlsModes are the values of sslMode, as the driver calls them.
var tlsModes = map[string]string{"DISABLED": "false", "PREFERRED": "preferred", "REQUIRED": "skip-verify", "VERIFY_CA": "true", "VERIFY_IDENTITY": "true"}

func checkMySQL(a address) error {
	for k, v := range a.params {
		if _, ok := mysqlParams[k]; !ok {
			return fmt.Errorf("%w: option 'url': unknown parameter %q%s", job.ErrInvalid, k, nearest.Hint(k, slices.Sorted(maps.Keys(mysqlParams)), "'"))
		}
		if k == "sslMode" && tlsModes[strings.ToUpper(v)] == "" {
			return fmt.Errorf("%w: option 'url': sslMode=%s: want one of %s", job.ErrInvalid, v, strings.Join(slices.Sorted(maps.Keys(tlsModes)), ", "))
		}
	}
	return nil
}

func connectMySQL(ctx context.Context, a address) (database, error) {
	c := mysqldriver.NewConfig()
	c.Net, c.Addr, c.DBName, c.User, c.Passwd = "tcp", a.hosts, a.database, a.user, a.password
	if _, _, err := net.SplitHostPort(a.hosts); err != nil {
		c.Addr = net.JoinHostPort(strings.Trim(a.hosts, "[]"), "3306")
	}
	c.InterpolateParams = true
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	c.Logger = &mysqldriver.NopLogger{}
	c.TLSConfig = "preferred"
	switch {
	case a.params["sslMode"] != "":
		c.TLSConfig = tlsModes[strings.ToUpper(a.params["sslMode"])]
	case strings.EqualFold(a.params["useSSL"], "true"):
		c.TLSConfig = "skip-verify"
	case strings.EqualFold(a.params["useSSL"], "false"):
		c.TLSConfig = "false"
	}
	connector, err := mysqldriver.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	pool := sql.OpenDB(connector)
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &mysqlDB{pool: pool, conn: conn}, nil
}

// mysqlDB is a connection to MySQL or MariaDB.
type mysqlDB struct {
	pool *sql.DB
	conn *sql.Conn
	tx   *sql.Tx
}

func (m *mysqlDB) query(ctx context.Context, statement string, f func([][]byte) error) error {
	var rows *sql.Rows
	var err error
	if m.tx != nil {
		rows, err = m.tx.QueryContext(ctx, statement)
	} else {
		rows, err = m.conn.QueryContext(ctx, statement)
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	raw, to, values := make([]sql.RawBytes, len(names)), make([]any, len(names)), make([][]byte, len(names))
	for i := range raw {
		to[i] = &raw[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		for i, r := range raw {
			values[i] = r
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (m *mysqlDB) describe(ctx context.Context, statement string) ([]arrow.Field, error) {
	rows, err := m.conn.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, len(types))
	for i, t := range types {
		fields[i] = arrow.Field{Name: t.Name(), Type: mysqlType(t), Nullable: true}
	}
	return fields, rows.Err()
}

func (m *mysqlDB) exec(ctx context.Context, statement string, params [][]byte) error {
	args := make([]any, len(params))
	for i, p := range params {
		if p != nil {
			args[i] = string(p)
		}
	}
	var err error
	if m.tx != nil {
		_, err = m.tx.ExecContext(ctx, statement, args...)
	} else {
		_, err = m.conn.ExecContext(ctx, statement, args...)
	}
	return err
}

func (m *mysqlDB) together(ctx context.Context, begin string, f func() error) (err error) {
	if m.tx, err = m.conn.BeginTx(ctx, nil); err != nil {
		return err
	}
	defer func() { m.tx = nil }()
	if begin != "" {
		err = m.exec(ctx, begin, nil)
	}
	if err == nil {
		err = f()
	}
	if err != nil {
		if undo := m.tx.Rollback(); undo != nil {
			return errors.Join(err, undo)
		}
		return err
	}
	return m.tx.Commit()
}

func (m *mysqlDB) close() {
	_ = errors.Join(m.conn.Close(), m.pool.Close()) // nothing is asked of it any more
}

// transientMySQL reports a connection that is lost, a deadlock, and a lock that was
// not got in time.
func transientMySQL(err error) bool {
	var server *mysqldriver.MySQLError
	if errors.As(err, &server) {
		return slices.Contains([]uint16{1040, 1205, 1213, 1053, 1927}, server.Number)
	}
	return errors.Is(err, mysqldriver.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || network(err)
}

// network reports a connection that broke.
func network(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// mysqlType is the type of a column of MySQL; text for what SQL here has no type for.
func mysqlType(t *sql.ColumnType) arrow.DataType {
	name, unsigned := strings.CutPrefix(t.DatabaseTypeName(), "UNSIGNED ")
	wider := func(signed, more arrow.DataType) arrow.DataType {
		if unsigned {
			return more
		}
		return signed
	}
	switch name {
	case "TINYINT":
		return wider(arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16)
	case "SMALLINT", "YEAR":
		return wider(arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32)
	case "MEDIUMINT":
		return arrow.PrimitiveTypes.Int32
	case "INT":
		return wider(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64)
	case "BIGINT":
		return wider(arrow.PrimitiveTypes.Int64, &arrow.Decimal128Type{Precision: 20})
	case "FLOAT":
		return arrow.PrimitiveTypes.Float32
	case "DOUBLE":
		return arrow.PrimitiveTypes.Float64
	case "DECIMAL":
		if p, s, ok := t.DecimalSize(); ok && p <= 38 && s <= p {
			return &arrow.Decimal128Type{Precision: int32(p), Scale: int32(s)}
		}
		return &arrow.Decimal128Type{Precision: 38, Scale: 18}
	case "DATE":
		return arrow.FixedWidthTypes.Date32
	case "TIME":
		return arrow.FixedWidthTypes.Time32ms
	case "DATETIME", "TIMESTAMP":
		return mysqlTime(t)
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		return arrow.BinaryTypes.BinaryView
	}
	return arrow.BinaryTypes.StringView
}

// mysqlTime is TIMESTAMP for DATETIME, and TIMESTAMP_LTZ for TIMESTAMP.
func mysqlTime(t *sql.ColumnType) arrow.DataType {
	unit, zone := arrow.Microsecond, ""
	if digits, _, ok := t.DecimalSize(); ok && digits <= 3 {
		unit = arrow.Millisecond
	}
	if t.DatabaseTypeName() == "TIMESTAMP" {
		zone = "UTC"
	}
	return &arrow.TimestampType{Unit: unit, TimeZone: zone}
}

// mysqlValue writes values as MySQL reads them.
func mysqlValue(t arrow.DataType) func(dst, v []byte) []byte {
	switch t := t.(type) {
	case *arrow.BooleanType:
		return func(dst, v []byte) []byte {
			if len(v) == len("true") {
				return append(dst, '1')
			}
			return append(dst, '0')
		}
	case *arrow.TimestampType:
		if t.TimeZone != "" {
			return utc
		}
	case *arrow.BinaryViewType:
		return func(dst, v []byte) []byte { return hex.AppendEncode(dst, decoded(v)) }
	}
	return same
}
