package jdbc

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
)

var postgres = dialect{
	quote: quoteWith(`"`),
	param: func(n int, _ arrow.DataType) string { return "$" + strconv.Itoa(n) },
	text:  postgresText,
	zoned: "TIMESTAMPTZ",
	upsert: func(key, others []string) string {
		text := " ON CONFLICT (" + strings.Join(key, ", ") + ") DO "
		if len(others) == 0 {
			return text + "NOTHING"
		}
		set := make([]string, len(others))
		for i, o := range others {
			set[i] = o + " = EXCLUDED." + o
		}
		return text + "UPDATE SET " + strings.Join(set, ", ")
	},
	ordered: func(column string, t arrow.DataType) string {
		if t.ID() == arrow.STRING_VIEW { // json has no order, and other texts one of a language
			return "CAST(" + column + ` AS text) COLLATE "C"`
		}
		return column
	},
	clean:     sqlrows.PostgreSQL,
	value:     postgresValue,
	bytes:     postgresBytes,
	hex:       func(column string) string { return "encode(" + column + ", 'hex')" },
	words:     words{text: "varchar(255)", bytes: "bytea"},
	patient:   patientPostgres,
	fence:     fencePostgres,
	check:     checkPostgres,
	connect:   connectPostgres,
	transient: transientPostgres,
	misread:   misreadPostgres,
}

func postgresText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// postgresParams are parameters of pgjdbc's URLs, with what they are called here; ""
// is one that changes nothing here.
var postgresParams = map[string]string{
	"sslmode": "sslmode", "sslrootcert": "sslrootcert", "sslcert": "sslcert", "sslkey": "sslkey", "sslpassword": "sslpassword",
	"currentSchema": "search_path", "ApplicationName": "application_name", "connectTimeout": "connect_timeout", "targetServerType": "target_session_attrs",
	"options": "options", "user": "", "password": "", "ssl": "", "reWriteBatchedInserts": "", "prepareThreshold": "", "preparedStatementCacheQueries": "",
	"tcpKeepAlive": "", "socketTimeout": "", "loginTimeout": "", "stringtype": "", "defaultRowFetchSize": "", "binaryTransfer": "", "autosave": "", "loggerLevel": "",
}

// targets are the values of targetServerType.
var targets = map[string]string{"any": "any", "primary": "primary", "master": "primary", "secondary": "standby", "slave": "standby", "preferSecondary": "prefer-standby"}

func checkPostgres(a address) error {
	for k, v := range a.params {
		if _, ok := postgresParams[k]; !ok {
			known := slices.Sorted(maps.Keys(postgresParams))
			return fmt.Errorf("%w: option 'url': unknown parameter %q%s", job.ErrInvalid, k, nearest.Hint(k, known, "'"))
		}
		if k == "targetServerType" && targets[v] == "" {
			return fmt.Errorf("%w: option 'url': targetServerType=%s: want one of %s", job.ErrInvalid, v, strings.Join(slices.Sorted(maps.Keys(targets)), ", "))
		}
	}
	return nil
}

// settings is the address as libpq's key=value.
func (a address) settings() string {
	var hosts, ports []string
	for h := range strings.SplitSeq(a.hosts, ",") {
		host, port, err := net.SplitHostPort(h)
		if err != nil {
			host, port = strings.Trim(h, "[]"), "5432"
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	all := map[string]string{"host": strings.Join(hosts, ","), "port": strings.Join(ports, ","), "dbname": a.database, "timezone": "UTC", "datestyle": "ISO"}
	if a.user != "" {
		all["user"], all["password"] = a.user, a.password
	}
	for k, v := range a.params {
		switch name := postgresParams[k]; {
		case k == "ssl" && a.params["sslmode"] == "" && (v == "" || v == "true"):
			all["sslmode"] = "verify-full"
		case k == "targetServerType":
			all[name] = targets[v]
		case name != "":
			all[name] = v
		}
	}
	var text strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s='%s' ", k, escape.Replace(all[k]))
	}
	return text.String()
}

func connectPostgres(ctx context.Context, a address) (database, error) {
	c, err := pgconn.ParseConfig(a.settings())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	conn, err := pgconn.ConnectConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	return &postgresDB{conn: conn, prepared: map[string]string{}}, nil
}

// postgresDB is a connection to PostgreSQL.
type postgresDB struct {
	conn     *pgconn.PgConn
	prepared map[string]string // names of statements
}

func (p *postgresDB) query(ctx context.Context, statement string, f func([][]byte) error) error {
	rows := p.conn.ExecParams(ctx, statement, nil, nil, nil, nil)
	for rows.NextRow() {
		if err := f(rows.Values()); err != nil {
			_, _ = rows.Close() // what f says counts
			return err
		}
	}
	_, err := rows.Close()
	return err
}

func (p *postgresDB) describe(ctx context.Context, statement string) ([]arrow.Field, error) {
	d, err := p.conn.Prepare(ctx, "", statement, nil)
	if err != nil {
		return nil, err
	}
	fields := make([]arrow.Field, len(d.Fields))
	for i, f := range d.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: postgresType(f.DataTypeOID, f.TypeModifier), Nullable: true}
	}
	return fields, nil
}

