package factory

import (
	"cmp"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"

	"example.com/integrations/shared/configuration/address"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/connector/teams"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// webhook is the client for a secret URL, which is pinned to its host and keeps
// it out of whatever is logged, whole and in the parts that would do to call it.
// Its errors do not repeat the URL.
func (s stored) webhook(provider domain.Provider, secret string) (*outbound.Client, error) {
	u, err := address.Webhook(provider, secret)
	if err != nil {
		return nil, errors.New("the webhook is not among the secrets")
	}

	hidden := append(slices.Collect(maps.Values(s.secrets)), u.Path, u.Path[strings.LastIndexByte(u.Path, '/')+1:])
	if provider == domain.Teams { // its path is the same for many
		query, err := url.ParseQuery(u.Query)
		if err != nil {
			return nil, errors.New("the workflow's address has no plain query")
		}
		hidden = append(slices.Collect(maps.Values(s.secrets)), u.Path+"?"+u.Query, u.Query, query.Get("sig"))
	}

	origin, err := url.Parse(u.Origin())
	if err != nil {
		return nil, errors.New("the webhook is not among the secrets")
	}

	return s.base.For([]string{origin.Host}, false, hidden), nil
}

func openDiscord(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.Discord](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	look := discord.Look{
		DigestOver: f.DigestOver(), PostUpdates: f.OnUpdate == form.OnUpdatePost,
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}
	if f.WebhookURL != "" {
		client, err := s.webhook(domain.Discord, f.WebhookURL)
		if err != nil {
			return nil, err
		}
		return discord.NewWebhook(discord.WebhookConfig{Look: look, URL: f.WebhookURL, Thread: f.ThreadID, ThreadName: f.ThreadName}, client, s.now), nil
	}

	client, err := s.client(address.DiscordAPI)
	if err := cmp.Or(given(f.BotToken), channel(f.ChannelID), err); err != nil {
		return nil, err
	}

	return discord.NewBot(discord.BotConfig{
		Look: look, Token: f.BotToken, Channel: f.ChannelID, Replies: f.OnUpdate == form.OnUpdateReply,
	}, client, s.now), nil
}

func openSlack(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.Slack](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	look := slack.Look{
		DigestOver: f.DigestOver(), Buttons: f.Open == form.OpenButton,
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}
	if f.WebhookURL != "" {
		client, err := s.webhook(domain.Slack, f.WebhookURL)
		if err != nil {
			return nil, err
		}
		return slack.NewWebhook(slack.WebhookConfig{Look: look, URL: f.WebhookURL}, client, s.now), nil
	}

	client, err := s.client(f.API())
	if err := cmp.Or(given(f.BotToken), channel(f.Channel), err); err != nil {
		return nil, err
	}

	return slack.NewBot(slack.BotConfig{
		Look: look, BaseURL: f.API(), Token: f.BotToken, Channel: f.Channel,
		PostUpdates: f.OnUpdate == form.OnUpdatePost, Replies: f.OnUpdate == form.OnUpdateReply,
	}, client, s.now), nil
}

func openTeams(s stored) (connector.Connector, error) {
	f, err := form.Parse[form.Teams](s.configuration, s.secrets)
	if err != nil {
		return nil, err
	}

	client, err := s.webhook(domain.Teams, f.WorkflowURL)
	if err != nil {
		return nil, err
	}

	return teams.New(teams.Config{
		URL: f.WorkflowURL, Card: f.Payload == form.PayloadCard, DigestOver: f.DigestOver(),
		TitleTemplate: f.Templates.Title, BodyTemplate: f.Templates.Body,
	}, client, s.now), nil
}

// channel reports whether one is named.
func channel(id string) error {
	if id == "" {
		return errors.New("the channel is missing")
	}
	return nil
}
