package wadi_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/wadi-engine/wadi/internal/config"
	"github.com/wadi-engine/wadi/lambda"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// yamlMap is a mapping of a template; what has a tag of CloudFormation is a node
// like any other.
func yamlMap(t *testing.T, n *yaml.Node) map[string]*yaml.Node {
	t.Helper()
	if n == nil || n.Kind != yaml.MappingNode {
		t.Fatalf("no mapping: %+v", n)
	}
	all := make(map[string]*yaml.Node)
	for i := 0; i < len(n.Content); i += 2 {
		all[n.Content[i].Value] = n.Content[i+1]
	}
	return all
}

// properties says whether a function would take WADI_PROPERTIES of a template, and
// returns its keys.
func properties(t *testing.T, text string) []string {
	t.Helper()
	filled := regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllString(text, "x")
	loaded, err := config.Load(config.Sources{Getenv: func(name string) string {
		if name == "WADI_PROPERTIES" {
			return filled
		}
		return ""
	}})
	if err != nil {
		t.Fatalf("%s: %v", filled, err)
	}
	var keys []string
	for key := range loaded.All() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

var wantedKeys = []string{"execution.checkpointing.dir", "execution.functions.target"}

// actions are the permissions that a text names.
func actions(text string) []string {
	all := regexp.MustCompile(`\b(?:s3|lambda):[A-Z][a-z]\w+`).FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestTemplateOfSAM: the function of deploy/sam takes the events and the
// configuration that the template gives it.
func TestTemplateOfSAM(t *testing.T) {
	text := readFile(t, "deploy/sam/template.yaml")
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	resources := yamlMap(t, yamlMap(t, doc.Content[0])["Resources"])
	f := yamlMap(t, yamlMap(t, resources["Function"])["Properties"])
	if f["Handler"].Value != "bootstrap" || f["Runtime"].Value != "provided.al2023" || f["CodeUri"].Value != "../../bin/lambda-arm64.zip" {
		t.Errorf("%s %s %s is not what make lambda writes", f["Handler"].Value, f["Runtime"].Value, f["CodeUri"].Value)
	}
	variables := yamlMap(t, yamlMap(t, f["Environment"])["Variables"])
	if keys := properties(t, variables["WADI_PROPERTIES"].Value); !slices.Equal(keys, wantedKeys) {
		t.Errorf("keys %v", keys)
	}
	timer := yamlMap(t, yamlMap(t, yamlMap(t, f["Events"])["Timer"])["Properties"])
	if n, ok, err := lambda.NotificationOf(json.RawMessage(timer["Input"].Value)); !ok || err != nil || n.Trigger == nil || n.Trigger.Reason != lambda.Timer {
		t.Errorf("%s: %+v, %v", timer["Input"].Value, n, err)
	}
	pattern := yamlMap(t, yamlMap(t, yamlMap(t, resources["NewObjects"])["Properties"])["EventPattern"])
	event := `{"source":"` + pattern["source"].Content[0].Value + `","detail-type":"` + pattern["detail-type"].Content[0].Value + `","detail":{"bucket":{"name":"in"},"object":{"key":"k"}}}`
	if n, ok, err := lambda.NotificationOf(json.RawMessage(event)); !ok || err != nil || n.Trigger == nil || len(n.Trigger.Objects) != 1 {
		t.Errorf("%s: %+v, %v", event, n, err)
	}
	want := []string{"lambda:InvokeFunction", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}
	for _, file := range []string{"deploy/sam/template.yaml", "deploy/terraform/main.tf"} {
		if got := actions(readFile(t, file)); !slices.Equal(got, want) {
			t.Errorf("%s allows %v, want %v", file, got, want)
		}
	}
}

// TestTemplateOfTerraform: as much of deploy/terraform as is seen without reading
// its language.
func TestTemplateOfTerraform(t *testing.T) {
	text := readFile(t, "deploy/terraform/main.tf")
	_, after, ok := strings.Cut(text, "WADI_PROPERTIES = <<-EOT\n")
	own, _, closed := strings.Cut(after, "EOT")
	if !ok || !closed {
		t.Fatal("no WADI_PROPERTIES")
	}
	var lines []string
	for line := range strings.Lines(own) {
		lines = append(lines, strings.TrimSpace(line))
	}
	if keys := properties(t, strings.Join(lines, "\n")); !slices.Equal(keys, wantedKeys) {
		t.Errorf("keys %v", keys)
	}
	for _, want := range []string{`handler          = "bootstrap"`, `runtime          = "provided.al2023"`, `jsonencode({ trigger = { reason = "timer" } })`, `detail-type = ["Object Created"]`, "lambda-${"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	used, declared := map[string]bool{}, readFile(t, "deploy/terraform/variables.tf")
	for _, m := range regexp.MustCompile(`\bvar\.(\w+)`).FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`variable "(\w+)"`).FindAllStringSubmatch(declared, -1) {
		if !used[m[1]] {
			t.Errorf("nobody uses variable %s", m[1])
		}
		delete(used, m[1])
	}
	if len(used) > 0 {
		t.Errorf("nobody declares %v", used)
	}
}

// TestTemplateOfAzure: the package of deploy/azure fits what the Bicep file sets up.
func TestTemplateOfAzure(t *testing.T) {
	var host struct {
		CustomHandler struct {
			Description struct {
				Path      string   `json:"defaultExecutablePath"`
				Arguments []string `json:"arguments"`
			} `json:"description"`
			Forward bool `json:"enableForwardingHttpRequest"`
		} `json:"customHandler"`
	}
	if err := json.Unmarshal([]byte(readFile(t, "deploy/azure/function/host.json")), &host); err != nil {
		t.Fatal(err)
	}
	d := host.CustomHandler.Description
	if d.Path != "wadi" || !slices.Equal(d.Arguments, []string{"function"}) || !host.CustomHandler.Forward {
		t.Errorf("%+v", host)
	}
	bicep, bundled := readFile(t, "deploy/azure/main.bicep"), readFile(t, "Makefile")
	for name, trigger := range map[string]string{"tasks": "httpTrigger", "timer": "timerTrigger", "objects": "eventGridTrigger"} {
		var f struct {
			Bindings []struct{ Type, Schedule string }
		}
		path := name + "/function.json"
		if err := json.Unmarshal([]byte(readFile(t, "deploy/azure/function/"+path)), &f); err != nil || f.Bindings[0].Type != trigger {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
		if s := strings.Trim(f.Bindings[0].Schedule, "%"); s != "" && !strings.Contains(bicep, s+":") {
			t.Errorf("no setting %s", s)
		}
		if !strings.Contains(bundled, path+"=deploy/azure/function/"+path) {
			t.Errorf("make lambda does not bundle %s", path)
		}
	}
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^ +'([a-z.-]+): `).FindAllStringSubmatch(bicep, -1) {
		keys = append(keys, m[1])
	}
	if !slices.Equal(keys, wantedKeys) {
		t.Errorf("keys %v", keys)
	}
	properties(t, "execution.checkpointing.dir: abfss://x@x.dfs.x/wadi\nexecution.functions.target: ") // before it is published
	if !strings.Contains(bicep, "/api/tasks") || !strings.Contains(bicep, "/functions/objects") {
		t.Error("the functions of the package are not named")
	}
}
