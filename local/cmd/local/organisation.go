package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/gallery"
	"example.com/integrations/local/providers/discord"
	"example.com/integrations/local/providers/github"
	"example.com/integrations/local/providers/gitlab"
	"example.com/integrations/local/providers/jira"
	"example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/local/providers/slack"
	"example.com/integrations/local/providers/teams"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
)

// sampleOrganisation is what a new environment starts with.
func sampleOrganisation() environment.Sample {
	return environment.Sample{
		Users: sample.Users, Organisations: sample.Organisations, Integrations: sample.Integrations,
		Providers: providerServers(repository(sample.RepoWork), repository(sample.RepoDocs), repository(sample.RepoSpare)),
		Gallery:   func(specs string) http.Handler { return gallery.Handler(columns(specs)) },
		Seed:      seed,
	}
}

func repository(name string) github.Repository {
	return github.Repository{Owner: sample.RepoOwner, Name: name, Push: []string{sample.Login, sample.Person}}
}

// providerServers are the fake servers, with what the sample's integrations lead to.
func providerServers(repositories ...github.Repository) []environment.Provider {
	return []environment.Provider{
		{Name: "github", Hosts: []string{"api.github.com"}, Open: func(o environment.ProviderOptions) (environment.FakeServer, error) {
			return github.Open(github.Config{
				Dir: o.Dir, Now: o.Now, SpecPath: described(o.Specs, "derived/github-issues-subset.json"), Limits: o.Limits,
				Tokens: users(domain.GitHub), PersonToken: sample.PersonToken(domain.GitHub), Repositories: repositories,
			})
		}},
		{Name: "gitlab", Hosts: []string{"gitlab.com"}, Open: func(o environment.ProviderOptions) (environment.FakeServer, error) {
			return gitlab.Open(gitlab.Config{
				Dir: o.Dir, Now: o.Now, Limits: o.Limits, Tokens: users(domain.GitLab), PersonToken: sample.PersonToken(domain.GitLab),
				Projects: []gitlab.Project{{Path: sample.GitLabProject}},
			})
		}},
		{Name: "jira", Hosts: []string{sample.JiraSite}, Open: openJira(jira.Cloud, "https://"+sample.JiraSite)},
		{Name: "jira_datacenter", Hosts: []string{sample.JiraServer}, Open: openJira(jira.Datacenter, "https://"+sample.JiraServer+"/jira")},
		{Name: "mantisbt", Hosts: []string{sample.MantisServer}, Open: func(o environment.ProviderOptions) (environment.FakeServer, error) {
			return mantisbt.Open(mantisbt.Config{
				Dir: o.Dir, Now: o.Now, SpecPath: described(o.Specs, "mantisbt-openapi-2.28.4.yaml"), Limits: o.Limits,
				Tokens: users(domain.MantisBT), PersonToken: sample.PersonToken(domain.MantisBT),
				Projects: []mantisbt.Project{{ID: 1, Name: sample.ProjectName}}, Web: "https://" + sample.MantisServer,
			})
		}},
		{Name: "slack", Also: []string{"slack_webhook"}, Hosts: []string{"slack.com", "hooks.slack.com"}, Open: openSlack},
		{Name: "discord", Also: []string{"discord_webhook"}, Hosts: []string{"discord.com"}, Open: openDiscord},
		{Name: "teams", Hosts: []string{sample.TeamsHost}, Open: openTeams},
	}
}

func openJira(flavor, base string) func(environment.ProviderOptions) (environment.FakeServer, error) {
	return func(o environment.ProviderOptions) (environment.FakeServer, error) {
		spec := ""
		if flavor == jira.Cloud {
			spec = described(o.Specs, "derived/jira-cloud-issues-subset.json")
		}

		return jira.Open(jira.Config{
			Flavor: flavor, Dir: o.Dir, Now: o.Now, SpecPath: spec, Limits: o.Limits, BaseURL: base, IndexLag: indexLag,
			Accounts: map[string]jira.Account{
				sample.Token(domain.Jira):       {Name: sample.Login, Email: sample.Email, Zone: "Europe/Berlin", Admin: true},
				sample.PersonToken(domain.Jira): {Name: sample.Person, Email: sample.PersonEmail, Zone: "Europe/Berlin"},
			},
			PersonToken: sample.PersonToken(domain.Jira), Projects: []jira.Project{{Key: sample.JiraProject, Name: sample.ProjectName}},
		})
	}
}

