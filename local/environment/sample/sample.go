// Package sample is what a new local environment starts with: an organisation
// with people and integrations, and a handful of items.
package sample

import (
	"context"
	"errors"
	"strings"
	"time"

	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// The organisations.
const (
	Organisation = domain.Snowflake(1180000000000000001)
	Deleted      = domain.Snowflake(1180000000000000002)
)

// The integrations.
const (
	GitHub    = domain.Snowflake(1200000000000000001)
	Documents = domain.Snowflake(1200000000000000002)
	Disabled  = domain.Snowflake(1200000000000000003)
	Orphan    = domain.Snowflake(1200000000000000004)

	GitLab         = domain.Snowflake(1200000000000000005)
	Jira           = domain.Snowflake(1200000000000000006)
	JiraDatacenter = domain.Snowflake(1200000000000000007)
	MantisBT       = domain.Snowflake(1200000000000000008)

	Slack          = domain.Snowflake(1200000000000000009)
	SlackWebhook   = domain.Snowflake(1200000000000000010)
	Discord        = domain.Snowflake(1200000000000000011)
	DiscordWebhook = domain.Snowflake(1200000000000000012)
	Teams          = domain.Snowflake(1200000000000000013)
)

const (
	owner    = domain.Snowflake(1170000000000000001)
	manager  = domain.Snowflake(1170000000000000002)
	member   = domain.Snowflake(1170000000000000003)
	pending  = domain.Snowflake(1170000000000000004)
	stranger = domain.Snowflake(1170000000000000005)

	managers = domain.Snowflake(1160000000000000001)
)

// Users are the people, by the part they play.
var Users = map[string]string{
	"owner": owner.String(), "manager": manager.String(), "member": member.String(),
	"pending": pending.String(), "stranger": stranger.String(),
}

// Organisations and Integrations are the ids, by their names.
var (
	Organisations = map[string]string{"sample": Organisation.String(), "deleted": Deleted.String()}
	Integrations  = map[string]string{
		"github": GitHub.String(), "documents": Documents.String(), "disabled": Disabled.String(), "orphan": Orphan.String(),
		"gitlab": GitLab.String(), "jira": Jira.String(), "jira_datacenter": JiraDatacenter.String(), "mantisbt": MantisBT.String(),
		"slack": Slack.String(), "slack_webhook": SlackWebhook.String(), "discord": Discord.String(), "discord_webhook": DiscordWebhook.String(), "teams": Teams.String(),
	}
)

// The account at the providers that the integrations use, and a person who
// edits there by hand.
const (
	Login       = "integrations-bot"
	Email       = "integrations-bot@sample-organisation.example"
	Person      = "octo-person"
	PersonEmail = "octo-person@sample-organisation.example"
)

// Where the integrations lead.
const (
	RepoOwner = "sample-organisation"
	RepoWork  = "work-items"
	RepoDocs  = "documents"
	RepoSpare = "milestones"

	GitLabProject = RepoOwner + "/" + RepoWork
	JiraProject   = "WORK"
	JiraSite      = "sample-organisation.atlassian.net"
	JiraServer    = "jira.sample-organisation.example"
	MantisServer  = "mantisbt.sample-organisation.example"
	ProjectName   = "Work items"

	SlackChannel  = "C0WORKITEM"
	SlackAlerts   = "C0ALERTS01" // the webhook's
	DiscordPosts  = "1210000000000000001"
	DiscordAlerts = "1210000000000000002" // the webhook's
	DiscordThread = "1210000000000000003" // of it, for the webhook to post into
	DiscordHook   = "1210000000000000004"
	DiscordBot    = "1210000000000000005"
	DiscordPerson = "1210000000000000006"
	TeamsHost     = "default0sample.0a.environment.api.powerplatform.com"
	TeamsChannel  = "work-items"
	TeamsFlow     = "0sample0flow0of0the0work0items00"
)

// A token of the sample is worth nothing anywhere but at the fake servers: it is
// what the provider puts before tokens and six times a word.
func made(prefix, word string) string { return prefix + strings.Repeat(word, 6) }

// prefixes are those of the providers' tokens, so that a search for tokens
// takes the samples for real ones.
var prefixes = map[domain.Provider]string{
	domain.GitHub: "ghp" + "_", domain.GitLab: "gl" + "pat-", domain.Jira: "ATA" + "TT3x", domain.Slack: "xo" + "xb-",
	domain.Discord: strings.Repeat("bot", 8) + ".sample.",
}

// Token is the sample account's token at a provider.
func Token(p domain.Provider) string { return made(prefixes[p], "sample") }

// PersonToken is the token of the sample's person at a provider.
func PersonToken(p domain.Provider) string { return made(prefixes[p], "person") }

// A webhook's address is its secret: HookToken is the part that is.
func HookToken() string { return made("", "webhook") + made("", "secret") }

// SlackHook is the path of the webhook's address behind /services/.
func SlackHook() string { return "T0SAMPLE01/B0SAMPLE01/" + made("", "hook") }

// TeamsURL is the address of the workflow, with the signature that is its
// secret.
func TeamsURL() string {
	return "https://" + TeamsHost + "/powerautomate/automations/direct/workflows/" + TeamsFlow + "/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + HookToken()
}

// Tables stores the sample.
type Tables interface {
	PutOrganisation(ctx context.Context, o domain.Organisation) error
	PutMember(ctx context.Context, m domain.Member) error
	CreateIntegration(ctx context.Context, i store.Integration, secrets map[string][]byte) error
}

// Items stores items.
type Items interface {
	PutItem(ctx context.Context, item domain.Item) (current bool, err error)
}

// A Sealer encrypts a secret for where it may be sent.
type Sealer func(ctx context.Context, i domain.Integration, member, origin, secret string) ([]byte, error)

// Seed stores the sample. What is there already stays as it is.
func Seed(ctx context.Context, tables Tables, items Items, seal Sealer) error {
	roles := map[string]domain.RoleGrant{managers.String(): {Grant: domain.Allow, Version: 1}}
	err := errors.Join(
		tables.PutOrganisation(ctx, domain.Organisation{ID: Organisation, Name: "Sample organisation", OwnerID: owner, Version: 1, Roles: roles}),
		tables.PutOrganisation(ctx, domain.Organisation{ID: Deleted, Name: "Deleted organisation", OwnerID: owner, Deleted: true, Version: 2}),
		tables.PutMember(ctx, domain.Member{OrganisationID: Organisation, UserID: owner, Version: 1}),
		tables.PutMember(ctx, domain.Member{OrganisationID: Organisation, UserID: manager, RoleIDs: []domain.Snowflake{managers}, Version: 1}),
		tables.PutMember(ctx, domain.Member{OrganisationID: Organisation, UserID: member, Version: 1}),
		tables.PutMember(ctx, domain.Member{OrganisationID: Organisation, UserID: pending, Pending: true, RoleIDs: []domain.Snowflake{managers}, Version: 1}),
	)
	if err != nil {
		return err
	}

	fresh := false
	for _, i := range List() {
		created, err := Create(ctx, tables, seal, i)
		if err != nil {
			return err
		}
		fresh = fresh || created
	}

	if !fresh {
		return nil // items may have changed since: they are not put back
	}

	for _, item := range handful() {
		if _, err := items.PutItem(ctx, item); err != nil {
			return err
		}
	}

	return nil
}

// List are the integrations, with their secrets in the configuration.
func List() []domain.Integration {
	return []domain.Integration{
		{ID: GitHub, Provider: domain.GitHub, OrganisationID: Organisation, ItemType: "work_item", Enabled: true, Configuration: At(RepoWork, `,"pull":"linked"`)},
		{ID: Documents, Provider: domain.GitHub, OrganisationID: Organisation, ItemType: "document", Enabled: true, Configuration: At(RepoDocs, ``)},
		{ID: Disabled, Provider: domain.GitHub, OrganisationID: Organisation, ItemType: "milestone", Configuration: At(RepoSpare, ``)},
		{ID: Orphan, Provider: domain.GitHub, OrganisationID: Deleted, ItemType: "work_item", Enabled: true, Configuration: At(RepoSpare, ``)},
		tracker(GitLab, domain.GitLab, `"project":"`+GitLabProject+`","token":"`+Token(domain.GitLab)+`"`),
		tracker(Jira, domain.Jira, `"flavor":"cloud","base_url":"https://`+JiraSite+`","project_key":"`+JiraProject+`","email":"`+Email+`","api_token":"`+Token(domain.Jira)+`"`),
		tracker(JiraDatacenter, domain.Jira, `"flavor":"datacenter","base_url":"https://`+JiraServer+`/jira","project_key":"`+JiraProject+`","token":"`+Token(domain.Jira)+`"`),
		chat(Slack, domain.Slack, `"bot_token":"`+Token(domain.Slack)+`","channel":"`+SlackChannel+`"`),
		chat(SlackWebhook, domain.Slack, `"webhook_url":"https://hooks.slack.com/services/`+SlackHook()+`"`),
		chat(Discord, domain.Discord, `"bot_token":"`+Token(domain.Discord)+`","channel_id":"`+DiscordPosts+`"`),
		chat(DiscordWebhook, domain.Discord, `"webhook_url":"https://discord.com/api/webhooks/`+DiscordHook+`/`+HookToken()+`"`),
		chat(Teams, domain.Teams, `"workflow_url":"`+TeamsURL()+`"`),
		tracker(MantisBT, domain.MantisBT, `"base_url":"https://`+MantisServer+`","project":"`+ProjectName+`","token":"`+Token(domain.MantisBT)+`"`),
	}
}

// tracker is an integration that sends work items and listens to people.
func tracker(id domain.Snowflake, p domain.Provider, members string) domain.Integration {
	return domain.Integration{ID: id, OrganisationID: Organisation, ItemType: "work_item", Provider: p, Enabled: true, Configuration: `{` + members + `,"pull":"linked"}`}
}

// chat is an integration that announces work items.
func chat(id domain.Snowflake, p domain.Provider, members string) domain.Integration {
	return domain.Integration{ID: id, OrganisationID: Organisation, ItemType: "work_item", Provider: p, Enabled: true, Configuration: `{` + members + `}`}
}

// At is the configuration of an integration with a repository of the sample's
// owner; more are further members.
func At(repository, more string) string {
	return `{"owner":"` + RepoOwner + `","repo":"` + repository + `","token":"` + Token(domain.GitHub) + `"` + more + `}`
}

// Create stores an integration as a manager's request would, unless it is
// there already.
func Create(ctx context.Context, tables Tables, seal Sealer, i domain.Integration) (created bool, err error) {
	accepted, err := configuration.Accept(i.Provider, i.Configuration, nil)
	if err != nil {
		return false, err
	}

	i.Configuration = accepted.Public
	origins := map[string]string{}
	sealed := map[string][]byte{}
	for member, secret := range accepted.NewSecrets {
		origins[member] = accepted.Destination.Origin
		if sealed[member], err = seal(ctx, i, member, accepted.Destination.Origin, secret); err != nil {
			return false, err
		}
	}

	err = tables.CreateIntegration(ctx, store.Integration{
		Integration: i, TargetHash: accepted.Destination.Hash(), WebhookHash: accepted.Destination.WebhookHash,
		Fingerprint: accepted.ContentFingerprint, SecretOrigins: origins,
	}, sealed)
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}

	return err == nil, err
}

