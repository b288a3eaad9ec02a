package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// server is one that tests need. start makes it ready and says how.
type server struct {
	short, name string
	start       func(ctx context.Context, p *place) (how string, err error)
}

// each is how servers run that are cheap: every test starts its own.
const each = "installed; each test starts its own"

var servers = []server{
	{"s3", "versitygw 1.8.0 (S3)", installGo("versitygw", "github.com/versity/versitygw/cmd/versitygw@v1.8.0")},
	{"gcs", "fake-gcs-server 1.56.1 (GCS)", installGo("fake-gcs-server", "github.com/fsouza/fake-gcs-server@v1.56.1")},
	{"azure", "Azurite 3.35.0 (Azure Blob)", installAzurite},
	{"glue", "moto 5.2.5 (AWS Glue)", installMoto},
	{"postgres", "PostgreSQL", installPostgres},
	{"mariadb", "MariaDB", installed("mariadbd", "/usr/sbin/mariadbd")},
	{"promtool", "promtool (Prometheus)", installPromtool},
	{"rest", "Iceberg REST catalog 1.11.0", startREST},
	{"hive", "Hive Metastore 3.1.3", startHive},
	{"kafka", "Apache Kafka 4.3.1 (KRaft)", startKafka},
}

func installGo(program, module string) func(context.Context, *place) (string, error) {
	return func(ctx context.Context, p *place) (string, error) {
		bin := p.env["WADI_TEST_BIN"]
		if _, err := os.Stat(filepath.Join(bin, program)); err == nil {
			return each, nil
		}
		return each, command(ctx, "", []string{"GOBIN=" + bin, "CGO_ENABLED=0", "GOFLAGS="}, "go", "install", module)
	}
}

// installed looks for a program that comes with the system.
func installed(program, pattern string) func(context.Context, *place) (string, error) {
	return func(context.Context, *place) (string, error) {
		found, err := filepath.Glob(pattern)
		if _, look := exec.LookPath(program); err == nil && len(found) == 0 && look != nil {
			return "", fmt.Errorf("there is no %s; the system's package manager has it", program)
		}
		return each, err
	}
}

// link puts a program where tests look for it.
func (p *place) link(program string) error {
	at := filepath.Join(p.env["WADI_TEST_BIN"], filepath.Base(program))
	if err := os.Remove(at); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(program, at)
}

func installAzurite(ctx context.Context, p *place) (string, error) {
	dir, err := p.once("azurite", func(dir string) error {
		return command(ctx, dir, nil, "npm", "install", "--prefix", dir, "--no-audit", "--no-fund", "azurite@3.35.0")
	})
	if err != nil {
		return "", err
	}
	return each, p.link(filepath.Join(dir, "node_modules", ".bin", "azurite-blob"))
}

func installMoto(ctx context.Context, p *place) (string, error) {
	dir, err := p.once("moto", func(dir string) error {
		if err := command(ctx, dir, nil, "python3", "-m", "venv", dir); err != nil {
			return err
		}
		return command(ctx, dir, nil, filepath.Join(dir, "bin", "pip"), "install", "-q", "moto[server]==5.2.5")
	})
	if err != nil {
		return "", err
	}
	return each, p.link(filepath.Join(dir, "bin", "moto_server"))
}

// installPromtool looks for promtool on the machine, or takes it out of Debian's
// package, of which nothing else is installed.
func installPromtool(ctx context.Context, p *place) (string, error) {
	if how, err := installed("promtool", "/usr/bin/promtool")(ctx, p); err == nil {
		return how, nil
	}
	dir, err := p.once("promtool", func(dir string) error {
		if err := command(ctx, dir, nil, "apt-get", "download", "prometheus"); err != nil {
			return err
		}
		found, err := filepath.Glob(filepath.Join(dir, "prometheus_*.deb"))
		if err != nil || len(found) == 0 {
			return errors.Join(err, errors.New("apt-get has downloaded nothing"))
		}
		return errors.Join(command(ctx, dir, nil, "dpkg-deb", "-x", found[0], dir), os.Remove(found[0]))
	})
	if err != nil {
		return "", err
	}
	return "a program, of Debian's package", p.link(filepath.Join(dir, "usr", "bin", "promtool"))
}