func openSlack(o environment.ProviderOptions) (environment.FakeServer, error) {
	scopes := []string{"chat:write", "channels:history", "channels:read"}
	return slack.Open(slack.Config{
		Dir: o.Dir, Now: o.Now, Limits: o.Limits, PersonToken: sample.PersonToken(domain.Slack),
		Accounts: map[string]slack.Account{
			sample.Token(domain.Slack):       {Name: sample.Login, User: "U0SAMPLE01", Bot: true, Scopes: scopes},
			sample.PersonToken(domain.Slack): {Name: sample.Person, User: "U0PERSON01", Scopes: scopes},
		},
		Channels: []slack.Channel{{ID: sample.SlackChannel, Name: "work-items"}, {ID: sample.SlackAlerts, Name: "alerts"}},
		Hooks:    []slack.Hook{{Path: sample.SlackHook(), Channel: sample.SlackAlerts, App: "incoming-webhook"}},
	})
}

func openDiscord(o environment.ProviderOptions) (environment.FakeServer, error) {
	return discord.Open(discord.Config{
		Dir: o.Dir, Now: o.Now, SpecPath: described(o.Specs, "derived/discord-messages-subset.json"), Limits: o.Limits, PersonToken: sample.PersonToken(domain.Discord),
		Accounts: map[string]discord.Account{
			sample.Token(domain.Discord):       {ID: sample.DiscordBot, Name: sample.Login, Bot: true},
			sample.PersonToken(domain.Discord): {ID: sample.DiscordPerson, Name: sample.Person},
		},
		Channels: []discord.Channel{
			{ID: sample.DiscordPosts, Name: "work-items"}, {ID: sample.DiscordAlerts, Name: "alerts"},
			{ID: sample.DiscordThread, Name: "alerts in a thread", Parent: sample.DiscordAlerts},
		},
		Webhooks: []discord.Webhook{{ID: sample.DiscordHook, Token: sample.HookToken(), Channel: sample.DiscordAlerts, Name: "Work items"}},
	})
}

func openTeams(o environment.ProviderOptions) (environment.FakeServer, error) {
	return teams.Open(teams.Config{
		Dir: o.Dir, Now: o.Now, SchemaPath: described(o.Specs, "adaptive-card-1.4.0.schema.json"), Limits: o.Limits, Person: sample.Person,
		Channels: []teams.Channel{{ID: sample.TeamsChannel, Name: "Work items"}},
		Flows:    []teams.Flow{{ID: sample.TeamsFlow, Sig: sample.HookToken(), Channel: sample.TeamsChannel}},
	})
}

// indexLag is how far Jira's searches lag behind what was written: less than
// the real ones' minutes, so that a person sees an edit arrive.
const indexLag = 2 * time.Second

// users are the accounts by token.
func users(p domain.Provider) map[string]string {
	return map[string]string{sample.Token(p): sample.Login, sample.PersonToken(p): sample.Person}
}

// described is the path of a provider's own description, "" where it is absent.
func described(specs, name string) string {
	path := filepath.Join(specs, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func seed(ctx context.Context, e *environment.Environment) error {
	st := store.New(e.DynamoDB(), e.Control.Table)
	return sample.Seed(ctx, st, st, sealer(e))
}

// sealer encrypts secrets with the environment's key.
func sealer(e *environment.Environment) sample.Sealer {
	keys := e.KMS()
	return func(ctx context.Context, i domain.Integration, member, origin, secret string) ([]byte, error) {
		b := sealing.Binding{Organisation: i.OrganisationID, Integration: i.ID, Field: member, Origin: origin}
		return sealing.Seal(ctx, keys, e.Control.Key, b, secret)
	}
}
