package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts files below a new folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err != nil {
			t.Fatal(err)
		}

		err = os.WriteFile(path, []byte(text), 0o600)
		if err != nil {
			t.Fatal(err)
		}
	}

	return root
}

// Each figure finds what goes beyond its limit, and names the place.
func TestOffenders(t *testing.T) {
	lines := strings.Repeat("\tprintln()\n", 61)
	same := strings.Repeat("\tprintln(1)\n\n\t// why\n", 21)
	methods := "package a\n\n// T is a type.\ntype T struct{}\n\n"
	for range 26 {
		methods += "func (t *T) m() {}\n"
	}

	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"methods":    {map[string]string{"a/a.go": methods}, "a.T: 26 methods"},
		"fields":     {map[string]string{"a/a.go": "package a\n\ntype t struct{ a, b, c, d, e, f, g, h, i, j, k, l, m int }\n"}, "a/a.go:3 t: 13 fields"},
		"length":     {map[string]string{"a/a.go": "package a\n\nfunc f() {\n" + lines + "}\n"}, "a/a.go:3 f: 63 lines"},
		"triples":    {map[string]string{"a/a.go": "package a\n\nfunc f() {\n\ta, b, c := 1, 2, 3\n\tprintln(a, b, c)\n}\n"}, "a/a.go:4"},
		"parameters": {map[string]string{"a/a.go": "package a\n\nfunc f(a, b, c, d, e, g int) {}\n"}, "a/a.go:3 f: 6 parameters, 0 results"},
		"exported":   {map[string]string{"a/a.go": "package a\n\nfunc F() {}\n"}, "a/a.go:3 F"},
		"copies": {map[string]string{
			"local/providers/a/a.go": "package a\n\nfunc f() {\n" + same + "}\n",
			"local/providers/b/b.go": "package b\n\nfunc f() {\n" + strings.ReplaceAll(same, "\t", "\t\t") + "}\n",
		}, "local/providers/a/a.go:3 and local/providers/b/b.go:3"},
	} {
		var out bytes.Buffer
		err := run([]string{"-root", write(t, c.files), "-list"}, &out)
		if !errors.Is(err, errBeyond) || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, want %s in\n%s", name, err, c.want, out.String())
		}
	}
}

// What is within all limits ends without an error. Tests, types on the wire and
// lines that are too few do not count.
func TestWithinTheLimits(t *testing.T) {
	wire := "package a\n\n// W is on the wire.\ntype W struct {\n"
	for _, name := range strings.Split("a b c d e f g h i j k l m", " ") {
		wire += "\t" + strings.ToUpper(name) + " int `json:\"" + name + "\"`\n"
	}

	files := map[string]string{
		"a/a.go":          wire + "}\n\n// F is documented.\nfunc F() {\n\tprintln()\n\n\tprintln()\n}\n",
		"a/a_test.go":     "package a\n\nfunc G(a, b, c, d, e, f int) {}\n",
		"testdata/bad.go": "no code",
	}

	var out bytes.Buffer
	err := run([]string{"-root", write(t, files)}, &out)
	if err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}
