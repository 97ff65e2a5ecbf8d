// Package conformance tests what every connector must do, whatever its provider: all
// run the same suite, a table says what each can do, and none connects to a hostile
// address.
package conformance

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// host is a name of httptest's certificate. Every connector accepts it as a server of
// its provider.
const host = connectortest.Host

// A kit is a connector and what the suite needs to test it.
type kit struct {
	name string
	// open leads the connector to host.
	open    func(client *outbound.Client) connector.Connector
	secrets []string
	// sent is an object that the connector updates.
	sent connector.Sent
	// classes are those of answers that are not what HTTP says of them, each with
	// its reason, by "operation status" or "any status", and " told" where the
	// answer says how long to wait.
	classes map[string]exception
	// again are the refusals after which a write is sent once more in another
	// form, each with its reason, by "operation status".
	again map[string]string
	// lists are the operations whose requests are POST and only read.
	lists func(r *http.Request) bool
	// fill is a connector to a fake server that holds n of our objects. Through
	// stands between the two.
	fill func(t *testing.T, n int, through func(http.Handler) http.Handler) connector.Connector
	// history is a server whose channel holds n messages, the wanted one among
	// the oldest. It says when it is asked for a page.
	history func(n int, page func()) http.Handler
	// waits are the statuses at which the header is not all that says how long to
	// wait, each with its reason.
	waits map[int]string
	// proven are the answers that are success although nothing is in them, by
	// their name in the test, each with its reason.
	proven map[string]string
	// wholly are the refusals that concern everything where every request is
	// refused alike, by their name in the test, each with its reason.
	wholly map[string]string
	// cannot names what the provider cannot do, with the reason.
	cannot map[string]string
}

type exception struct {
	class  failure.Class
	reason string
}

// kits are the connectors, in the order of the table.
var kits = []kit{
	githubKit, gitlabKit, jiraKit("jira", form.Cloud), jiraKit("jira_datacenter", form.Datacenter), mantisbtKit,
	slackKit, slackWebhookKit, discordKit, discordWebhookKit, teamsKit,
}

func everyKit(t *testing.T, test func(t *testing.T, k kit)) {
	for _, k := range kits {
		t.Run(k.name, func(t *testing.T) { test(t, k) })
	}
}

var (
	now    = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	marker = connector.Marker{Integration: 77, Item: 4711, Attempt: 1, Tag: tagOne}
)

// content is what an item of ours looks like.
func content(c connector.Connector) connector.Content {
	return c.Render(domain.Item{ID: marker.Item, OrganisationID: 5, ItemType: "work_item", FormattedNumber: "WI-4711", Version: 1,
		Title: "A title", Description: "Some text.", URL: "https://example.org/4711", Labels: []string{"one"}, State: domain.Closed, UpdatedAt: now})
}

// An operation is one thing the engine asks of a connector.
type operation struct {
	name string
	do   func(ctx context.Context, c connector.Connector, k kit) error
}

// creates are the operations that make something each time they are sent.
func creates(op string) bool { return op == "create" || op == "digest" }

// operations are those a connector has.
func operations(c connector.Connector) []operation {
	list := []operation{
		{"create", func(ctx context.Context, c connector.Connector, _ kit) error {
			open := content(c)
			open.State = domain.Open
			_, err := c.Create(ctx, open, marker)
			return err
		}},
	}

	chat, is := c.(connector.Chat)
	if !is || chat.DeliveryMode().Edits {
		list = append(list, operation{"update", func(ctx context.Context, c connector.Connector, k kit) error {
			_, err := c.Update(ctx, k.sent, content(c), marker)
			return err
		}})
	}

	if is {
		list = append(list, operation{"digest", func(ctx context.Context, c connector.Connector, _ kit) error {
			_, err := c.(connector.Chat).Digest(ctx, connector.Digest{New: 2, First: []connector.Content{content(c)}}, marker)
			return err
		}})
	}

	if _, can := c.(connector.Finder); can {
		list = append(list, operation{"find", func(ctx context.Context, c connector.Connector, _ kit) error {
			_, err := c.(connector.Finder).Find(ctx, now.Add(-time.Hour), []connector.Marker{marker})
			return err
		}})
	}

	if _, can := c.(connector.Puller); can {
		list = append(list, operation{"changes", func(ctx context.Context, c connector.Connector, _ kit) error {
			_, _, err := c.(connector.Puller).Changes(ctx, now.Add(-time.Hour), 0)
			return err
		}}, operation{"read", func(ctx context.Context, c connector.Connector, k kit) error {
			_, err := c.(connector.Puller).Read(ctx, k.sent.Remote)
			return err
		}})
	}

	return list
}

// A script is a server with answers of a test. It counts requests.
type script struct {
	answer http.HandlerFunc

	mu     sync.Mutex
	writes int
	all    int
}

func (s *script) counted() (all, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all, s.writes
}

// stage opens a kit's connector with a server that gives an answer.
func stage(t *testing.T, k kit, answer http.HandlerFunc) (*script, connector.Connector) {
	t.Helper()
	s := &script{answer: answer}
	client := connectortest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.all++
		if r.Method != http.MethodGet && (k.lists == nil || !k.lists(r)) {
			s.writes++
		}

		s.mu.Unlock()
		s.answer(w, r)
	}), k.secrets...)

	return s, k.open(client)
}

// failureOf is what a connector makes of a failure: always an *connector.Error.
func failureOf(t *testing.T, what string, err error) *failure.Error {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: %T %v is no *connector.Error", what, err, err)
		return &failure.Error{}
	}

	if e.Class < failure.NotSent || e.Class > failure.Ambiguous || e.Scope < failure.ItemScope || e.Scope > failure.IntegrationScope || e.Code == "" {
		t.Errorf("%s: %+v is incomplete", what, e)
	}

	return e
}

func secret(parts ...string) string { return strings.Join(parts, "") }
