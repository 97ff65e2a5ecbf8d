package configuration

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"example.com/integrations/shared/configuration/address"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/domain"
)

// formats are the rules a schema cannot write down. Their errors are sentences
// for the manager that hold no value that was given.
var formats = []*jsonschema.Format{
	{Name: "github-url", Validate: open(address.GitHub)},
	{Name: "gitlab-url", Validate: open(address.GitLab)},
	{Name: "mantisbt-url", Validate: open(address.MantisBT)},
	{Name: "jira-cloud-url", Validate: open(address.JiraCloud)},
	{Name: "jira-datacenter-url", Validate: open(address.JiraDatacenter)},
	{Name: "slack-url", Validate: open(address.Slack)},
	{Name: "discord-webhook-url", Validate: masked(open(address.DiscordWebhook))},
	{Name: "slack-webhook-url", Validate: masked(open(address.SlackWebhook))},
	{Name: "teams-workflow-url", Validate: masked(open(address.TeamsWorkflow))},
	{Name: "rsa-private-key", Validate: masked(rsaKey)},
	{Name: "secret", Validate: masked(func(any) error { return nil })},
	{Name: "title-template", Validate: titleTemplate},
	{Name: "body-template", Validate: template},
}

func open(read func(string) (address.URL, error)) func(any) error {
	return func(v any) error {
		text, ok := v.(string)
		if !ok {
			return nil
		}

		_, err := read(text)
		return err
	}
}

// masked lets the mask pass and refuses what is only nearly the mask: it is
// never a secret and would be stored as one.
func masked(check func(any) error) func(any) error {
	return func(v any) error {
		text, ok := v.(string)
		switch {
		case !ok || text == domain.Mask:
			return nil
		case text != "" && strings.Trim(text, "* \t\r\n") == "":
			return errors.New("looks like a damaged mask: send exactly " + domain.Mask + " to keep the stored secret, or a new one")
		}

		return check(v)
	}
}

func rsaKey(v any) error {
	_, err := form.ParseRSAKey(v.(string))
	return err
}

func titleTemplate(v any) error {
	if text, ok := v.(string); ok && strings.ContainsAny(text, "\r\n\t") {
		return errors.New("must be one line")
	}
	return template(v)
}

// sample stands in for an item: a template that expands for one expands for
// all.
var sample = domain.Item{UpdatedAt: time.Unix(0, 0)}

func template(v any) error {
	text, ok := v.(string)
	switch {
	case !ok:
		return nil
	case strings.Trim(text, " \t\r\n") == "":
		return errors.New("must not be empty: leave it out for the usual text")
	case len(text) > form.MaxTemplate:
		return fmt.Errorf("must be at most %d bytes long", form.MaxTemplate)
	case strings.IndexFunc(text, control) >= 0:
		return errors.New("must not contain control characters")
	}

	_, err := form.Expand(text, sample)

	return err
}

func control(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && r < 0xa0
}
