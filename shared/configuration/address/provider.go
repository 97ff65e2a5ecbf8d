package address

import (
	"errors"
	"regexp"
	"strings"

	"example.com/integrations/shared/domain"
)

// The addresses of the SaaS that is meant where a manager names none.
const (
	GitHubAPI  = "https://api.github.com"
	GitLabHome = "https://gitlab.com"
	SlackAPI   = "https://slack.com"
	GovSlack   = "https://slack-gov.com"
	DiscordAPI = "https://discord.com"
)

func under(host, domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }

// GitHub admits an Enterprise Server (https://HOST or https://HOST/api/v3), a
// data residency API (https://api.SUBDOMAIN.ghe.com) and api.github.com.
func GitHub(text string) (URL, error) {
	u, err := Base(text)
	if err != nil {
		return URL{}, err
	}

	switch {
	case u.Host == "api.github.com":
		return u, bare(u, GitHubAPI)
	case under(u.Host, "github.com") || under(u.Host, "githubusercontent.com"):
		return URL{}, errors.New("must be left out for github.com; it is for GitHub Enterprise only")
	case under(u.Host, "ghe.com"):
		if strings.Count(u.Host, ".") != 3 || !strings.HasPrefix(u.Host, "api.") {
			return URL{}, errors.New("must be https://api.SUBDOMAIN.ghe.com for GitHub with data residency")
		}
		return u, bare(u, "https://api.SUBDOMAIN.ghe.com")
	}

	return u, nil
}

// bare refuses a port or path where a SaaS has neither.
func bare(u URL, want string) error {
	if u.Port != "" || u.Path != "" {
		return errors.New("must be " + want + " with no port and no path")
	}
	return nil
}

// GitLab admits gitlab.com and any self-managed instance, under a relative
// path too.
func GitLab(text string) (URL, error) {
	u, err := Base(text)
	if err != nil {
		return URL{}, err
	}

	if u.Host == "gitlab.com" {
		u.Path = strings.TrimSuffix(u.Path, "/api/v4")
		return u, bare(u, GitLabHome)
	}

	if under(u.Host, "gitlab.com") {
		return URL{}, errors.New("must be " + GitLabHome + " for GitLab.com")
	}

	return u, nil
}

// MantisBT admits any server; it is always self-hosted.
func MantisBT(text string) (URL, error) { return Base(text) }

var (
	jiraSite    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}\.atlassian\.net$`)
	jiraGateway = regexp.MustCompile(`^/ex/jira/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	errJira     = errors.New("must be https://SITE.atlassian.net or, for scoped tokens and service accounts, https://api.atlassian.com/ex/jira/CLOUD_ID, when flavor is cloud")
)

// JiraCloud admits a site and the gateway that scoped tokens need.
func JiraCloud(text string) (URL, error) {
	u, err := Base(text)
	if err != nil {
		return URL{}, err
	}

	site := jiraSite.MatchString(u.Host) && u.Path == ""
	gateway := u.Host == "api.atlassian.com" && jiraGateway.MatchString(u.Path)
	if u.Port != "" || !site && !gateway {
		return URL{}, errJira
	}

	return u, nil
}

// JiraDatacenter admits any server that is not Atlassian's own.
func JiraDatacenter(text string) (URL, error) {
	u, err := Base(text)
	if err != nil {
		return URL{}, err
	}
	if under(u.Host, "atlassian.net") || under(u.Host, "atlassian.com") {
		return URL{}, errors.New("is an address of Jira Cloud: set flavor to cloud")
	}

	return u, nil
}

var (
	discordHosts = []string{"discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com", "canary.discordapp.com", "ptb.discordapp.com"}
	discordPath  = regexp.MustCompile(`^/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/[A-Za-z0-9_-]+$`)
	slackHosts   = []string{"hooks.slack.com", "hooks.slack-gov.com"}
	slackPath    = regexp.MustCompile(`^/services/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$`)
	slackFlow    = regexp.MustCompile(`^/(?:triggers|workflows)/`)
)

func pinned(u URL, hosts []string) bool {
	for _, host := range hosts {
		if u.Host == host {
			return u.Port == ""
		}
	}
	return false
}

// DiscordWebhook admits a webhook's URL as Discord shows it.
func DiscordWebhook(text string) (URL, error) {
	u, err := split(text)
	switch {
	case err != nil:
		return URL{}, err
	case !pinned(u, discordHosts):
		return URL{}, errors.New("must be a Discord webhook URL: its host must be discord.com or discordapp.com (canary. and ptb. included)")
	case u.Query != "":
		return URL{}, errors.New("must end after the webhook's token; a thread is named in thread_id, or by ?thread_id= and its 17 to 20 digits")
	case !discordPath.MatchString(u.Path):
		return URL{}, errors.New("must be a whole Discord webhook URL: https://discord.com/api/webhooks/ID/TOKEN")
	}

	return u, nil
}

// discordThread is what people append to a webhook's URL to name a thread.
var discordThread = regexp.MustCompile(`^([^?#]*)\?thread_id=([1-9][0-9]{16,19})$`)

// DiscordThread separates a webhook's URL, as people paste it, from the thread
// that its query names. ok is false where the query names no thread, or more than
// that; then the URL is as it was given.
func DiscordThread(text string) (webhook, thread string, ok bool) {
	groups := discordThread.FindStringSubmatch(text)
	if groups == nil {
		return text, "", false
	}

	return groups[1], groups[2], true
}

// Slack admits the two homes of Slack, with or without the path of the Web API
// (https://docs.slack.dev/govslack).
func Slack(text string) (URL, error) {
	u, err := Base(text)
	if err != nil {
		return URL{}, err
	}

	u.Path = strings.TrimSuffix(u.Path, "/api")
	if home := u.String(); home != SlackAPI && home != GovSlack {
		return URL{}, errors.New("must be " + SlackAPI + ", or " + GovSlack + " for GovSlack")
	}

	return u, nil
}

// SlackWebhook admits the URL of an incoming webhook.
func SlackWebhook(text string) (URL, error) {
	u, err := split(text)
	switch {
	case err != nil:
		return URL{}, err
	case !pinned(u, slackHosts):
		return URL{}, errors.New("must be a Slack webhook URL: its host must be hooks.slack.com or hooks.slack-gov.com")
	case slackFlow.MatchString(u.Path):
		return URL{}, errors.New("is a workflow's trigger, which takes no messages: make an incoming webhook, whose URL has /services/ in it")
	case u.Query != "" || !slackPath.MatchString(u.Path):
		return URL{}, errors.New("must be a whole Slack webhook URL: https://hooks.slack.com/services/T…/B…/…")
	}

	return u, nil
}

// Webhook reads the secret URL that stands for a chat's channel.
func Webhook(provider domain.Provider, text string) (URL, error) {
	switch provider {
	case domain.Discord:
		return DiscordWebhook(text)
	case domain.Slack:
		return SlackWebhook(text)
	case domain.Teams:
		return TeamsWorkflow(text)
	}

	return URL{}, errors.New("is not a webhook of this provider")
}
