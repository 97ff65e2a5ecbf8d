package recording

import "regexp"

// Rules are the lists by which a Scrubber works. All names of headers, members
// and query parameters are in lower case; they match in any case.
type Rules struct {
	HeaderRules
	SecretRules
	HostRules
	PersonRules
}

// HeaderRules say which headers stay in a recording, and in which form.
type HeaderRules struct {
	// Kept are the headers that stay, an end of * stands for any rest. All others
	// are dropped.
	Kept []string
	// Credentials are the request headers whose value is replaced with <token of
	// ROLE>. A scheme before it stays.
	Credentials []string
	// Realm matches what a header says of where to log in, in two groups: the first
	// stays. Servers matches names of products in the header Server: another word
	// there can be the name of a machine.
	Realm, Servers *regexp.Regexp
}

// SecretRules say where secrets stand.
type SecretRules struct {
	// Secret are the members and query parameters whose value is secret. A start or
	// an end of * stands for any rest.
	Secret []string
	// Paths match secret parts of a path. The first group stays, the second one is
	// replaced.
	Paths []*regexp.Regexp
	// Texts match secrets in a text that is no JSON, such as a page. The first
	// group stays, the second one is replaced.
	Texts []*regexp.Regexp
}

// HostRules say which names of hosts are those of customers.
type HostRules struct {
	// Tenants match the host names that customers have below a provider's domain.
	Tenants []*regexp.Regexp
	// Public are the hosts whose names stay in addresses, a start of * stands for
	// any rest. All others become Host.
	Public []string
}

// PersonRules say where people are named.
type PersonRules struct {
	// Logins, Displays, Emails, IDs and Avatars are the members and query
	// parameters that name a person by login, by name, by e-mail address, by
	// account id and by picture. An end of * stands for any rest.
	Logins, Displays, Emails, IDs, Avatars []string
	// People are the members that hold a person: as an object, a login, an id, or
	// an array of them.
	People []string
	// NotPeople are members that no person has: an object with one of them is no
	// person, wherever it is.
	NotPeople []string
	// Details are the members of a person that say more about that person.
	Details []string
	// Segments are the parts of a path behind which a person is named.
	Segments []string
	// Keep are words that are never replaced as the name of a person: usual words
	// of protocols that accounts are also called by.
	Keep []string
}

// DefaultRules are those for the seven providers. Sources: their API references,
// and the recordings of MantisBT 2.28.4.
func DefaultRules() *Rules {
	return &Rules{
		HeaderRules: defaultHeaders(), SecretRules: defaultSecrets(), HostRules: defaultHosts(), PersonRules: defaultPersons(),
	}
}

// defaultHeaders are those of the providers, and of the proxies before them.
func defaultHeaders() HeaderRules {
	return HeaderRules{
		Kept: []string{
			"accept", "allow", "authorization", "content-type", "date", "deprecation", "etag", "if-match", "if-none-match", "last-modified", "link", "location",
			"private-token", "ratelimit-*", "retry-after", "server", "sunset", "www-authenticate",
			"x-accepted-github-permissions", "x-accepted-oauth-scopes", "x-atlassian-token", "x-github-api-version", "x-github-media-type", "x-github-sso",
			"x-mantis-loginmethod", "x-mantis-version", "x-next-page", "x-oauth-scopes", "x-page", "x-per-page", "x-prev-page", "x-ratelimit-*",
			"x-seraph-loginreason", "x-total", "x-total-pages", "x-api-key", "x-gitlab-token",
		},
		Credentials: []string{"authorization", "private-token", "x-api-key", "x-gitlab-token"},
		Realm:       regexp.MustCompile(`(?i)(\brealm=)("[^"]*"|[^\s,]+)`),
		Servers:     regexp.MustCompile(`(?i)^(?:nginx|apache(?:-coyote)?|openresty|cloudflare|cloudfront|atlassianedge|atlassianproxy|github\.com|istio-envoy|envoy|caddy|lighttpd|litespeed|varnish|awselb|akamaighost|microsoft-iis|microsoft-httpapi|kestrel|gunicorn|jetty|tomcat|haproxy|traefik|gws|google frontend|slack)(?:[/ (].*)?$`),
	}
}

// defaultSecrets are the usual names and forms of secrets.
func defaultSecrets() SecretRules {
	return SecretRules{
		Secret: []string{
			"access_token", "api_key", "apikey", "client_secret", "id_token", "password", "private_token", "refresh_token", "response_url",
			"secret", "session", "sessionid", "sig", "signature", "token", "webhook_url", "*_token", "*-token", "*_secret", "*_password",
			"x-amz-*", "x-goog-*", "authorization_request", "samlrequest", "samlresponse", "relaystate", "jwt", "code_challenge",
			"servertitle",                                                                                     // names a company
			"activityid", "correlation_id", "correlationid", "request_id", "requestid", "trace_id", "traceid", // name one request
		},
		Paths: secretPaths,
		Texts: secretTexts,
	}
}

// defaultHosts are the hosts of the providers, and of documentation.
func defaultHosts() HostRules {
	return HostRules{
		Tenants: tenants,
		Public: []string{
			"github.com", "api.github.com", "docs.github.com", "*.githubusercontent.com", "gitlab.com", "docs.gitlab.com", "about.gitlab.com",
			"discord.com", "discord.gg", "discordapp.com", "cdn.discordapp.com", "support.discord.com",
			"slack.com", "api.slack.com", "hooks.slack.com", "files.slack.com", "a.slack-edge.com", "avatars.slack-edge.com",
			"atlassian.com", "api.atlassian.com", "auth.atlassian.com", "id.atlassian.com", "www.atlassian.com", "developer.atlassian.com", "support.atlassian.com",
			"mantisbt.org", "www.mantisbt.org", "learn.microsoft.com", "go.microsoft.com", "login.microsoftonline.com", "aka.ms", "teams.microsoft.com",
			"adaptivecards.io", "secure.gravatar.com", "www.gravatar.com", "schema.org", "json-schema.org", "www.w3.org", "tools.ietf.org", "datatracker.ietf.org",
			"localhost", "example.com", "example.org", "example.net", "*.example", // for documentation
		},
	}
}

