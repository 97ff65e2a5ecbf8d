package integrations_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// pages are the Markdown pages of the repository, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "build" || entry.Name() == "cdk.out" || len(path) > 1 && path[0] == '.'):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}

		text, err := os.ReadFile(path)
		found[path] = string(text)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return found
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	inner   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors are the names under which GitHub links to a page's headings.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, found := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		text := inner.ReplaceAllString(found[1], "$1")
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}

			return -1
		}, text)

		for n := 1; all[name]; n++ {
			name = fmt.Sprintf("%s-%d", strings.TrimSuffix(name, fmt.Sprintf("-%d", n-1)), n)
		}
		all[name] = true
	}

	return all
}

// missing says why a link of a page leads nowhere, "" if it leads somewhere.
// Addresses of other sites are not tried.
func missing(all map[string]string, page, target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}

	file, name, named := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), filepath.FromSlash(file))
	}

	if _, err := os.Stat(path); err != nil {
		return "there is no file " + path
	}

	if named && filepath.Ext(path) == ".md" && !anchors(all[path])[name] {
		return path + " has no heading #" + name
	}

	return ""
}

// Each relative link of a page leads to a file and a heading.
func TestLinksOfPages(t *testing.T) {
	all := pages(t)
	for _, want := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md", "docs/errors.md"} {
		if all[want] == "" {
			t.Errorf("%s is missing or empty", want)
		}
	}

	seen := 0
	for path, page := range all {
		prose := code.ReplaceAllString(fenced.ReplaceAllString(page, ""), "")
		for _, found := range link.FindAllStringSubmatch(prose, -1) {
			seen++
			if why := missing(all, path, found[1]); why != "" {
				t.Errorf("%s links to %s: %s", path, found[1], why)
			}
		}
	}

	if seen < 100 {
		t.Errorf("only %d links were found", seen)
	}
}

// A link that leads nowhere is found.
func TestBrokenLinks(t *testing.T) {
	all := map[string]string{"README.md": "# A `b`, c\n\n## Same\n\n## Same\n\n```\n# no heading\n```\n"}
	for target, want := range map[string]string{
		"#a-b-c": "", "README.md#same": "", "#same-1": "", "docs": "", "https://example.com/x#y": "",
		"#same-2": "no heading", "#no-heading": "no heading", "docs/none.md": "no file", "README.md#none": "no heading",
	} {
		got := missing(all, "README.md", target)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// A reader of docs/README.md finds every page of docs.
func TestIndexNamesEveryPage(t *testing.T) {
	all := pages(t)
	linked := map[string]bool{"docs/README.md": true}
	for _, index := range []string{"docs/README.md", "docs/adr/README.md"} {
		for _, found := range link.FindAllStringSubmatch(all[index], -1) {
			file, _, _ := strings.Cut(found[1], "#")
			linked[filepath.Join(filepath.Dir(index), file)] = true
		}
	}

	for path := range all {
		if strings.HasPrefix(path, "docs/") && !linked[path] {
			t.Errorf("no index links to %s", path)
		}
	}
}

// Each record of a decision has its number, a date and its four parts.
func TestDecisionRecords(t *testing.T) {
	form := regexp.MustCompile(`(?s)\A# (\d+)\. [^\n]+\n\nDate: \d{4}-\d{2}-\d{2}[^\n]*\n\nStatus: [^\n]+\n\n## Context\n\n.+\n\n## Decision\n\n.+\n\n## Consequences\n\n- .+\n\z`)
	records, err := filepath.Glob("docs/adr/[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}

	for i, path := range records {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}

		name := filepath.Base(path)
		parts := form.FindSubmatch(page)
		if parts == nil {
			t.Errorf("%s has not the form of a record: number and title, date, status, context, decision, consequences", path)
		} else if fmt.Sprintf("%04d", i+1) != name[:4] || string(parts[1]) != fmt.Sprint(i+1) {
			t.Errorf("%s: its title and its name must have the number %d", path, i+1)
		}
	}

	if len(records) < 25 {
		t.Errorf("only %d records", len(records))
	}
}

// declared are the exported identifiers of a package's folder.
func declared(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}

	names := map[string]bool{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}

		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok {
						names[s.Name.Name] = true
					}
				}
			}
		}
	}

	return names
}

// The glossary names only identifiers and folders that exist.
func TestGlossaryNamesCode(t *testing.T) {
	page, err := os.ReadFile("docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}

	homes := map[string]string{"domain": "shared/domain", "store": "shared/store", "limits": "shared/limits", "connector": "shared/connector"}
	seen := 0
	for _, found := range regexp.MustCompile("`([a-z]+)\\.([A-Z][A-Za-z]*)(?:\\.[A-Za-z]+)?`").FindAllStringSubmatch(string(page), -1) {
		seen++
		if dir := homes[found[1]]; dir == "" {
			t.Errorf("the glossary names the package %s, whose folder this test does not know", found[1])
		} else if !declared(t, dir)[found[2]] {
			t.Errorf("the glossary names %s.%s, which %s does not declare", found[1], found[2], dir)
		}
	}

	for _, found := range regexp.MustCompile("`((?:shared|functions|local|docs|events|infra|client)/[a-z/]+)`").FindAllStringSubmatch(string(page), -1) {
		seen++
		if _, err := os.Stat(found[1]); err != nil {
			t.Errorf("the glossary names the folder %s: %v", found[1], err)
		}
	}

	if seen < 30 {
		t.Errorf("the glossary names only %d places in the code", seen)
	}
}
