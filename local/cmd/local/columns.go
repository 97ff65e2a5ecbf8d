package main

import (
	"path/filepath"
	"slices"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/gallery"
	"example.com/integrations/shared/domain"
)

// columns are the providers that the gallery shows, with fake servers of its own
// for the chats, so that those of the environment hold nothing but what a sync
// sent.
func columns(specs string) func(dir string) ([]gallery.Column, error) {
	return func(dir string) ([]gallery.Column, error) {
		all := []gallery.Column{
			{Name: "GitHub", Integration: integration(sample.GitHub), Draw: gallery.Markdown},
			{Name: "GitLab", Integration: integration(sample.GitLab), Draw: gallery.Markdown},
			{Name: "Jira", Integration: integration(sample.Jira), Draw: gallery.Document},
			{Name: "MantisBT", Integration: integration(sample.MantisBT), Draw: gallery.Plain},
		}
		for _, one := range []struct {
			name, provider, channel string
			id                      domain.Snowflake
		}{
			{"Slack", "slack", sample.SlackChannel, sample.Slack}, {"Discord", "discord", sample.DiscordPosts, sample.Discord}, {"Microsoft Teams", "teams", sample.TeamsChannel, sample.Teams},
		} {
			provider := providerServers()[slices.IndexFunc(providerServers(), func(p environment.Provider) bool { return p.Name == one.provider })]
			opened, err := provider.Open(environment.ProviderOptions{Dir: filepath.Join(dir, one.provider), Specs: specs})
			if err != nil {
				return nil, err
			}

			all = append(all, gallery.Column{
				Name: one.name, Integration: integration(one.id), Chat: opened.(gallery.Chat), Hosts: provider.Hosts, Channel: one.channel,
			})
		}

		return all, nil
	}
}

// integration is one of the sample's.
func integration(id domain.Snowflake) domain.Integration {
	list := sample.List()
	return list[slices.IndexFunc(list, func(i domain.Integration) bool { return i.ID == id })]
}