// exec keeps the statements that come again.
func (p *postgresDB) exec(ctx context.Context, statement string, params [][]byte) error {
	name := p.prepared[statement]
	if name == "" {
		if len(p.prepared) >= 16 {
			_, err := p.conn.ExecParams(ctx, statement, params, nil, nil, nil).Close()
			return err
		}
		name = "wadi" + strconv.Itoa(len(p.prepared))
		if _, err := p.conn.Prepare(ctx, name, statement, nil); err != nil {
			return err
		}
		p.prepared[statement] = name
	}
	_, err := p.conn.ExecPrepared(ctx, name, params, nil, nil).Close()
	return err
}

func (p *postgresDB) together(ctx context.Context, begin string, f func() error) error {
	if _, err := p.conn.Exec(ctx, "BEGIN; "+begin).ReadAll(); err != nil {
		return err
	}
	if err := f(); err != nil {
		if _, undo := p.conn.Exec(ctx, "ROLLBACK").ReadAll(); undo != nil {
			return errors.Join(err, undo)
		}
		return err
	}
	_, err := p.conn.Exec(ctx, "COMMIT").ReadAll()
	return err
}

func (p *postgresDB) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	_ = p.conn.Close(ctx) // nothing is asked of it any more
}

// lockTimeout is PostgreSQL's code for a lock that was not got in time.
const lockTimeout = "55P03"

func patientPostgres(wait time.Duration) string {
	return "SET LOCAL lock_timeout = " + strconv.FormatInt(max(wait.Milliseconds(), 1), 10)
}

// transientPostgres reports a connection that is lost, a lock that was not got in time,
// and what PostgreSQL says to try again.
func transientPostgres(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return strings.HasPrefix(server.Code, "08") || strings.HasPrefix(server.Code, "40") || strings.HasPrefix(server.Code, "57P0") || slices.Contains([]string{"53300", lockTimeout}, server.Code)
	}
	var refused *pgconn.ConnectError
	return errors.As(err, &refused) || network(err)
}

// misreadPostgres reports a text that is none of the type that a column has, such as
// one that is no uuid.
func misreadPostgres(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && slices.Contains([]string{"22P02", "22007", "22008", "22003"}, server.Code)
}

// postgresType is the type of a column of PostgreSQL; text for what SQL here has no
// type for.
func postgresType(oid uint32, modifier int32) arrow.DataType {
	switch oid {
	case 16:
		return arrow.FixedWidthTypes.Boolean
	case 21:
		return arrow.PrimitiveTypes.Int16
	case 23:
		return arrow.PrimitiveTypes.Int32
	case 20:
		return arrow.PrimitiveTypes.Int64
	case 700:
		return arrow.PrimitiveTypes.Float32
	case 701:
		return arrow.PrimitiveTypes.Float64
	case 17:
		return arrow.BinaryTypes.BinaryView
	case 1082:
		return arrow.FixedWidthTypes.Date32
	case 1083:
		return arrow.FixedWidthTypes.Time32ms
	case 1114, 1184:
		unit := arrow.Microsecond
		if modifier >= 0 && modifier <= 3 {
			unit = arrow.Millisecond
		}
		zone := ""
		if oid == 1184 {
			zone = "UTC"
		}
		return &arrow.TimestampType{Unit: unit, TimeZone: zone}
	case 1700:
		if modifier >= 4 {
			if p, s := (modifier-4)>>16, (modifier-4)&0xffff; p <= 38 && s <= p {
				return &arrow.Decimal128Type{Precision: p, Scale: s}
			}
		}
		return &arrow.Decimal128Type{Precision: 38, Scale: 18}
	}
	return arrow.BinaryTypes.StringView
}

// postgresValue writes values as PostgreSQL reads them.
func postgresValue(t arrow.DataType) func(dst, v []byte) []byte {
	if t.ID() == arrow.BINARY_VIEW {
		return func(dst, v []byte) []byte { return postgresBytes(dst, decoded(v)) }
	}
	return same
}

func postgresBytes(dst, v []byte) []byte { return hex.AppendEncode(append(dst, `\x`...), v) }

// decoded are the bytes of base64.
func decoded(v []byte) []byte {
	b, err := base64.StdEncoding.AppendDecode(nil, v)
	if err != nil {
		panic("jdbc: " + err.Error()) // it was encoded here
	}
	return b
}
