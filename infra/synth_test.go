package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

const (
	// asProgram makes the test binary run as the program itself.
	asProgram = "INFRA_TEST_AS_PROGRAM"
	// inside says that the environment has been set up by the process before.
	inside = "INFRA_TEST_INSIDE"
)

// TestMain runs the tests in a second process, because jsii reads its environment while packages initialise, and because
// it races with itself when it is closed: so it is never closed, and the folder it leaves is removed from outside.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asProgram) != "":
		main()
	case os.Getenv(inside) != "":
		os.Exit(m.Run())
	default:
		os.Exit(runInside())
	}
}

func runInside() int {
	// Nothing has been started in this process, but a folder has been unpacked.
	jsii.Close()
	if err := findNode(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	folder, err := os.MkdirTemp("", "infra-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	defer os.RemoveAll(folder)
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Stdin = os.Stdin
	cmd.Stdout = os.Stdout
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), inside+"=1", "TMPDIR="+folder,
		"JSII_DEPRECATED=quiet", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}

	return cmd.ProcessState.ExitCode()
}

// The templates that promises are checked in: what ships by default, with everything optional, and the local environment.
var (
	shipped = synthesizeOnce(map[string]any{
		"stage": "snapshot", "issuer": "https://issuer.example.com/", "audience": "integrations",
	})
	complete = synthesizeOnce(map[string]any{
		"stage": "zebra", "issuer": "https://issuer.example.com/", "audience": "one,two", "scopes": "integrations.manage",
		"userClaim": "user_id", "eventSource": "product", "maximumConcurrency": "9", "goarch": "amd64", "purgeAfterDays": "90",
		"vpcId": "vpc-0a", "subnetIds": "subnet-0a,subnet-0b", "alarmTopic": "oncall@example.com",
		"allowDial": "10.1.2.3/32:8443,fd00::/8:443", "publishers": "arn:aws:iam::123456789012:role/product",
	})
	onLoopback = synthesizeOnce(map[string]any{
		"stage": "giraffe", "profile": "local", "issuer": "http://127.0.0.1:4000", "audience": "local",
	})
)

// everywhere runs a check in each of the templates.
func everywhere(t *testing.T, check func(*testing.T, template)) {
	t.Helper()
	for name, of := range map[string]func() template{"shipped": shipped, "complete": complete, "local": onLoopback} {
		t.Run(name, func(t *testing.T) { check(t, of()) })
	}
}

// A template is the JSON that CloudFormation gets.
type template struct {
	stage      string
	findings   []string
	whole      map[string]any
	Resources  map[string]resource
	Outputs    map[string]any
	Parameters map[string]any
	Rules      map[string]any
	Conditions map[string]any
}

type resource struct {
	Type                string
	Properties          map[string]any
	Metadata            map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
}

func synthesizeOnce(context map[string]any) func() template {
	return sync.OnceValue(func() template {
		read, err := synthesize(context, nil)
		if err != nil {
			panic(err)
		}
		return read
	})
}

// synthesize builds the stack from stub binaries in a folder of its own; meddle may add to it.
func synthesize(context map[string]any, meddle func(awscdk.Stack)) (template, error) {
	folder, err := os.MkdirTemp("", "infra-test-")
	if err != nil {
		return template{}, err
	}

	defer os.RemoveAll(folder)
	settings, err := readSettings(func(name string) any { return context[name] })
	if err != nil {
		return template{}, err
	}

	if err := writeStubs(filepath.Join(folder, "build"), settings.Architecture); err != nil {
		return template{}, err
	}

	out := filepath.Join(folder, "out")
	app := newApp(&out, context)
	stack, err := newStack(app, settings, filepath.Join(folder, "build"))
	if err != nil {
		return template{}, err
	}

	if meddle != nil {
		meddle(stack)
	}

	app.Synth(nil)

	return readTemplate(out, settings.Stage)
}

// writeStubs makes binaries that hold their function's name: identical ones would share one asset.
func writeStubs(build, architecture string) error {
	for _, d := range (catalogue{}).definitions() {
		folder := filepath.Join(build, architecture, d.name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}

		if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte(d.name), 0o755); err != nil {
			return err
		}
	}

	return nil
}

func readTemplate(out, stage string) (template, error) {
	text, err := os.ReadFile(filepath.Join(out, "Integrations-"+stage+".template.json"))
	if err != nil {
		return template{}, err
	}

	read := template{stage: stage}
	if err := json.Unmarshal(text, &read); err != nil {
		return template{}, err
	}

	if err := json.Unmarshal(text, &read.whole); err != nil {
		return template{}, err
	}

	read.findings, err = readFindings(out, stage)

	return read, err
}

// readFindings collects what cdk-nag and CDK itself have to say against the stack.
func readFindings(out, stage string) ([]string, error) {
	var findings []string
	for _, name := range []string{"manifest.json", "Integrations-" + stage + ".metadata.json"} {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			return nil, err
		}

		var decoded any
		if err := json.Unmarshal(text, &decoded); err != nil {
			return nil, err
		}

		walk(decoded, func(_ []string, value any) {
			entry, _ := value.(map[string]any)
			if kind, _ := entry["type"].(string); slices.Contains([]string{"aws:cdk:error", "aws:cdk:warning"}, kind) {
				findings = append(findings, fmt.Sprint(entry["data"]))
			}
		})
	}

	return findings, nil
}

// walk visits a JSON value and all that it holds, with the way there.
func walk(value any, visit func(path []string, value any)) { walkFrom(nil, value, visit) }

func walkFrom(path []string, value any, visit func([]string, any)) {
	visit(path, value)
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			walkFrom(append(slices.Clip(path), key), inner, visit)
		}
	case []any:
		for i, inner := range v {
			walkFrom(append(slices.Clip(path), fmt.Sprint(i)), inner, visit)
		}
	}
}

// ofType gives the resources of a type by logical id.
func (t template) ofType(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}

	return found
}

// functions gives the functions by the name of their folder.
func (t template) functions() map[string]resource {
	found := map[string]resource{}
	for _, r := range t.ofType("AWS::Lambda::Function") {
		found[strings.TrimPrefix(text(r.Properties["FunctionName"]), "integrations-"+t.stage+"-")] = r
	}
	return found
}

// at follows a way of keys into a value; anything missing on it is nil.
func at(value any, path ...string) any {
	for _, key := range path {
		inner, _ := value.(map[string]any)
		value = inner[key]
	}
	return value
}

func (r resource) at(path ...string) any { return at(r.Properties, path...) }

func text(value any) string { s, _ := value.(string); return s }

func number(value any) float64 { n, _ := value.(float64); return n }

// target is the logical id that a Ref or a Fn::GetAtt leads to.
func target(value any) string {
	if ref := text(at(value, "Ref")); ref != "" {
		return ref
	}

	if att, _ := at(value, "Fn::GetAtt").([]any); len(att) == 2 {
		return text(att[0])
	}

	return ""
}

func listOf(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func textsOf(value any) []string {
	var list []string
	for _, v := range listOf(value) {
		list = append(list, text(v))
	}
	return list
}

// literals joins every piece of text in a value, so that a character in it cannot hide in a Fn::Join.
func literals(value any) string {
	var all strings.Builder
	walk(value, func(_ []string, inner any) { all.WriteString(text(inner)) })
	return all.String()
}
