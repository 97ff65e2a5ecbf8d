package environment

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/aws/gateway"
)

func open(t *testing.T, dir string) *state {
	t.Helper()
	s, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = s.close() })
	return s
}

func TestAFolderHasOneEnvironment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := openState(dir); err == nil || !strings.Contains(err.Error(), "another environment runs in "+dir) {
		t.Fatalf("a second one: %v", err)
	}

	if err := s.close(); err != nil {
		t.Fatal(err)
	}

	open(t, dir)
}

func TestWhatAKilledOneLeftIsRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{endpointsFile, controlFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	open(t, dir)
	for _, name := range []string{endpointsFile, controlFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestPortsAreRemembered(t *testing.T) {
	s := open(t, t.TempDir())
	first, err := s.listen(Ports{}.named(nil))
	if err != nil {
		t.Fatal(err)
	}

	first.close()
	second, err := s.listen(Ports{}.named(nil))
	if err != nil {
		t.Fatal(err)
	}

	defer second.close()
	for name := range first {
		if first.port(name) != second.port(name) {
			t.Errorf("%s moved from %d to %d", name, first.port(name), second.port(name))
		}
	}

	third, err := s.listen(Ports{}.named(nil)) // all are taken now
	if err != nil {
		t.Fatal(err)
	}

	third.close()
	if third.port("api") == second.port("api") {
		t.Error("two listen on one port")
	}
}

func TestAPortAskedForIsInsistedOn(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = taken.Close() }()
	port := taken.Addr().(*net.TCPAddr).Port
	s := open(t, t.TempDir())
	_, err = s.listen(Ports{API: port}.named(nil))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d, asked for api, is taken", port)) {
		t.Errorf("%v", err)
	}
}

func TestStateIsNotForOthers(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "state"))
	if err := s.write("x.json", map[string]string{"a": "b"}); err != nil {
		t.Fatal(err)
	}

	for path, want := range map[string]os.FileMode{s.dir: 0o700, s.path("x.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestTheTemplateIsMadeAgainWhenItsSourcesChange(t *testing.T) {
	root := t.TempDir()
	s := open(t, t.TempDir())
	if err := os.Mkdir(filepath.Join(root, "infra"), 0o755); err != nil {
		t.Fatal(err)
	}

	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "infra/main.go", "infra/main_test.go"} {
		put(name, "x")
	}

	limits := false
	synthesis := func(issuer string) *synthesis {
		y, err := newSynthesis(root, s, issuer, limits)
		if err != nil {
			t.Fatal(err)
		}
		return y
	}

	before := synthesis("http://127.0.0.1:1")
	if before.cached() != nil {
		t.Fatal("a template out of nothing")
	}

	if err := s.write(templateFile, cachedTemplate{Sources: before.sources, Template: []byte(`{"a":1}`)}); err != nil {
		t.Fatal(err)
	}

	limits = true
	if synthesis("http://127.0.0.1:1").cached() != nil {
		t.Error("with limits the template is the same")
	}

	limits = false
	put("infra/main_test.go", "changed")
	if synthesis("http://127.0.0.1:1").cached() == nil {
		t.Error("a test's change makes the template again")
	}

	if synthesis("http://127.0.0.1:2").cached() != nil {
		t.Error("another issuer has the same template")
	}

	for _, name := range []string{"infra/main.go", "go.sum"} {
		put(name, "changed")
		if synthesis("http://127.0.0.1:1").cached() != nil {
			t.Errorf("%s changed and the template stays", name)
		}
		put(name, "x")
	}
}

func TestTokensOfAStoppedEnvironment(t *testing.T) {
	dir := t.TempDir()
	if _, err := SignToken(dir, "owner", "", time.Hour); err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("without an environment: %v", err)
	}

	s := open(t, dir)
	identity := Identity{Issuer: "http://127.0.0.1:1", Audience: Audience, Users: map[string]string{"owner": "117"}}
	if err := s.write(identityFile, identity); err != nil {
		t.Fatal(err)
	}

	if _, err := gateway.OpenIssuer(dir, identity.Issuer); err != nil {
		t.Fatal(err)
	}

	for _, user := range []string{"owner", "12345"} {
		if token, err := SignToken(dir, user, "", time.Hour); err != nil || strings.Count(token, ".") != 2 {
			t.Errorf("%s: %q, %v", user, token, err)
		}
	}

	if _, err := SignToken(dir, "", "", time.Hour); err == nil {
		t.Error("a token for nobody")
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	root := t.TempDir()
	if _, err := Start(t.Context(), Options{Root: root, Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("without node_modules: %v", err)
	}

	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context(), Options{Root: root, Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "go is not on the PATH") {
		t.Errorf("without go: %v", err)
	}
}
