package testserver

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// The servers that Go alone does not start. `make test-services` starts them and
// sets these variables; whoever has such a server may set them too.
const (
	EnvREST  = "WADI_TEST_REST"  // http://host:port of an Iceberg REST catalog
	EnvHive  = "WADI_TEST_HIVE"  // thrift://host:port of a Hive Metastore
	EnvGlue  = "WADI_TEST_GLUE"  // http://host:port that speaks AWS Glue
	EnvKafka = "WADI_TEST_KAFKA" // host:port of an Apache Kafka broker

	EnvPostgres  = "WADI_TEST_POSTGRES"   // the directory with PostgreSQL's programs, where the system has none
	EnvKafkaJars = "WADI_TEST_KAFKA_JARS" // a directory with the jars of Apache Kafka, for tests that kill brokers
	EnvShared    = "WADI_TEST_SHARED"     // a directory that the catalogs' servers see as well
)

// service is the value of a variable, or the test skips.
func service(t testing.TB, variable, what string) string {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		t.Skipf("%s is not set: %s; `make test-services` starts one", variable, what)
	}
	used(t, what)
	return v
}

// REST is the URL of an Iceberg REST catalog, and a directory that it may keep
// tables in.
func REST(t testing.TB) (url, dir string) {
	t.Helper()
	return service(t, EnvREST, "Iceberg REST catalog"), shared(t)
}

// Hive is the address of a Hive Metastore, and a directory for tables.
func Hive(t testing.TB) (uri, dir string) {
	t.Helper()
	return service(t, EnvHive, "Hive Metastore"), shared(t)
}

// InProcess notes that a test uses a server that it runs itself.
func InProcess(t testing.TB, what string) {
	t.Helper()
	used(t, what+" in the test")
}

// SchemaRegistry starts a schema registry in the test.
func SchemaRegistry(t testing.TB) *srfake.Registry {
	t.Helper()
	InProcess(t, "srfake (schema registry)")
	r := srfake.New()
	t.Cleanup(r.Close)
	return r
}

// Kafka is the address of a real broker, or "" when the environment names none.
func Kafka(t testing.TB) (address string) {
	t.Helper()
	if address = os.Getenv(EnvKafka); address != "" {
		used(t, "Apache Kafka")
	} else {
		InProcess(t, "kfake (Kafka)")
	}
	return address
}

// Glue is an endpoint that speaks AWS Glue: that of the environment, or moto's.
func Glue(t testing.TB) (endpoint string) {
	t.Helper()
	if v := os.Getenv(EnvGlue); v != "" {
		used(t, "moto (Glue)")
		return v
	}
	program := find(t, "moto_server", "pip install 'moto[server]==5.2.5'")
	address := freeAddress(t)
	host, port := split(address)
	start(t, address, nil, program, "-H", host, "-p", port)
	client := http.Client{Timeout: 10 * time.Second}
	reply, err := client.Get("http://" + address + "/moto-api/")
	if err != nil {
		t.Fatalf("moto: %v", err)
	}
	_ = reply.Body.Close() // nothing is read
	used(t, "moto (Glue)")
	return "http://" + address
}

// shared is a directory of this test below EnvShared, or a temporary one.
func shared(t testing.TB) string {
	t.Helper()
	root := os.Getenv(EnvShared)
	if root == "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(root, "t") //nolint:usetesting // the servers see it there only
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // the servers may be other users
		t.Fatal(err)
	}
	return dir
}

// used notes that a test used a server, in the file that WADI_TEST_USED names,
// from which the list of servers is printed in the end.
func used(t testing.TB, what string) {
	t.Helper()
	name := os.Getenv("WADI_TEST_USED")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir, _ := os.Getwd()
	if _, err := f.WriteString(dir + "\t" + what + "\n"); err != nil {
		t.Fatal(err)
	}
}
