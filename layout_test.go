// Package integrations_test checks what holds for the repository as a whole:
// every package says its one job, and nobody imports whom he must not.
package integrations_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

type pkg struct {
	ImportPath, Name, Doc string
	Deps                  []string
	GoFiles               []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Deps,GoFiles", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}

	var all []pkg
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}

		if len(p.GoFiles) == 0 {
			continue
		}
		p.ImportPath = short(p.ImportPath)
		for i, dep := range p.Deps {
			p.Deps[i] = short(dep)
		}
		all = append(all, p)
	}
}

// short writes "integrations" for the module's path, so that the rules hold under any
// path that the module is given.
func short(path string) string {
	module, _ := strings.CutSuffix(reflect.TypeFor[domain.Item]().PkgPath(), "/shared/domain")
	rest, own := strings.CutPrefix(path, module)
	if own && (rest == "" || rest[0] == '/') {
		return "integrations" + rest
	}

	return path
}

func TestEveryPackageSaysItsJob(t *testing.T) {
	for _, p := range packages(t) {
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}

		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: its comment must start with %q and say its one job; it is %q", p.ImportPath, want, p.Doc)
		}
	}
}

// rules say who must not depend on whom, and why.
var rules = []struct{ who, mustNot, because string }{
	{`^integrations/(functions|shared)/`, `^integrations/(local|infra)(/|$)`, "the product must not need what drives or deploys it"},
	{`^integrations/(functions|shared|local)(/|$)`, `^github\.com/(aws/aws-cdk-go|aws/jsii|cdklabs)`, "the CDK belongs in infra alone: it is huge"},
	{`^integrations/functions/(get|list|create|delete|patch|sync|status|syncs|cancel|items|retry|ingest|dispatch)(/|$)`, `^integrations/shared/(connector|outbound)(/|$)`, "only the worker and the check talk to providers"},
	{`^integrations/functions/(get|list|delete|check|sync|status|syncs|cancel|items|retry|ingest|dispatch|providersync)(/|$)`, `jsonschema`, "schemas cost a cold start; only who accepts configurations needs them"},
	{`^integrations/functions/(get|list|delete|sync|status|syncs|cancel|items|retry|ingest|dispatch)(/|$)`, `/service/kms$`, "these functions never touch a secret"},
	{`^integrations/functions/`, `(gin-gonic|gorilla/mux|go-chi|labstack|gofiber|kin-openapi)`, "a switch on the route needs no web framework"},
	{`^integrations/functions/(get|list|create|delete|check|patch|sync|status|syncs|cancel|items|retry|ingest)(/|$)`, `/service/eventbridge$`, "only who publishes links what publishes"},
	{`^integrations/functions/(get|list|create|check|patch|status|syncs|cancel|items)(/|$)`, `/service/sqs$`, "these functions send nothing"},
	{`^integrations/functions/`, `aws-sdk-go-v2/config$`, "loading the shared configuration costs a cold start dearly"},
	{`^integrations/shared/domain$`, `^(github\.com|integrations/|net/http$)`, "the domain is pure"},
	{`^integrations/shared/(limits|events/outgoing)$`, `^(github\.com|net/http$)|^integrations/shared/(store|api)$`, "these are pure"},
	{`^integrations/shared/outbound$`, `^integrations/shared/connector$`, "a client for HTTP is not about items: it needs the classes of failures alone"},
	{`^integrations/client$`, `^(integrations/|github\.com|golang\.org/x/)`, "others take the client as it is: it stands on the standard library alone"},
	{`^integrations/client(/|$)`, `^integrations/(local|infra|functions|shared|docs)(/|$)`, "a caller of the API needs its contract and nothing of its inside"},
	{`^integrations/(functions|shared)/`, `^integrations/(client|docs)(/|$)`, "the product does not call itself"},
	{`^integrations/(functions|shared)/`, `kin-openapi|oasdiff`, "the document is held against the product in tests, and costs no cold start"},
	{`^integrations/shared/`, `^integrations/functions/`, "shared code does not know who uses it"},
}

func TestNobodyImportsWhomHeMustNot(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		who := regexp.MustCompile(r.who)
		mustNot := regexp.MustCompile(r.mustNot)
		met := false
		for _, p := range all {
			if !who.MatchString(p.ImportPath) {
				continue
			}

			met = true
			for _, dep := range p.Deps {
				if mustNot.MatchString(dep) {
					t.Errorf("%s depends on %s: %s", p.ImportPath, dep, r.because)
				}
			}
		}

		if !met {
			t.Errorf("the rule for %s concerns no package any more", r.who)
		}
	}
}

// Each function has an event to try it with.
func TestEveryFunctionHasASampleEvent(t *testing.T) {
	for _, p := range packages(t) {
		name, ok := strings.CutPrefix(p.ImportPath, "example.com/integrations/functions/")
		if !ok || strings.Contains(name, "/") {
			continue
		}

		event, err := os.ReadFile("events/" + name + ".json")
		if err != nil || !json.Valid(event) {
			t.Errorf("%s has no event to be tried with: %v", name, err)
		}
	}
}

func TestFunctionsDoNotImportEachOther(t *testing.T) {
	function := regexp.MustCompile(`^integrations/functions/([a-z]+)`)
	for _, p := range packages(t) {
		own := function.FindStringSubmatch(p.ImportPath)
		if own == nil {
			continue
		}

		for _, dep := range p.Deps {
			if other := function.FindStringSubmatch(dep); other != nil && other[1] != own[1] {
				t.Errorf("%s depends on %s: what two functions use belongs in shared", p.ImportPath, dep)
			}
		}
	}
}
