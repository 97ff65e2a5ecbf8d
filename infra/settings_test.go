package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func settingsFrom(context map[string]any) (Settings, error) {
	return readSettings(func(name string) any { return context[name] })
}

func TestSettingsDefaults(t *testing.T) {
	s, err := settingsFrom(map[string]any{"stage": "prod", "issuer": "https://id.example.com/", "audience": "integrations"})
	if err != nil {
		t.Fatal(err)
	}

	if s.Profile != production || s.UserClaim != "sub" || s.EventSource != "platform" || s.MaximumConcurrency != 4 || s.Architecture != "arm64" || s.PurgeAfterDays != 30 {
		t.Errorf("%+v", s)
	}

	s, err = settingsFrom(map[string]any{"stage": "dev", "profile": "local", "issuer": "http://127.0.0.1:1", "audience": "a"})
	if err != nil {
		t.Fatal(err)
	}

	if s.Architecture != runtime.GOARCH || s.Timings != timingsOf(local) {
		t.Errorf("%+v", s)
	}
}

func TestSettingsTakeTextAndJSON(t *testing.T) {
	for name, context := range map[string]map[string]any{
		"command line": {"audience": "one, two", "maximumConcurrency": "7", "allowDial": "10.0.0.0/8:8443"},
		"JSON":         {"audience": []any{"one", "two"}, "maximumConcurrency": 7.0, "allowDial": []any{"10.9.9.9/8:8443"}},
	} {
		t.Run(name, func(t *testing.T) {
			context["stage"] = "prod"
			context["issuer"] = "https://id.example.com"
			s, err := settingsFrom(context)
			if err != nil {
				t.Fatal(err)
			}

			if !slices.Equal(s.Audience, []string{"one", "two"}) || s.MaximumConcurrency != 7 || s.AllowDial[0].String() != "10.0.0.0/8:8443" {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestSettingsRefuse(t *testing.T) {
	tests := map[string][]any{
		"stage":              {nil, "", "Prod", "1st", "a b", "prod_1", strings.Repeat("a", 21), map[string]any{}},
		"profile":            {"staging"},
		"issuer":             {nil, "id.example.com", "http://id.example.com", "https://", "https://id.example.com/?a=b", "https://id.example.com/#a", "://"},
		"audience":           {nil, "", " , "},
		"userClaim":          {"a b", "a\nb"},
		"eventSource":        {"a b", strings.Repeat("a", 201)},
		"maximumConcurrency": {"1", "0", "-4", "1001", "many", "2.5", 1.0, 2.5},
		"goarch":             {"x86_64", "386"},
		"purgeAfterDays":     {"0", "-1", "3651", "1.5", "never"},
		"vpcId":              {"subnet-1", "vpc-"},
		"subnetIds":          {"vpc-1", "subnet-1"},
		"alarmTopic":         {"someone", "A <a@example.com>", "a@example.com, b@example.com"},
		"allowDial":          {"10.0.0.0/8", "10.0.0.0:443", "10.0.0.0/8:0", "10.0.0.0/8:70000", "host:443", "::1:443", "10.0.0.0/33:443"},
		"publishers":         {"*", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/*"},
	}
	for name, values := range tests {
		for _, value := range values {
			context := map[string]any{"stage": "prod", "issuer": "https://id.example.com", "audience": "a"}
			context[name] = value
			_, err := settingsFrom(context)
			if err == nil {
				t.Errorf("%s %q: taken", name, value)
			} else if !strings.Contains(err.Error(), "context "+name+": ") {
				// vpcId alone is reported with what it lacks.
				t.Errorf("%s %q: %v does not name it", name, value, err)
			}
		}
	}
}

func TestSettingsReportEverythingAtOnce(t *testing.T) {
	_, err := settingsFrom(map[string]any{"profile": "x", "maximumConcurrency": "x", "allowDial": "x"})
	if err == nil {
		t.Fatal("taken")
	}

	for _, name := range []string{"stage", "issuer", "audience", "profile", "maximumConcurrency", "allowDial"} {
		if !strings.Contains(err.Error(), "context "+name+": ") {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}

func FuzzParseDialRule(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8:443", "fd00::/8:8443", "::/0:1", ":", "/:0"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, text string) {
		rule, err := parseDialRule(text)
		if err != nil {
			return
		}

		if again, err := parseDialRule(rule.String()); err != nil || again != rule {
			t.Errorf("%q: %v, then %v, %v", text, rule, again, err)
		}
	})
}

func TestMissingBinariesAreNamed(t *testing.T) {
	build := t.TempDir()
	if err := writeStubs(build, "arm64"); err != nil {
		t.Fatal(err)
	}

	if err := os.RemoveAll(filepath.Join(build, "arm64", "ingest")); err != nil {
		t.Fatal(err)
	}

	_, err := findAssets(build, "arm64")
	if err == nil || !strings.Contains(err.Error(), filepath.Join("arm64", "ingest")) || !strings.Contains(err.Error(), "run `make build` first") {
		t.Errorf("%v", err)
	}

	if strings.Contains(err.Error(), "dispatch") {
		t.Errorf("%v names one that is there", err)
	}
}

// TestProgram runs the app as `cdk` and the local environment do: context and output folder come from the environment.
func TestProgram(t *testing.T) {
	root := t.TempDir()
	context := `{"stage":"dev","profile":"local","goarch":"amd64","issuer":"http://127.0.0.1:4000","audience":["local"]}`
	code, said := runProgram(t, root, context)
	if code != 1 || !strings.Contains(said, "run `make build` first") || strings.Contains(said, "panic:") {
		t.Errorf("without binaries: exit %d, %s", code, said)
	}

	if code, said := runProgram(t, root, `{}`); code != 1 || !strings.Contains(said, "context stage: ") {
		t.Errorf("without context: exit %d, %s", code, said)
	}

	if err := writeStubs(filepath.Join(root, "build"), "amd64"); err != nil {
		t.Fatal(err)
	}

	if code, said := runProgram(t, root, context); code != 0 {
		t.Fatalf("exit %d, %s", code, said)
	}

	if _, err := readTemplate(filepath.Join(root, "out"), "dev"); err != nil {
		t.Error(err)
	}
}

func runProgram(t *testing.T, root, context string) (code int, said string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Dir = root
	cmd.Stderr = &stderr
	// Under -race, what jsii does when it is closed must not count as the program's failure.
	cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=exitcode=0", "CDK_OUTDIR="+filepath.Join(root, "out"), "CDK_CONTEXT_JSON="+context)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}

	return cmd.ProcessState.ExitCode(), stderr.String()
}
