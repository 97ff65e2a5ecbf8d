package github

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
)

// appKey is made once: it takes a while.
var appKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

func withApp(c *Config) {
	c.Apps = []App{{ID: "12", Installation: "345", Login: "sync[bot]", Key: &appKey.PublicKey, Repositories: []string{"work"}}}
	c.Repositories[0].Push = append(c.Repositories[0].Push, "sync[bot]")
}

// asApp is the product's connector as an app.
func (d double) asApp(now func() time.Time, change func(*product.Config)) *product.Connector {
	return d.connect(now, func(c *product.Config) {
		c.Token = ""
		c.App = &product.App{ID: "12", Installation: "345", Key: appKey}
		if change != nil {
			change(c)
		}
	})
}

func (d double) tokensGiven() (n int) {
	for _, w := range d.Writes() {
		if strings.HasSuffix(w.Path, "/access_tokens") && w.Status == 201 {
			n++
		}
	}
	return n
}

// An app works with one token for as long as that is good, and gets the next
// before it ends.
func TestAnAppWorks(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { withApp(c); c.Now = clock.now })
	c := d.asApp(clock.now, nil)
	content := connector.Content{Title: "Ours", Body: "text", State: domain.Open}
	for n, wait := range []time.Duration{0, 54 * time.Minute, 90 * time.Second, 2 * time.Hour} {
		clock.pass(wait)
		if _, err := c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: domain.Snowflake(n + 2), Attempt: 1}); err != nil {
			t.Fatal(err)
		}

		if got, want := d.tokensGiven(), []int{1, 1, 2, 3}[n]; got != want {
			t.Errorf("after %s: %d tokens, want %d", wait, got, want)
		}
	}

	all, _ := d.changes(c, time.Time{})
	if len(all) != 4 {
		t.Errorf("%d issues", len(all))
	}

	for _, w := range d.Writes() {
		if w.User != "sync[bot]" {
			t.Errorf("%+v", w)
		}
	}

	if v := d.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

// What is wrong with an app is said by its check, and by a create that has not
// left.
func TestAnAppThatDoesNot(t *testing.T) {
	another, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	const known = "reachable=ok credentials=ok "
	for name, tt := range map[string]struct {
		server func(*Config)
		change func(*product.Config)
		code   string
		check  string
	}{
		"all is well":      {check: known + "target=ok issues=ok list=ok create=ok update=ok close=ok reopen=ok"},
		"another key":      {change: func(c *product.Config) { c.App.Key = another }, code: "credentials_rejected", check: "reachable=ok credentials=no(credentials_rejected)"},
		"another app":      {change: func(c *product.Config) { c.App.ID = "13" }, code: "credentials_rejected", check: "reachable=ok credentials=no(credentials_rejected)"},
		"no installation":  {change: func(c *product.Config) { c.App.Installation = "346" }, code: "installation_not_found", check: "reachable=ok credentials=no(installation_not_found)"},
		"suspended":        {server: func(c *Config) { c.Apps[0].Suspended = true }, code: "credentials_rejected", check: "reachable=ok credentials=no(credentials_rejected)"},
		"not installed":    {change: func(c *product.Config) { c.Repo = "elsewhere" }, code: "target_not_found", check: known + "target=no(target_not_found)"},
		"may only read":    {server: func(c *Config) { c.Apps[0].ReadOnly = true }, code: "forbidden", check: known + "target=?(not_told) list=no(scope_missing) create=no(scope_missing) update=no(scope_missing) close=no(scope_missing) reopen=no(scope_missing)"},
		"a clock too fast": {server: func(c *Config) { c.Now = func() time.Time { return time.Now().Add(-5 * time.Minute) } }, code: "credentials_rejected", check: "reachable=ok credentials=no(credentials_rejected)"},
	} {
		d := start(t, func(c *Config) {
			withApp(c)
			if tt.server != nil {
				tt.server(c)
			}
		})

		c := d.asApp(nil, tt.change)
		checks, _ := c.Check(t.Context())
		if got := strings.Trim(fmt.Sprint(checks), "[]"); got != tt.check {
			t.Errorf("%s: %s, want %s", name, got, tt.check)
		}

		if tt.code == "" {
			continue
		}

		_, err := c.Create(t.Context(), connector.Content{Title: "T"}, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
		e, ok := err.(*failure.Error)
		if !ok || e.Code != tt.code || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
			t.Errorf("%s: %v", name, err)
		}
	}
}
