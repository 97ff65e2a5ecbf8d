package github

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
)

func told(t *testing.T, err error) *failure.Error {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v", err, err)
	}

	if strings.Contains(e.Error(), ours) {
		t.Fatalf("a secret in %v", e)
	}

	return e
}

// TestRealLife: what goes wrong at GitHub is told as what it is.
func TestRealLife(t *testing.T) {
	d := start(t, nil)
	at := func(repo string) *product.Connector {
		return d.connect(nil, func(c *product.Config) {
			c.Repo = repo
			c.Labels = true
		})
	}

	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	content := connector.Content{Title: "x", State: domain.Open, Labels: []string{"ours"}}
	create := func(c *product.Connector) error {
		_, err := c.Create(t.Context(), content, marker)
		return err
	}
	update := func(c *product.Connector, number string) error {
		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: number}, State: domain.Open}, content, marker)
		return err
	}
	for name, test := range map[string]struct {
		err   error
		code  string
		scope failure.Scope
	}{
		"issues disabled":            {create(at("locked")), "issues_disabled", failure.IntegrationScope},
		"issues disabled, update":    {update(at("locked"), "1"), "issues_disabled", failure.IntegrationScope},
		"no access":                  {create(at("secret")), "target_not_found", failure.IntegrationScope},
		"no access any more, update": {update(at("secret"), "1"), "target_not_found", failure.IntegrationScope},
		"issue gone":                 {update(at("work"), "99"), "remote_deleted", failure.ItemScope},
	} {
		if e := told(t, test.err); e.Code != test.code || e.Scope != test.scope || e.Class != failure.Final || e.RequestID == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}

	// The token ends in mid-run.
	c := at("work")
	if err := create(c); err != nil {
		t.Fatal(err)
	}

	delete(d.config.Tokens, ours)
	for what, err := range map[string]error{"create": create(c), "update": update(c, "1")} {
		if e := told(t, err); e.Code != "credentials_rejected" || e.Scope != failure.IntegrationScope || e.Class != failure.Final {
			t.Errorf("%s: %v", what, e)
		}
	}

	if _, _, err := c.Changes(t.Context(), time.Time{}, 0); told(t, err).Code != "credentials_rejected" {
		t.Error(err)
	}

	d.noViolations()
}

// TestLabelsWithoutRights: GitHub drops labels of who may not put any, and says
// nothing. The issue is made all the same, and the check tells beforehand.
func TestLabelsWithoutRights(t *testing.T) {
	d := start(t, nil)
	c := d.connect(nil, func(c *product.Config) {
		c.Repo = "public"
		c.Labels = true
	})
	content := connector.Content{Title: "x", State: domain.Open, Labels: []string{"ours"}}
	written, err := c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
	if err != nil || written.Remote.Key != "1" {
		t.Fatal(written, err)
	}

	if answer := d.send("GET", "/repos/acme/public/issues/1", ""); answer.status != 200 || strings.Contains(answer.text, `"ours"`) {
		t.Errorf("the label was kept: %s", answer.text)
	}

	checks, _ := c.Check(t.Context())
	if got := fmt.Sprint(checks); !strings.Contains(got, "labels=no(labels_dropped)") {
		t.Error(got)
	}

	d.noViolations()
}

// TestSecondaryLimitThatSaysNothing: the second refusal in a row has no header
// at all. It is told by its words, and the wait is the least there is.
func TestSecondaryLimitThatSaysNothing(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Limits = true
		c.SpecPath = ""
	})

	c := d.connect(clock.now)
	create := func(n int) error {
		_, err := c.Create(t.Context(), connector.Content{Title: fmt.Sprint(n)}, connector.Marker{Integration: 1, Item: domain.Snowflake(n + 1), Attempt: 1})
		return err
	}
	for n := range createsPerMin {
		if err := create(n); err != nil {
			t.Fatal(err)
		}
	}

	for n, untold := range []bool{false, true} {
		e := told(t, create(createsPerMin+n))
		if e.Code != "rate_limited" || e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Status != 403 || e.Wait != time.Minute || e.NoRetryAfter != untold {
			t.Errorf("refusal %d: %+v", n+1, e)
		}
	}

	clock.pass(time.Minute)
	if err := create(0); err != nil {
		t.Error(err)
	}
}
