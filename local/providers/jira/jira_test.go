package jira

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/tracker"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector/connectortest"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/outbound"
)

const (
	ours    = "our-token"
	scoped  = "scoped-token"
	person  = "person-token"
	locked  = "captcha-token"
	email   = "bot@acme.test"
	siteURL = "https://acme.atlassian.net"
	cloudID = "11111111-2222-3333-4444-555555555555"
	server  = "https://jira.acme.test/work/jira"
)

// shared is a file beside the project, or empty where it is absent.
func sharedFile(name string) string {
	dir, _ := os.Getwd()
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}

		if dir == filepath.Dir(dir) {
			return ""
		}

		dir = filepath.Dir(dir)
	}

	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}

	return path
}

func specPath() string { return sharedFile("specs/derived/jira-cloud-issues-subset.json") }

// contract is Atlassian's description, read once for all tests.
var contract = sync.OnceValue(func() *providers.Contract {
	loaded, err := providers.LoadContract(specPath())
	if err != nil {
		panic(err)
	}
	return loaded
})

var hosts = []string{"acme.atlassian.net", "api.atlassian.com", "jira.acme.test", "proxy.acme.test"}

// A trust is a certificate for the real names, and who issued it.
type trust struct {
	certificate tls.Certificate
	roots       *x509.CertPool
}

// trusted is made once for all tests.
var trusted = sync.OnceValue(func() trust {
	dir, err := os.MkdirTemp("", "devca")
	if err != nil {
		panic(err)
	}

	defer os.RemoveAll(dir)
	ca, err := secrets.OpenCA(dir)
	if err != nil {
		panic(err)
	}

	certificate, err := ca.Certificate(hosts...)
	if err != nil {
		panic(err)
	}

	issuer, err := os.ReadFile(ca.CertFile())
	if err != nil {
		panic(err)
	}

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(issuer)

	return trust{certificate, roots}
})

// A double is a fake server under test.
type double struct {
	*Server
	t      *testing.T
	flavor string
	page   string
	client *outbound.Client
	http   *http.Client
	// between stands before the API where a test wants answers changed.
	between func(next http.Handler) http.Handler
}

var flavors = []string{Cloud, Datacenter}

func each(t *testing.T, test func(t *testing.T, flavor string)) {
	for _, flavor := range flavors {
		t.Run(flavor, func(t *testing.T) { test(t, flavor) })
	}
}

func start(t *testing.T, flavor string, change func(*Config)) *double {
	t.Helper()
	config := Config{
		Flavor: flavor, Dir: t.TempDir(), BaseURL: siteURL, CloudID: cloudID,
		Accounts: map[string]Account{
			ours:   {Name: "sync-bot", Email: email, Zone: "Europe/Berlin", Admin: true},
			scoped: {Name: "sync-bot", Email: email, Zone: "America/St_Johns", Scoped: true},
			person: {Name: "maria", Email: "maria@acme.test"},
			locked: {Name: "locked", Email: email, Captcha: true},
		},
		PersonToken: person,
		Projects: []Project{
			{Key: "WORK", Name: "Work"},
			{Key: "OTHER"},
			{Key: "SECRET", Members: []string{"maria"}},
			{Key: "READ", Readers: []string{"sync-bot"}},
			{Key: "FIELDS", Required: map[string]string{"customfield_10010": "Kostenstelle"}},
			{Key: "STUCK", Workflow: Workflow{Stuck: true}},
			{Key: "ASKS", Workflow: Workflow{AsksResolution: true}},
			{Key: "LOCKS", Workflow: Workflow{LocksClosed: true}},
			{Key: "PLAIN", NoLabels: true},
		},
	}
	if flavor == Datacenter {
		config.BaseURL = server
	}

	if specPath() == "" {
		t.Log("Atlassian's description is absent: requests and answers are not checked against it")
	} else {
		config.SpecPath = specPath()
	}

	if change != nil {
		change(&config)
	}

	var described *providers.Contract
	if config.SpecPath != "" {
		described = contract()
	}

	opened, err := open(config, described)
	if err != nil {
		t.Fatal(err)
	}

	d := &double{Server: opened, t: t, flavor: flavor, between: func(next http.Handler) http.Handler { return next }}
	d.serve()

	return d
}

// serve puts the fake server under the real names.
func (d *double) serve() {
	d.t.Helper()
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.between(d.API()).ServeHTTP(w, r) }))
	api.Config.ErrorLog = log.New(io.Discard, "", 0)
	api.TLS = &tls.Config{Certificates: []tls.Certificate{trusted().certificate}}
	api.StartTLS()
	roots := trusted().roots
	at := netip.MustParseAddrPort(api.Listener.Addr().String())
	overrides := map[string]netip.AddrPort{}
	for _, host := range hosts {
		overrides[host] = at
	}

	d.client = outbound.New(outbound.Config{Hosts: hosts, Secrets: []string{ours, scoped, person}, RootCAs: roots, Overrides: overrides, Timeout: connectortest.Limit})
	d.http = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, at.String())
		},
	}}

	page := httptest.NewServer(d.Plain())
	d.page = page.URL
	d.t.Cleanup(func() { d.client.CloseIdle(); d.http.CloseIdleConnections(); api.Close(); page.Close(); d.Close() })
}

// connect is the product's own connector to a project.
func (d *double) connect(project string, change func(*product.Config)) *product.Connector {
	d.t.Helper()
	config := product.Config{
		Flavor: form.Cloud, BaseURL: siteURL, Email: email, Token: ours, ProjectKey: project, IssueType: "Task", Labels: true,
	}
	if d.flavor == Datacenter {
		config.Flavor = form.Datacenter
		config.BaseURL = server
		config.Email = ""
	}

	if change != nil {
		change(&config)
	}

	return product.New(config, d.client, d.config.Now)
}

// A reply as the caller sees it.
type reply struct {
	status int
	header http.Header
	text   string
}

// send makes a request with a token, below the API's root.
func (d *double) send(token, method, path, body string) reply {
	d.t.Helper()
	root := siteURL + "/rest/api/3"
	if d.flavor == Datacenter {
		root = server + "/rest/api/2"
	}

	if strings.HasPrefix(path, "https://") {
		root = ""
	}

	request, err := http.NewRequestWithContext(d.t.Context(), method, root+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}

	if d.flavor == Datacenter {
		request.Header.Set("Authorization", "Bearer "+token)
	} else {
		request.SetBasicAuth(d.config.Accounts[token].Email, token)
	}

	answer, err := d.http.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}

	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		d.t.Fatal(err)
	}

	return reply{answer.StatusCode, answer.Header, string(content)}
}

// description is text as the flavor takes it.
func (d *double) description(text string) json.RawMessage {
	if d.flavor == Cloud {
		return documentOf(text)
	}
	return tracker.Encode(text)
}

func (d *double) noViolations() {
	d.t.Helper()
	for _, one := range d.Violations() {
		d.t.Error(one)
	}
}

// A clock that only tests move.
type clock struct {
	lock sync.Mutex
	at   time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.at = c.at.Add(d)
}
