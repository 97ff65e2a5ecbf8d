package conformance

import (
	"net/http"
	"strings"
	"testing"
	"time"

	fake "example.com/integrations/local/providers/jira"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var jiraToken = secret("AT", "ATT3x", strings.Repeat("s", 40))

const jiraAccount = "bot@acme.test"

// jiraKit is the kit of one of the two Jiras.
func jiraKit(name, flavor string) kit {
	open := func(client *outbound.Client) connector.Connector {
		return jira.New(jira.Config{Flavor: flavor, BaseURL: "https://" + host, Email: jiraAccount, Token: jiraToken, ProjectKey: "WORK",
			IssueType: "Task", Labels: true}, client, func() time.Time { return now })
	}
	again := map[string]string{}
	if flavor == form.Datacenter {
		again["update 403"] = "a Data Center refuses an edit without mail to who does not administer the project; then the edit is sent with it"
	}

	return kit{
		name: name, again: again, open: open, secrets: []string{jiraToken},
		sent: connector.Sent{Remote: domain.Remote{ID: "9001", Key: "WORK-1", State: domain.Open}, Labels: []string{"one"}, State: domain.Open},
		fill: func(t *testing.T, n int, through func(http.Handler) http.Handler) connector.Connector {
			s, err := fake.Open(fake.Config{Flavor: flavor, Dir: t.TempDir(), BaseURL: "https://" + host,
				Accounts: map[string]fake.Account{jiraToken: {Name: "sync-bot", Email: jiraAccount, Zone: "Europe/Berlin"}},
				Projects: []fake.Project{{Key: "WORK"}}})
			if err != nil {
				t.Fatal(err)
			}

			c := open(connectortest.Serve(t, through(s.API()), jiraToken))
			t.Cleanup(func() { _ = s.Close() })
			filled(t, c, n)

			return c
		},
	}
}
