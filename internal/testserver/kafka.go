package testserver

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

//go:embed kafka.properties
var kafkaProperties string

// KafkaProperties is the configuration of broker node, of so many, of which the
// first is the controller too.
func KafkaProperties(node, nodes int, port, controller, logs string) string {
	roles, listeners := "broker", ""
	if node == 1 {
		roles, listeners = "broker,controller", ",CONTROLLER://127.0.0.1:"+controller
	}
	return strings.NewReplacer("@roles@", roles, "@node@", fmt.Sprint(node), "@nodes@", fmt.Sprint(nodes), "@port@", port,
		"@controller@", controller, "@listeners@", listeners, "@logs@", logs).Replace(kafkaProperties)
}

// KafkaCluster is any 16 bytes in base64.
const KafkaCluster = "MkU3OEVBNTcwNTJENDM2Qg"

// SmallJVM are the arguments of a Java machine that does with little memory.
var SmallJVM = []string{
	"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.net=ALL-UNNAMED",
	"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.util=ALL-UNNAMED",
}

// Brokers are Apache Kafka brokers of one test.
type Brokers struct {
	t       testing.TB
	jars    string
	dir     string
	Address []string
	running []*exec.Cmd
}

// OwnKafka starts brokers for this test alone, which it may kill. Topics have as
// many replicas. It needs the jars of Kafka in the directory that EnvKafkaJars names.
func OwnKafka(t testing.TB, brokers int) *Brokers {
	t.Helper()
	b := &Brokers{t: t, jars: service(t, EnvKafkaJars, fmt.Sprintf("%d Apache Kafka brokers of a test", brokers)), dir: t.TempDir(), running: make([]*exec.Cmd, brokers)}
	_, controller := split(freeAddress(t))
	for i := range brokers {
		b.Address = append(b.Address, freeAddress(t))
		_, port := split(b.Address[i])
		text := KafkaProperties(i+1, brokers, port, controller, filepath.Join(b.dir, fmt.Sprint("logs", i)))
		if err := os.WriteFile(b.config(i), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, nil, "java", b.args("kafka.tools.StorageTool", "format", "-t", KafkaCluster, "-c", b.config(i))...)
	}
	t.Cleanup(func() {
		for i := range b.running {
			b.Kill(i)
		}
	})
	for i := range brokers {
		b.Start(i)
	}
	return b
}

func (b *Brokers) config(i int) string {
	return filepath.Join(b.dir, fmt.Sprint("server", i, ".properties"))
}

func (b *Brokers) args(rest ...string) []string {
	return append(append(SmallJVM[:len(SmallJVM):len(SmallJVM)], "-cp", b.jars+"/*"), rest...)
}

// recovery is how long a broker that was killed may take, on a busy machine.
const recovery = 2 * time.Minute

// Start starts a broker that does not run, and returns when it accepts.
func (b *Brokers) Start(i int) {
	b.t.Helper()
	log, err := os.OpenFile(filepath.Join(b.dir, fmt.Sprint("log", i)), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("java", b.args("kafka.Kafka", b.config(i))...) //nolint:noctx // Kill ends it
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.running[i] = cmd
	if err := accepts(b.Address[i], make(chan error), recovery); err != nil {
		said, _ := os.ReadFile(log.Name())
		b.t.Fatalf("start broker %d: %v\n%s", i, err, said[max(0, len(said)-1000):])
	}
}

// Kill kills a broker at once, if it runs.
func (b *Brokers) Kill(i int) {
	if cmd := b.running[i]; cmd != nil {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		b.running[i] = nil
	}
}

func split(address string) (host, port string) {
	host, port, _ = net.SplitHostPort(address)
	return host, port
}
