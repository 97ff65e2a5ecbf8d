// Package registry is the one list of providers that can be synced: it opens
// the connector a stored configuration asks for.
package registry

import (
	"fmt"
	"net/url"
	"time"

	"integrations/shared/configuration/form"
	"integrations/shared/connector"
	"integrations/shared/connector/github"
	"integrations/shared/domain"
	"integrations/shared/outbound"
)

// A NotSupportedError says that there is no connector for what a configuration
// asks for. A run ends as failed with its Code.
type NotSupportedError struct {
	Provider domain.Provider
	What     string
}

// Code is the machine-readable name of the error.
func (e *NotSupportedError) Code() string { return "provider_not_supported" }

func (e *NotSupportedError) Error() string {
	return fmt.Sprintf("%s: %s cannot be synced yet", e.Provider, e.What)
}

// Open makes the connector of a provider. The configuration is the stored JSON
// with secrets masked; the secrets are in plain text by member. Connections
// and settings are those of base; now may be nil.
func Open(provider domain.Provider, configuration string, secrets map[string]string, base *outbound.Client, now func() time.Time) (connector.Connector, error) {
	switch provider {
	case domain.GitHub:
		return openGitHub(configuration, secrets, base, now)
	}
	return nil, &NotSupportedError{Provider: provider, What: "this provider"}
}

func openGitHub(configuration string, secrets map[string]string, base *outbound.Client, now func() time.Time) (connector.Connector, error) {
	f, err := form.Parse[form.GitHub](configuration, secrets)
	if err != nil {
		return nil, fmt.Errorf("open github: %w", err)
	}
	if f.Token == "" && f.AppID != "" {
		return nil, &NotSupportedError{Provider: domain.GitHub, What: "a GitHub App"}
	}
	if f.Token == "" || f.Token == domain.Mask {
		return nil, fmt.Errorf("open github: the token is not among the secrets")
	}
	host, err := hostOf(f.API())
	if err != nil {
		return nil, fmt.Errorf("open github: %w", err)
	}
	client := base.For([]string{host}, false, values(secrets))
	return github.New(github.Config{
		Owner: f.Owner, Repo: f.Repo, Token: f.Token, BaseURL: f.API(), Labels: f.Labels != form.LabelsNone,
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}, client, now), nil
}

// hostOf is the host, with its port if it is an odd one, that a connector is
// pinned to: the address a manager typed is the only one it may ask.
func hostOf(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("base_url is not an address")
	}
	return u.Host, nil
}

func values(secrets map[string]string) []string {
	var list []string
	for _, secret := range secrets {
		list = append(list, secret)
	}
	return list
}
