package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wadi-engine/wadi/internal/testserver"
)

// jars copies the jars that a pom names, and what they need, into dir/lib.
func (p *place) jars(ctx context.Context, name string, artifacts []string, more func(dir string) error) (string, error) {
	if err := java17(ctx); err != nil {
		return "", err
	}
	return p.once(name, func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), pom(name, artifacts), 0o644); err != nil {
			return err
		}
		err := command(ctx, dir, nil, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime")
		if err != nil || more == nil {
			return err
		}
		return more(dir)
	})
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// java17 reports why there is no Java 17 or newer.
func java17(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	if err != nil {
		return errors.New("there is no java")
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return errors.New("java does not tell its version")
	}
	if n, _ := strconv.Atoi(string(m[1])); n < 17 {
		return fmt.Errorf("java is %s; want 17", m[1])
	}
	return nil
}

// pom declares artifacts: group:artifact:version[:classifier][!excluded group:artifact].
func pom(name string, artifacts []string) []byte {
	var b strings.Builder
	b.WriteString(`<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>wadi</groupId><artifactId>` +
		name + `</artifactId><version>1</version><dependencies>`)
	for _, a := range artifacts {
		a, exclude, _ := strings.Cut(a, "!")
		part := append(strings.Split(a, ":"), "")
		b.WriteString("<dependency><groupId>" + part[0] + "</groupId><artifactId>" + part[1] + "</artifactId><version>" + part[2] + "</version>")
		if part[3] != "" {
			b.WriteString("<classifier>" + part[3] + "</classifier>")
		}
		if g, id, ok := strings.Cut(exclude, ":"); ok {
			b.WriteString("<exclusions><exclusion><groupId>" + g + "</groupId><artifactId>" + id + "</artifactId></exclusion></exclusions>")
		}
		b.WriteString("</dependency>")
	}
	b.WriteString("</dependencies></project>")
	return []byte(b.String())
}

func jvm(classpath string, rest ...string) []string {
	return slices.Concat(testserver.SmallJVM, []string{"-cp", classpath}, rest)
}

func startREST(ctx context.Context, p *place) (string, error) {
	dir, err := p.jars(ctx, "iceberg-rest", []string{
		"org.apache.iceberg:iceberg-open-api:1.11.0:test-fixtures", "org.apache.iceberg:iceberg-core:1.11.0",
		"org.apache.iceberg:iceberg-core:1.11.0:tests", "org.eclipse.jetty:jetty-server:12.1.5",
		"org.eclipse.jetty.ee10:jetty-ee10-servlet:12.1.5", "org.eclipse.jetty.compression:jetty-compression-server:12.1.5",
		"org.eclipse.jetty.compression:jetty-compression-gzip:12.1.5", "org.xerial:sqlite-jdbc:3.50.3.0",
		"org.apache.hadoop:hadoop-client-api:3.4.2", "org.apache.hadoop:hadoop-client-runtime:3.4.2", "org.slf4j:slf4j-simple:2.0.17",
	}, nil)
	if err != nil {
		return "", err
	}
	address, port, err := free()
	if err != nil {
		return "", err
	}
	env := []string{
		"CATALOG_WAREHOUSE=file://" + filepath.Join(p.env["WADI_TEST_SHARED"], "rest"), "CATALOG_REST_PORT=" + port,
		"CATALOG_URI=jdbc:sqlite:" + filepath.Join(p.temp, "rest.db"),
	}
	p.env["WADI_TEST_REST"] = "http://" + address
	if err := p.launch(ctx, address, p.temp, env, "java", jvm(dir+"/lib/*", "org.apache.iceberg.rest.RESTCatalogServer")...); err != nil {
		delete(p.env, "WADI_TEST_REST")
		return "", err
	}
	return "ready at " + address, nil
}

// old are jars of Hadoop 2 and of loggers that must not be beside those of Hadoop 3.
var old = []string{"hadoop-common-2*", "hadoop-annotations-2*", "hadoop-auth-2*", "hadoop-hdfs-2*", "slf4j-log4j12*", "log4j-1.2.17*", "guava-19*"}

