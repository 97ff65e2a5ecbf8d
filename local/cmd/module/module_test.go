package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copied is a copy of the module's code and of what is embedded in it.
func copied(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	list, err := exec.Command("git", "-C", "../../..", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("the code is not in a Git repository:", err)
	}

	for _, name := range strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join("../../..", name))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(root, name)
		err = os.MkdirAll(filepath.Dir(path), 0o755)
		if err != nil {
			t.Fatal(err)
		}
		err = os.WriteFile(path, text, 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}

	return root
}

// golang runs the go command in a folder.
func golang(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}

	return string(out)
}

// All imports of the module lead to packages under its other path, and another module
// can import the client from it. The rest is not compiled here: it takes long and only
// the paths are another.
func TestAnotherPath(t *testing.T) {
	const other = "git.platform.example/tools/integrations"
	root := copied(t)
	err := rename(root, other)
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(golang(t, root, "list", "-deps", "./...")) {
		if strings.HasPrefix(dep, "example.com/integrations") {
			t.Errorf("%s is still imported", dep)
		}
	}

	user := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module user\n\ngo 1.26\n\nrequire " + other + " v0.0.0\n\nreplace " + other + " => " + root + "\n",
		"main.go": "package main\n\nimport \"" + other + "/client\"\n\nfunc main() { var _ client.Client }\n",
	} {
		err := os.WriteFile(filepath.Join(user, name), []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}
	golang(t, user, "build", "./...")
}

// A path that cannot be imported changes nothing.
func TestBadPath(t *testing.T) {
	root := t.TempDir()
	before := []byte("module a.example/b\n\ngo 1.26\n")
	err := os.WriteFile(filepath.Join(root, "go.mod"), before, 0o600)
	if err != nil {
		t.Fatal(err)
	}

	for _, path := range []string{"", "integrations", "a.example/b c", "../x", "https://a.example/b"} {
		if err := rename(root, path); err == nil {
			t.Errorf("%q was taken", path)
		}
	}
	after, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !bytes.Equal(after, before) {
		t.Errorf("%s %v", after, err)
	}
}
