package conformance

// The tests of this file and of hostile_*_test.go use addresses that must not be
// asked, on the way from the text of a manager to a socket: the configuration that is
// accepted or not, the connector that is opened for it, the one HTTP client. Each
// layer refuses by itself. The sockets show which connections were made.

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var token = strings.Repeat("Ab3-", 8)

// trackers are a configuration of each kind, with an address to be filled in.
var trackers = []struct {
	name     string
	provider domain.Provider
	text     string
	secret   string
}{
	{"github", domain.GitHub, `{"owner":"o","repo":"r","token":%s,"base_url":%s}`, "token"},
	{"gitlab", domain.GitLab, `{"project":"g/p","token":%s,"base_url":%s}`, "token"},
	{"jira", domain.Jira, `{"flavor":"cloud","email":"a@b.example","project_key":"WORK","api_token":%s,"base_url":%s}`, "api_token"},
	{"jira_datacenter", domain.Jira, `{"flavor":"datacenter","project_key":"WORK","token":%s,"base_url":%s}`, "token"},
	{"mantisbt", domain.MantisBT, `{"project":"1","token":%s,"base_url":%s}`, "token"},
}

// chats are those whose secret is an address.
var chats = []struct {
	provider           domain.Provider
	member, host, path string
}{
	{domain.Discord, "webhook_url", "discord.com", "/api/webhooks/" + strings.Repeat("1", 18) + "/" + strings.Repeat("x", 68)},
	{domain.Slack, "webhook_url", "hooks.slack.com", "/services/T00000000/B00000000/" + strings.Repeat("x", 24)},
	{domain.Teams, "workflow_url", "prod-12.westeurope.logic.azure.com", "/workflows/abc/triggers/manual/paths/invoke?sig=" + strings.Repeat("x", 40)},
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}

// TestHostileAddresses uses each address in every way there is, and counts the
// connections that arrive.
func TestHostileAddresses(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		h := set(t)
		h.answer = nothing
		open := 0
		reachable := 0
		refused := 0
		for _, e := range all() {
			text := e.text
			for _, one := range trackers {
				if h.configured(t, one.name, text) {
					refused++
				} else if !e.plain || one.name == "jira" { // whose hosts are Atlassian's
					t.Errorf("%s accepts %q", one.name, text)
				}
			}

			h.webhooks(t, text)
			h.asked(t, text)
			caught, _ := h.take()
			if open += len(caught); len(caught) > 0 {
				t.Errorf("%q: %v were connected to", text, caught)
			}

			if u, err := url.Parse(text); err == nil && h.arrives(t.Context(), u.Hostname(), portOf(u)) {
				reachable++
			}
		}

		n := len(all())
		if n < 200 || reachable < n/2 {
			t.Errorf("%d addresses, %d of which can be reached", n, reachable)
		}

		t.Logf("%d addresses, %d connections; %d of them can be connected to here without our checks", n, open, reachable)
		t.Logf("%d of %d configurations with them were refused; the others, and the refused ones too, were opened and asked all the same", refused, n*len(trackers))
	})
}

// nothing is the answer of a provider without objects, each on a new connection.
func nothing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "{}")
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}

	if u.Scheme == "https" {
		return "443"
	}

	return "80"
}

// configured uses an address in a configuration. A refused configuration is opened
// too, as if it had been stored before the rule existed.
func (h *trap) configured(t *testing.T, name, text string) (refused bool) {
	t.Helper()
	for _, one := range trackers {
		if one.name != name {
			continue
		}

		accepted, err := configuration.Accept(one.provider, fmt.Sprintf(one.text, quoted(token), quoted(text)), nil)
		public := accepted.Public
		if _, ours := configuration.IsInvalid(err); err != nil && !ours {
			t.Fatalf("%s %q: %v", name, text, err)
		}

		if err != nil {
			refused = true
			public = fmt.Sprintf(one.text, quoted(domain.Mask), quoted(text))
		}

		c, err := factory.New(one.provider, public, map[string]string{one.secret: token}, h.client(t, ""), nil)
		if err != nil {
			return refused // without a connector there are no calls
		}

		for what, err := range callsOf(t, c) {
			nothingSent(t, name+" "+what, text, err)
		}
	}

	return refused
}