// handful are a few items to sync at once. Their ids are among those of the
// Kubernetes enhancement proposals, so that loading those replaces them.
func handful() []domain.Item {
	at := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	item := func(id domain.Snowflake, number, title, text string, state domain.ItemState, labels ...string) domain.Item {
		return domain.Item{
			ID: id, OrganisationID: Organisation, ItemType: "work_item", FormattedNumber: number, Version: 1,
			Title: title, Description: text, URL: "https://items.example/" + number, State: state,
			Status: map[domain.ItemState]string{domain.Open: "in progress", domain.Closed: "done"}[state],
			Labels: labels, UpdatedAt: at,
		}
	}

	items := []domain.Item{
		item(1190000000000001027, "KEP-1027", "Doors close before the train is clear", "The doors of **car 3** close while the platform sensor still reports a person.\n\n- seen twice at track 4\n- ask @maintenance-team", domain.Open, "safety"),
		item(1190000000000001040, "KEP-1040", "Replace the pantograph of unit 12", "Worn below 4 mm. Fixes #11.", domain.Closed, "maintenance", "unit-12"),
		item(1190000000000001101, "KEP-1101", "Write the winter timetable", "```\n05:12  Nordhafen\n05:31  Altstadt\n```", domain.Open),
		item(1190000000000000617, "KEP-0617", "Ticket machine <b>prints</b> twice", "Only with 🎫 paper of type C. <!-- internal note -->", domain.Open, "tickets"),
		item(1190000000000000960, "KEP-0960", "Line 7: announce the detour", "See https://example.org/line-7", domain.Open, "passenger-information"),
	}

	named := func(id domain.Snowflake, name string) *domain.Named { return &domain.Named{ID: id, Name: name} }
	first := &items[0]
	first.Type = named(1150000000000000001, "Defect")
	first.Project = named(1150000000000000002, "Doors")
	first.Milestone = named(1150000000000000003, "Winter 2026")
	first.Owner = named(1170000000000000001, "Ada L.")
	first.UpdatedBy = named(1170000000000000002, "Bob")
	first.DueAt = time.Date(2026, 12, 1, 17, 0, 0, 0, time.UTC)

	return items
}
