package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	fake "example.com/integrations/local/providers/gitlab"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var gitlabToken = secret("gl", "pat-", strings.Repeat("s", 20))

func openGitLab(client *outbound.Client) connector.Connector {
	return gitlab.New(gitlab.Config{Project: "acme/work", Token: gitlabToken, BaseURL: "https://" + host + "/gitlab/api/v4", Labels: true},
		client, func() time.Time { return now })
}

var gitlabKit = kit{
	name: "gitlab", open: openGitLab, secrets: []string{gitlabToken},
	sent: connector.Sent{Remote: domain.Remote{ID: "9001", Key: "1", State: domain.Open}, Labels: []string{"one"}, State: domain.Open},
	fill: func(t *testing.T, n int, through func(http.Handler) http.Handler) connector.Connector {
		s, err := fake.Open(fake.Config{Dir: t.TempDir(), Host: host, Root: "/gitlab", Tokens: map[string]string{gitlabToken: "sync-bot"},
			Projects: []fake.Project{{Path: "acme/work"}}})
		if err != nil {
			t.Fatal(err)
		}

		c := openGitLab(connectortest.Serve(t, through(s.API()), gitlabToken))
		t.Cleanup(func() { _ = s.Close() })
		filled(t, c, n)

		return c
	},
}
