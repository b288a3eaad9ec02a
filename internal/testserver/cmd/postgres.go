package main

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/wadi-engine/wadi/internal/testserver"
)

// postgresVersion is that of the artifacts of Maven that hold PostgreSQL's programs.
const postgresVersion = "16.9.0"

// installPostgres looks for PostgreSQL on the machine, or takes it from Maven.
func installPostgres(ctx context.Context, p *place) (string, error) {
	if how, err := installed("postgres", "/usr/lib/postgresql/*/bin/postgres")(ctx, p); err == nil {
		return how, nil
	}
	dir, err := p.once("postgres", func(dir string) error {
		name := "embedded-postgres-binaries-" + runtime.GOOS + "-" + strings.Replace(runtime.GOARCH, "arm64", "arm64v8", 1)
		err := command(ctx, dir, nil, "mvn", "-q", "-B", "dependency:copy", "-DoutputDirectory=.", "-Dartifact=io.zonky.test.postgres:"+name+":"+postgresVersion)
		if err != nil {
			return err
		}
		return unzip(filepath.Join(dir, name+"-"+postgresVersion+".jar"), ".txz", filepath.Join(dir, "postgres.txz"))
	})
	if err != nil {
		return "", err
	}
	// Tests that root runs start it as somebody else, who must be able to read it.
	to := filepath.Join(p.temp, "postgres")
	if err := errors.Join(os.Mkdir(to, 0o755), os.Chmod(p.temp, 0o755)); err != nil { //nolint:gosec // others read it
		return "", err
	}
	p.env[testserver.EnvPostgres] = filepath.Join(to, "bin")
	return "from Maven; each test starts its own", command(ctx, to, nil, "tar", "xJf", filepath.Join(dir, "postgres.txz"))
}

// unzip takes the file with a suffix out of an archive.
func unzip(archive, suffix, to string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, suffix) {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.Create(to)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in) //nolint:gosec // from a registry, as are the programs in it
		return errors.Join(err, out.Close())
	}
	return errors.New("the archive holds no " + suffix)
}
