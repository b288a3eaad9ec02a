package testserver

import (
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres starts PostgreSQL with logical replication, and returns its host:port.
// The user and the database are called postgres; nobody asks for a password.
func Postgres(t testing.TB, settings ...string) string {
	t.Helper()
	programs := "/usr/lib/postgresql/*/bin"
	if dir := os.Getenv(EnvPostgres); dir != "" {
		programs = dir
	}
	program := findIn(t, "postgres", programs, "apt-get install postgresql")
	initdb := findIn(t, "initdb", programs, "apt-get install postgresql")
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	dir, as := dataOf(t, "postgres")
	data := filepath.Join(dir, "data")
	run(t, as, "cp", "-a", emptyPostgres(t, dir, as, initdb), data)
	args := []string{
		"-D", data, "-p", port, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "wal_level=logical", "-c", "max_replication_slots=8",
		"-c", "max_wal_senders=8", "-c", "fsync=off", "-c", "shared_buffers=16MB",
	}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	used(t, "PostgreSQL")
	startAs(t, as, address, nil, program, args...)
	poll := time.NewTicker(20 * time.Millisecond) //nolint:forbidigo // it waits for a real process
	defer poll.Stop()
	for {
		conn, err := pgconn.Connect(t.Context(), "postgres://postgres@"+address+"/postgres?sslmode=disable")
		if err == nil {
			_ = conn.Close(t.Context()) // it has answered
			return address
		}
		if t.Context().Err() != nil {
			t.Fatalf("PostgreSQL is not ready: %v", err)
		}
		<-poll.C
	}
}

// emptyPostgres is a directory with empty databases, to be copied. It takes seconds
// to make, and so is kept beside the temporary files, for the user that runs it.
func emptyPostgres(t testing.TB, dir string, as *syscall.SysProcAttr, initdb string) string {
	t.Helper()
	uid := uint32(os.Getuid())
	if as != nil {
		uid = as.Credential.Uid
	}
	version, err := exec.CommandContext(t.Context(), initdb, "--version").Output()
	if err != nil {
		t.Fatalf("%s: %v", initdb, err)
	}
	kept := filepath.Join(os.TempDir(), fmt.Sprintf("wadi-empty-postgres-%x-%d", crc32.ChecksumIEEE(version), uid))
	if is, err := os.Lstat(kept); err == nil && is.IsDir() && is.Sys().(*syscall.Stat_t).Uid == uid {
		return kept
	}
	made := filepath.Join(dir, "empty")
	run(t, as, initdb, "-D", made, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
	if err := os.Rename(made, kept); err != nil {
		return made // another test was faster, or it is elsewhere
	}
	return kept
}

// MariaDB starts MariaDB with the database test, and returns its host:port. The user
// root has no password.
func MariaDB(t testing.TB) string {
	t.Helper()
	const how = "apt-get install mariadb-server"
	program := findIn(t, "mariadbd", "/usr/sbin", how)
	install := findIn(t, "mariadb-install-db", "/usr/bin", how)
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	dir, as := dataOf(t, "mysql")
	data := filepath.Join(dir, "data")
	temporary := "--tmpdir=" + dir // a server that starts removes what another has left in its own
	run(t, as, install, "--no-defaults", "--datadir="+data, temporary, "--auth-root-authentication-method=normal", "--innodb-log-file-size=4M")
	used(t, "MariaDB")
	startAs(t, as, address, nil, program, "--no-defaults", "--datadir="+data, temporary, "--socket="+filepath.Join(dir, "s"), "--port="+port,
		"--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--skip-name-resolve")
	return address
}

// findIn is find, which looks in the directories of a pattern too.
func findIn(t testing.TB, program, pattern, how string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(pattern, program))
	if err == nil && len(found) > 0 {
		return found[len(found)-1]
	}
	return find(t, program, how)
}

// dataOf is a new directory with a short name, and as whom to run what uses it: the
// user with that name in place of root, whom some servers refuse.
func dataOf(t testing.TB, name string) (dir string, as *syscall.SysProcAttr) {
	t.Helper()
	dir, err := os.MkdirTemp("", "wadi") //nolint:usetesting // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // what is left is in the system's temporary directory
	if os.Getuid() != 0 {
		return dir, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Skipf("%s does not run as root, and there is no other user: %v", name, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// run runs a program to its end.
func run(t testing.TB, as *syscall.SysProcAttr, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.SysProcAttr, cmd.Dir = as, "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
