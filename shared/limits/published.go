package limits

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// published are the limits the providers publish for what they run themselves.
var published = map[domain.Provider]Limits{
	// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
	domain.GitHub: {Gap: time.Second, Windows: []Window{{Creates, 80, time.Minute}, {Creates, 500, time.Hour}, {Calls, 5000, time.Hour}}},
	// https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom
	domain.GitLab: {Windows: []Window{{Creates, 200, time.Minute}, {Calls, 400, time.Minute}}},
	// https://developer.atlassian.com/cloud/jira/platform/rate-limiting/ counts
	// in points; a write a second stays below the smallest quota.
	domain.Jira: {Gap: time.Second},
	// MantisBT allows 10 new issues an hour to reporters only; its own limit is
	// a setting of each server.
	domain.MantisBT: {Gap: time.Second / 2},
	// https://discord.com/developers/docs/topics/rate-limits: 30 a minute and webhook.
	domain.Discord: {Windows: []Window{{Writes, 30, time.Minute}}},
	// https://docs.slack.dev/apis/web-api/rate-limits: one message a second and channel.
	domain.Slack: {Gap: time.Second},
	// https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook: four a second.
	domain.Teams: {Gap: time.Second / 2},
}

// gentle is for servers without published limits.
var gentle = Limits{Gap: time.Second / 4}

// Published are the limits of a provider: those it publishes, if it runs the
// place itself, else gentle ones.
func Published(p domain.Provider, hosted bool) Limits {
	if !hosted {
		return gentle
	}
	return published[p]
}

// A Setting is what a deployment wants of pacing.
type Setting struct {
	off       bool
	overrides map[domain.Provider]Limits
}

// Limits are those of a provider under this setting.
func (s Setting) Limits(p domain.Provider, hosted bool) Limits {
	if s.off {
		return Limits{}
	}

	if l, ok := s.overrides[p]; ok {
		return l
	}

	return Published(p, hosted)
}

// ParseSetting reads a setting: "published" (or nothing), "off", or overrides of the
// published limits, as "github=gap:1s,creates:80/1m;slack=gap:1s".
func ParseSetting(text string) (Setting, error) {
	switch text {
	case "", "published":
		return Setting{}, nil
	case "off":
		return Setting{off: true}, nil
	}

	s := Setting{overrides: map[domain.Provider]Limits{}}
	for part := range strings.SplitSeq(text, ";") {
		name, rules, ok := strings.Cut(part, "=")
		p := domain.Provider(strings.TrimSpace(name))
		if _, known := published[p]; !ok || !known {
			return Setting{}, fmt.Errorf("%q is not a provider with limits, as github=gap:1s", part)
		}

		if _, twice := s.overrides[p]; twice {
			return Setting{}, fmt.Errorf("%s is there twice", p)
		}

		l, err := parseLimits(rules)
		if err != nil {
			return Setting{}, fmt.Errorf("%s: %w", p, err)
		}

		s.overrides[p] = l
	}

	return s, nil
}

var kinds = map[string]Kind{"creates": Creates, "writes": Writes, "calls": Calls}

func parseLimits(rules string) (Limits, error) {
	var l Limits
	for rule := range strings.SplitSeq(rules, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(rule), ":")
		if name == "gap" {
			gap, err := time.ParseDuration(value)
			if err != nil || gap <= 0 || gap > time.Hour {
				return l, fmt.Errorf("%q: a gap is a time of up to an hour, as gap:1s", rule)
			}

			l.Gap = gap
			continue
		}

		kind, known := kinds[name]
		number, per, _ := strings.Cut(value, "/")
		n, err := strconv.Atoi(number)
		length, perr := time.ParseDuration(per)
		if !known || err != nil || n < 2 || n > 1_000_000 || perr != nil || length < time.Second || length > 24*time.Hour {
			return l, fmt.Errorf("%q is no limit, as creates:80/1m (creates, writes or calls; at least 2; a time of 1s to 24h)", rule)
		}

		w := Window{kind, n, length}
		if slices.ContainsFunc(l.Windows, func(other Window) bool { return other.name() == w.name() }) {
			return l, fmt.Errorf("%q: there is a limit of %s within %s already", rule, name, length)
		}

		l.Windows = append(l.Windows, w)
	}

	return l, nil
}
