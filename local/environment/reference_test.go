package environment

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

func served(t *testing.T) *httptest.Server {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, swaggerLibrary)); err != nil {
		t.Skip("npm's packages are not installed")
	}

	handler, err := newReference(root, "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	return server
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}

	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	return resp, string(body)
}

func TestDocument(t *testing.T) {
	resp, body := get(t, served(t).URL+"/openapi.json")
	var document struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]any
	}
	if err := json.Unmarshal([]byte(body), &document); err != nil || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatal(err, resp.Header)
	}

	if document.OpenAPI != "3.1.0" || len(document.Servers) != 1 || document.Servers[0].URL != "http://127.0.0.1:1" || len(document.Paths) == 0 {
		t.Errorf("%s %+v, %d paths", document.OpenAPI, document.Servers, len(document.Paths))
	}
}

var link = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

// Whatever the page names is served beside it, and the browser is told to load
// nothing from elsewhere.
func TestThePageNeedsNobodyElse(t *testing.T) {
	server := served(t)
	resp, body := get(t, server.URL+"/reference/")
	links := link.FindAllStringSubmatch(body, -1)
	if len(links) < 4 {
		t.Fatalf("links %v", links)
	}

	for _, one := range links {
		if strings.Contains(one[1], "//") {
			t.Errorf("the page loads %s", one[1])
		}

		if resp, content := get(t, server.URL+"/reference/"+one[1]); resp.StatusCode != 200 || content == "" {
			t.Errorf("%s: %s", one[1], resp.Status)
		}
	}

	for directive := range strings.SplitSeq(resp.Header.Get("Content-Security-Policy"), ";") {
		for _, source := range strings.Fields(directive)[1:] {
			switch source {
			case "'none'", "'self'", "'unsafe-inline'", "data:":
			default:
				t.Errorf("%s allows %s", directive, source)
			}
		}
	}

	if policy := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "script-src 'self' ") {
		t.Errorf("policy %q", policy)
	}
}

func TestWithoutItsPackage(t *testing.T) {
	if _, err := newReference(t.TempDir(), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Error(err)
	}
}