func installHive(ctx context.Context, p *place) (string, error) {
	const version = "3.1.3"
	return p.jars(ctx, "hive", []string{
		"org.apache.hive:hive-standalone-metastore:" + version + "!jdk.tools:jdk.tools",
		"org.apache.hadoop:hadoop-client-api:3.4.2", "org.apache.hadoop:hadoop-client-runtime:3.4.2", "org.apache.hadoop:hadoop-hdfs:3.4.2",
		"com.google.guava:guava:22.0", "commons-cli:commons-cli:1.5.0", "commons-io:commons-io:2.16.1",
	}, func(dir string) error {
		for _, pattern := range old {
			found, err := filepath.Glob(filepath.Join(dir, "lib", pattern))
			if err != nil {
				return err
			}
			for _, jar := range found {
				if err := os.Remove(jar); err != nil {
					return err
				}
			}
		}
		// The scripts that make the database are in another artifact.
		err := command(ctx, dir, nil, "mvn", "-q", "-B", "dependency:copy", "-DoutputDirectory=.",
			"-Dartifact=org.apache.hive:hive-standalone-metastore:"+version+":tar.gz:bin")
		if err != nil {
			return err
		}
		return command(ctx, dir, nil, "tar", "xzf", "hive-standalone-metastore-"+version+"-bin.tar.gz")
	})
}

//go:embed metastore-site.xml
var metastoreSite string

func startHive(ctx context.Context, p *place) (string, error) {
	dir, err := installHive(ctx, p)
	if err != nil {
		return "", err
	}
	conf := filepath.Join(p.temp, "hive")
	if err := os.MkdirAll(conf, 0o755); err != nil {
		return "", err
	}
	site := strings.NewReplacer("@warehouse@", filepath.Join(p.env["WADI_TEST_SHARED"], "hive"), "@database@", filepath.Join(p.temp, "hive.db")).Replace(metastoreSite)
	if err := os.WriteFile(filepath.Join(conf, "metastore-site.xml"), []byte(site), 0o644); err != nil {
		return "", err
	}
	env := []string{"METASTORE_HOME=" + filepath.Join(dir, "apache-hive-metastore-3.1.3-bin")}
	path := conf + ":" + dir + "/lib/*"
	if err := command(ctx, conf, env, "java", jvm(path, "org.apache.hadoop.hive.metastore.tools.MetastoreSchemaTool", "-dbType", "derby", "-initSchema")...); err != nil {
		return "", err
	}
	address, port, err := free()
	if err != nil {
		return "", err
	}
	if err := p.launch(ctx, address, conf, env, "java", jvm(path, "org.apache.hadoop.hive.metastore.HiveMetaStore", "-p", port)...); err != nil {
		return "", err
	}
	p.env["WADI_TEST_HIVE"] = "thrift://" + address
	return "ready at " + address, nil
}

func startKafka(ctx context.Context, p *place) (string, error) {
	dir, err := p.jars(ctx, "kafka", []string{"org.apache.kafka:kafka_2.13:4.3.1", "org.slf4j:slf4j-simple:1.7.36"}, nil)
	if err != nil {
		return "", err
	}
	address, port, err := free()
	if err != nil {
		return "", err
	}
	_, controller, err := free()
	if err != nil {
		return "", err
	}
	config := filepath.Join(p.temp, "kafka.properties")
	text := testserver.KafkaProperties(1, 1, port, controller, filepath.Join(p.temp, "kafka"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return "", err
	}
	if err := command(ctx, p.temp, nil, "java", jvm(dir+"/lib/*", "kafka.tools.StorageTool", "format", "-t", testserver.KafkaCluster, "-c", config)...); err != nil {
		return "", err
	}
	if err := p.launch(ctx, address, p.temp, nil, "java", jvm(dir+"/lib/*", "kafka.Kafka", config)...); err != nil {
		return "", err
	}
	p.env[testserver.EnvKafka], p.env[testserver.EnvKafkaJars] = address, filepath.Join(dir, "lib")
	return "ready at " + address, nil
}
