// Package factory makes the connector for a stored configuration. It is the one list
// of the providers that can be synced. Open also unseals the secrets, each for the
// origin that it was sealed for.
package factory

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A NotSupportedError says that there is no connector for a provider. A run
// ends as failed with its Code.
type NotSupportedError struct{ Provider domain.Provider }

// Code is the machine-readable name of the error.
func (e *NotSupportedError) Code() string { return "provider_not_supported" }

func (e *NotSupportedError) Error() string {
	return fmt.Sprintf("%s cannot be synced yet", e.Provider)
}

// New makes the connector of a provider. The configuration is the stored JSON
// with secrets masked; the secrets are in plain text by member. Connections
// and settings are those of base; now may be nil.
func New(provider domain.Provider, configuration string, secrets map[string]string, base *outbound.Client, now func() time.Time) (connector.Connector, error) {
	open, ok := openers[provider]
	if !ok {
		return nil, &NotSupportedError{Provider: provider}
	}

	c, err := open(stored{configuration, secrets, base, now})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", provider, err)
	}

	return c, nil
}

var openers = map[domain.Provider]func(stored) (connector.Connector, error){
	domain.Discord: openDiscord, domain.GitHub: openGitHub, domain.GitLab: openGitLab, domain.Jira: openJira, domain.MantisBT: openMantisBT,
	domain.Slack: openSlack, domain.Teams: openTeams,
}

// stored is what a connector is made of.
type stored struct {
	configuration string
	secrets       map[string]string
	base          *outbound.Client
	now           func() time.Time
}

// client asks one host alone, that of the address a manager typed, and keeps
// the secrets out of whatever is logged.
func (s stored) client(base string) (*outbound.Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, errors.New("base_url is not an address")
	}
	return s.base.For([]string{u.Host}, false, slices.Collect(maps.Values(s.secrets))), nil
}

// given reports whether a secret is one, not the mask of one that is missing.
func given(secret string) error {
	if secret == "" || secret == domain.Mask {
		return errors.New("the token is not among the secrets")
	}
	return nil
}

func openGitHub(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.GitHub](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	app, err := appOf(f)
	if err != nil {
		return nil, err
	}

	client, err := s.client(f.API())
	if err != nil {
		return nil, err
	}

	return github.New(github.Config{
		Owner: f.Owner, Repo: f.Repo, Token: f.Token, App: app, BaseURL: f.API(), Labels: f.Labels != form.LabelsNone,
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}, client, s.now), nil
}

// appOf is the GitHub App that is to work, nil where a token does.
func appOf(f form.GitHub) (*github.App, error) {
	if f.Token != "" || f.AppID == "" {
		return nil, given(f.Token)
	}

	key, err := f.Key()
	if err != nil {
		return nil, errors.New("the private key is not among the secrets")
	}

	return &github.App{ID: string(f.AppID), Installation: string(f.InstallationID), Key: key}, nil
}

func openGitLab(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.GitLab](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	client, err := s.client(f.API())
	if err := cmp.Or(given(f.Token), err); err != nil {
		return nil, err
	}

	return gitlab.New(gitlab.Config{
		Project: string(f.Project), Token: f.Token, BaseURL: f.API(), Labels: f.Labels != form.LabelsNone,
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}, client, s.now), nil
}

func openJira(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.Jira](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	token := f.Token
	if f.Flavor == form.Cloud {
		token = f.APIToken
	}

	client, err := s.client(f.BaseURL)
	if err := cmp.Or(given(token), err); err != nil {
		return nil, err
	}

	return jira.New(jira.Config{
		Flavor: f.Flavor, BaseURL: f.BaseURL, Email: f.Email, Token: token, ProjectKey: f.ProjectKey, IssueType: f.IssueType,
		Labels: f.Labels != form.LabelsNone, TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}, client, s.now), nil
}

func openMantisBT(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.MantisBT](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	client, err := s.client(f.API())
	if err := cmp.Or(given(f.Token), err); err != nil {
		return nil, err
	}

	return mantisbt.New(mantisbt.Config{
		BaseURL: f.API(), Token: f.Token, Project: string(f.Project), Category: f.Category,
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}, client, s.now), nil
}