// defaultPersons are the names of members in the APIs of the providers.
func defaultPersons() PersonRules {
	return PersonRules{
		Logins: []string{
			"author_username", "creator", "login", "nick", "nickname", "person", "user", "user_login", "user_name", "username",
			"team_domain", "workspace",
		},
		Displays: []string{
			"author_name", "display_name", "display_name_normalized", "displayname", "first_name", "firstname", "fullname", "global_name",
			"last_name", "lastname", "real_name", "real_name_normalized", "realname", "team", "team_name",
		},
		Emails: []string{
			"author_email", "commit_email", "email", "emailaddress", "notification_email", "public_email", "user_email",
		},
		IDs: []string{
			"account_id", "accountid", "app_user_id", "assignee_id", "assignee_ids", "author_id", "bot_id", "bot_user_id", "closed_by_id", "creator_id",
			"enterprise_id", "extern_uid", "owner_id", "team_id", "updated_by_id", "user_id", "userid",
		},
		Avatars: []string{"avatar", "avatar_hash", "avatar_url", "avatarurls", "banner", "gravatar_id", "image_*"},
		People: []string{
			"actor", "assignee", "assignees", "author", "authorized_users", "bot", "bot_profile", "closed_by", "creator", "handler", "installer", "lead",
			"members", "mentions", "merged_by", "owner", "participants", "profile", "reporter", "requested_reviewers", "sender", "updateauthor", "updated_by", "user", "users",
		},
		NotPeople: []string{
			"allowedvalues", "blocks", "components", "content", "description", "embeds", "fields", "issues", "issuetypes", "operations", "projecttypekey", "required",
			"schema", "summary", "text", "title",
		},
		Details: []string{
			"bio", "birthday", "blog", "company", "discord", "job_title", "linkedin", "location", "organization", "phone", "pronouns", "skype", "status_text",
			"twitter", "twitter_username", "website_url", "work_information",
		},
		Segments: []string{"members", "u", "users"},
		Keep: []string{
			"*", "@me", "admin", "administrator", "all", "anonymous", "any", "api", "assignee", "bot", "bug", "closed", "creator", "developer", "false", "guest", "integrations",
			"issue", "issues", "label", "labels", "maintainer", "manager", "me", "message", "messages", "name", "new", "none", "null", "open", "opened", "owner",
			"person", "planner", "project", "projects", "read", "redacted", "reporter", "repos", "rest", "root", "search", "state", "status", "system", "task", "text", "title",
			"token", "true", "updater", "user", "users", "viewer", "write",
		},
	}
}

// The expressions of the default rules.
const slash = `(?:/|%(?:25)?2F|\\\\/)`

var (
	secretPaths = []*regexp.Regexp{
		regexp.MustCompile(`(?i)(` + slash + `webhooks` + slash + `)([0-9]+` + slash + `[A-Za-z0-9_%.~-]{12,})`),                  // Discord
		regexp.MustCompile(`(?i)(` + slash + `(?:services|triggers|workflows)` + slash + `)([TE][A-Z0-9]+` + slash + `[^?#\s]+)`), // Slack
		regexp.MustCompile(`(?i)(` + slash + `workflows` + slash + `)([A-Za-z0-9]{6,})(?:` + slash + `triggers)`),                 // Teams, Power Automate
		regexp.MustCompile(`(?i)(` + slash + `webhookb?2?` + slash + `)([0-9a-f-]{36}[^?#\s]*)`),                                  // Teams, connectors of old
		regexp.MustCompile(`(?i)(` + slash + `avatar` + slash + `)([0-9a-f]{32,64})\b`),                                           // Gravatar: a hash of an e-mail address
	}
	tenants = []*regexp.Regexp{
		regexp.MustCompile(`(?i)[a-z0-9][a-z0-9.-]*\.(?:atlassian\.net|slack\.com|ghe\.com|webhook\.office\.com|logic\.azure\.com|powerplatform\.com|sharepoint\.com|onmicrosoft\.com|okta\.com|oktapreview\.com|auth0\.com|onelogin\.com|mantishub\.io|mantishub\.com|jira\.com|gitlab\.io|github\.io)\b`),
	}
	// between stands between a name and its value in a page or a script.
	between     = `(?:\\?["\']|&quot;|&#34;)?\s*(?:(?:content|value)\s*=|[:=])\s*(?:\\?["\']|&quot;|&#34;)`
	secretTexts = []*regexp.Regexp{
		regexp.MustCompile(`(?i)((?:user[_-]?(?:name|login|full[_-]?name)|remote-user(?:-[a-z]+)?|\blogin|(?:display|full|real)[_-]?name|nickname|e-?mail(?:address)?)` + between + `)([^"\'&<>\\]{2,})`),
		regexp.MustCompile(`(?i)((?:csrf|authenticity|session|nonce)[\w-]*["']?\s*(?:(?:content|value)\s*=|[:=])\s*["']?)([A-Za-z0-9+/=_-]{8,})`),
		regexp.MustCompile(`(?i)((?:request|ray|trace|reference|incident|support)[ _-]?id\b[^A-Za-z0-9]{1,12})([A-Za-z0-9][A-Za-z0-9-]{7,})`),
	}
)
