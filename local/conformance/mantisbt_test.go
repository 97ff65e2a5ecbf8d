package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	fake "example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var mantisbtToken = secret(strings.Repeat("Ab3-", 7), "_xyz")

func openMantisBT(client *outbound.Client) connector.Connector {
	return mantisbt.New(mantisbt.Config{BaseURL: "https://" + host + "/api/rest", Token: mantisbtToken, Project: "1", Category: "General"},
		client, func() time.Time { return now })
}

var mantisbtKit = kit{
	name: "mantisbt", open: openMantisBT, secrets: []string{mantisbtToken},
	sent: connector.Sent{Remote: domain.Remote{ID: "9001", Key: "9001", State: domain.Open}, State: domain.Open},
	classes: map[string]exception{
		"update reads first": {0, "the token, the server's statuses and the issue are read before a change"},
	},
	wholly: map[string]string{
		"HTML 404": "a web server that does not rewrite addresses says so too, so the API is looked for; where the question whose token it is has no answer either, base_url is wrong",
	},
	cannot: map[string]string{
		"labels": "the configuration has no member for them, and MantisBT's tags are words of one list for all projects",
	},
	fill: func(t *testing.T, n int, through func(http.Handler) http.Handler) connector.Connector {
		s, err := fake.Open(fake.Config{Dir: t.TempDir(), Tokens: map[string]string{mantisbtToken: "sync-bot"},
			Projects: []fake.Project{{ID: 1, Name: "Work"}}})
		if err != nil {
			t.Fatal(err)
		}

		c := openMantisBT(connectortest.Serve(t, through(s.API()), mantisbtToken))
		t.Cleanup(func() { _ = s.Close() })
		filled(t, c, n)

		return c
	},
}
