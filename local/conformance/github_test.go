package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	fake "example.com/integrations/local/providers/github"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var githubToken = secret("gh", "p_", strings.Repeat("s", 36))

func openGitHub(client *outbound.Client) connector.Connector {
	return github.New(github.Config{Owner: "acme", Repo: "work", Token: githubToken, BaseURL: "https://" + host + "/api/v3", Labels: true},
		client, func() time.Time { return now })
}

var githubKit = kit{
	name: "github", open: openGitHub, secrets: []string{githubToken},
	sent: connector.Sent{Remote: domain.Remote{ID: "9001", Key: "1", State: domain.Open}, Labels: []string{"one"}, State: domain.Open},
	classes: map[string]exception{
		"any 403 told": {failure.Retryable, "GitHub's secondary limits answer 403, and say how long to wait"},
	},
	fill: func(t *testing.T, n int, through func(http.Handler) http.Handler) connector.Connector {
		s, err := fake.Open(fake.Config{Dir: t.TempDir(), Tokens: map[string]string{githubToken: "sync-bot"},
			Repositories: []fake.Repository{{Owner: "acme", Name: "work"}}})
		if err != nil {
			t.Fatal(err)
		}

		c := openGitHub(connectortest.Serve(t, through(http.StripPrefix("/api/v3", s.API())), githubToken))
		t.Cleanup(func() { _ = s.Close() })
		filled(t, c, n)

		return c
	},
}
