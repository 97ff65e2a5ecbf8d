package address

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// teamsDomains are the domains of the hosts that start workflows, in the public
// cloud and those of the United States' government and of China. Before each
// stand two labels: an environment's id in two parts, or a machine and a region
// (https://learn.microsoft.com/power-automate/ip-address-configuration, section
// "When an HTTP request is received"; docs/guides/teams.md has the details).
var teamsDomains = []string{
	"environment.api.powerplatform.com",
	"environment.api.gov.powerplatform.microsoft.us",
	"environment.api.high.powerplatform.microsoft.us",
	"environment.api.appsplatform.us",
	"environment.api.powerplatform.partner.microsoftonline.cn",
	"logic.azure.com",
	"logic.azure.us",
	"logic.azure.cn",
}

// connectorDomains and connectorHosts are those of Office 365 connectors.
var (
	connectorDomains = []string{"webhook.office.com", "webhook.office365.us"}
	connectorHosts   = []string{"outlook.office.com", "outlook.office365.com"}
)

// maxTrigger bounds the name of a trigger, in bytes as written in the URL. Logic
// Apps allow 80 characters
// (https://learn.microsoft.com/azure/logic-apps/logic-apps-limits-and-config).
const maxTrigger = 260

var (
	// teamsPath has the trigger's name as its group. The number behind /cu/ is a
	// scale unit, which newer workflows have in their URL.
	teamsPath  = regexp.MustCompile(`^(?:/powerautomate/automations/direct(?:/cu/[0-9]{1,4})?)?/workflows/[A-Za-z0-9_-]+/triggers/([^/]+)/paths/invoke$`)
	teamsQuery = regexp.MustCompile(`^[A-Za-z0-9%_.~=&/-]+$`)
	teamsSig   = regexp.MustCompile(`(?:^|&)sig=[^&]+`)
)

var (
	errConnector = errors.New("is an Office 365 connector, and Microsoft has retired those: make a workflow in Teams (“Send webhook alerts to a channel”) and give its URL")
	errTeamsHost = errors.New("must be a Teams workflow URL: its host must end in .environment.api.powerplatform.com or .logic.azure.com, or be one of a government's or China's cloud")
	errTeamsPath = errors.New("must be a whole Teams workflow URL: its path must end in /triggers/manual/paths/invoke (or have the trigger's own name in place of manual)")
	errTeamsSig  = errors.New("must be a whole Teams workflow URL, with its query and the one sig= in it; a workflow whose URL has no sig= wants a sign-in: let Anyone trigger it")
)

// TeamsWorkflow admits the URL of a workflow that takes webhook requests. One
// slash at the end of the path is dropped, and slashes in the query are escaped,
// so that each workflow has one spelling.
func TeamsWorkflow(text string) (URL, error) {
	if connector(text) {
		return URL{}, errConnector
	}

	u, err := parts(text)
	if err != nil {
		return URL{}, err
	}
	if u.Port != "" || !teamsHost(u.Host) {
		return URL{}, errTeamsHost
	}

	u.Path = strings.TrimSuffix(u.Path, "/")
	groups := teamsPath.FindStringSubmatch(u.Path)
	if groups == nil || !triggerName(groups[1]) {
		return URL{}, errTeamsPath
	}

	if !teamsQuery.MatchString(u.Query) || len(teamsSig.FindAllString(u.Query, 2)) != 1 {
		return URL{}, errTeamsSig
	}

	u.Query = strings.ReplaceAll(u.Query, "/", "%2F")

	return u, nil
}

// connector reports whether a text is the URL of an Office 365 connector. It is
// asked before anything else is refused, because such a URL has an @ in its path.
func connector(text string) bool {
	scheme, rest, _ := strings.Cut(strings.ToLower(text), "://")
	if scheme != "https" && scheme != "http" {
		return false
	}

	if end := strings.IndexAny(rest, `/\?#`); end >= 0 {
		rest = rest[:end]
	}

	host, _, _ := strings.Cut(rest, ":")

	for _, domain := range connectorDomains {
		if under(host, domain) {
			return true
		}
	}

	for _, known := range connectorHosts {
		if host == known {
			return true
		}
	}

	return false
}

// teamsHost reports whether a host, in lower case, starts workflows.
func teamsHost(host string) bool {
	for _, domain := range teamsDomains {
		labels, ok := strings.CutSuffix(host, "."+domain)
		if ok && strings.Count(labels, ".") == 1 {
			return true
		}
	}

	return false
}

// triggerName reports whether a segment of a path can be the name of a trigger:
// letters of any alphabet, escaped where they are not ASCII, digits, and the
// signs that such names have. An escaped slash or dot is none of them.
func triggerName(segment string) bool {
	name, err := url.PathUnescape(segment)
	if err != nil || len(segment) > maxTrigger || !utf8.ValidString(name) {
		return false
	}

	for _, r := range name {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("_-()' ", r) {
			return false
		}
	}

	return true
}