// callsOf makes the calls of the check and of the worker, and returns their errors.
func callsOf(t *testing.T, c connector.Connector) map[string]error {
	t.Helper()
	ctx := t.Context()
	m := connector.Marker{Integration: 77, Item: 4711, Attempt: 1}
	_, checked := c.(connector.Checker).Check(ctx)
	_, created := c.Create(ctx, connector.Content{Title: "x", Body: "y"}, m)
	_, found := c.(connector.Finder).Find(ctx, time.Unix(1, 0), []connector.Marker{m})
	_, _, changed := c.(connector.Puller).Changes(ctx, time.Unix(1, 0), 0)

	return map[string]error{"check": checked, "create": created, "find": found, "changes": changed}
}

// nothingSent checks an error of a call that made no connection, or one to the provider
// itself, which has no object.
func nothingSent(t *testing.T, what, text string, err error) {
	t.Helper()
	var e *failure.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("%s %q: %T %v", what, text, err, err)
	case e.Class != failure.Final && e.Class != failure.NotSent:
		t.Errorf("%s %q: %s %v", what, text, e.Class, e)
	}
}

// webhooks uses a host in place of a chat's.
func (h *trap) webhooks(t *testing.T, text string) {
	t.Helper()
	for _, one := range chats {
		for _, hook := range []string{text + one.path, text + ".", text} {
			given := fmt.Sprintf(`{%q:%s}`, one.member, quoted(hook))
			if accepted, err := configuration.Accept(one.provider, given, nil); err == nil {
				t.Errorf("%s accepts %q for %s", one.provider, hook, accepted.Destination.Origin)
			}
		}
	}
}

// asked gives an address to the HTTP client: to one that may call any public host, to
// one for the host of the address alone, as the factory makes it, and to those of
// pinned hosts.
func (h *trap) asked(t *testing.T, text string) {
	t.Helper()
	base := h.client(t, "")
	clients := []*outbound.Client{base.For(nil, true, nil)}
	for _, one := range []string{"api.github.com", "gitlab.com", "acme.atlassian.net"} {
		clients = append(clients, base.For([]string{one}, false, nil))
	}

	if u, err := url.Parse(text); err == nil {
		clients = append(clients, base.For([]string{u.Host}, false, nil))
	}

	for n, c := range clients {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			answer, err := c.Do(t.Context(), outbound.Request{Method: method, URL: text, Body: []byte("{}")})
			if err == nil && answer.Status == http.StatusNotFound && strings.HasSuffix(strings.TrimPrefix(text, "https://"), "x.example.com") {
				continue // the public one of its addresses
			}
			nothingSent(t, fmt.Sprint(method, " by client ", n), text, err)
		}
	}
}

// TestSocketsCount shows that the count works: allowed connections arrive, at a public
// address and at one that an operator allows.
func TestSocketsCount(t *testing.T) {
	everywhere(t, func(t *testing.T) {
		h := set(t)
		h.answer = nothing
		for _, one := range trackers {
			if one.name == "jira" {
				continue // its hosts are Atlassian's
			}

			if h.configured(t, one.name, "https://example.com/x") {
				t.Errorf("%s refuses a public address", one.name)
			}

			if caught, public := h.take(); public == 0 || len(caught) > 0 {
				t.Errorf("%s: %d connections to the provider, %v elsewhere", one.name, public, caught)
			}
		}

		for _, host := range []string{"10.1.2.3", "127.0.0.1", "[fd12::1]", "8.8.8.8:8443"} {
			allow := map[bool]string{true: host, false: host + ":443"}[strings.Contains(host, ":8443")]
			at := netip.MustParseAddrPort(allow)
			network := fmt.Sprintf("%s/%d:%d", at.Addr(), at.Addr().BitLen(), at.Port())
			if at.Addr().Is6() {
				network = fmt.Sprintf("[%s/%d]:%d", at.Addr(), at.Addr().BitLen(), at.Port())
			}

			_, err := h.client(t, network).For([]string{host}, false, nil).Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: "https://" + host + "/"})
			nothingSent(t, "admitted", host, err)
			if caught, _ := h.take(); len(caught) != 1 || caught[0] != at {
				t.Errorf("%s admitted: %v", host, caught)
			}
		}
	})
}
