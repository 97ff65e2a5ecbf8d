package slack

import (
	gocontext "context"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// where is the id of the channel that calls go to.
func (b *Bot) where() string {
	if used := b.used.Load(); used != nil {
		return *used
	}
	return b.cfg.Channel
}

// The forms of Slack's ids: T… is a workspace, E… an organisation of several.
var (
	teamForm    = regexp.MustCompile(`^[TE][A-Z0-9]{2,63}$`)
	channelForm = regexp.MustCompile(`^[A-Z][A-Z0-9]{2,63}$`)
	homeForm    = regexp.MustCompile(`^https://[a-z0-9][a-z0-9.-]{0,100}\.slack(-gov)?\.com/$`)
)

// A team is what auth.test says of the workspace
// (https://docs.slack.dev/reference/methods/auth.test).
type team struct {
	ID   string `json:"team_id"`
	Home string `json:"url"`
}

// parseTeam reads the answer of auth.test. An address that is none of Slack's is
// left out.
func parseTeam(body []byte) (team, bool) {
	var t team
	if err := json.Unmarshal(body, &t); err != nil || !teamForm.MatchString(t.ID) {
		return team{}, false
	}

	if !homeForm.MatchString(t.Home) {
		t.Home = ""
	}

	return t, true
}

// Resolve asks which workspace the token belongs to, which needs no scope, and
// how the channel is called. Without the scope for that the channel is called by
// its id. A channel keeps its id when it is renamed, archived or made private.
func (b *Bot) Resolve(ctx gocontext.Context) (connector.Place, error) {
	me, err := b.ask(ctx, "auth.test", nil, 0)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}

	home, ok := parseTeam(me.response.Body)
	if !ok {
		return connector.Place{}, b.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Slack does not say which workspace the token belongs to", me.response)
	}

	found, err := b.named(ctx)
	if err != nil {
		return connector.Place{}, connector.OfPlace(err)
	}

	p := connector.Place{Instance: home.ID, ID: found.ID, Name: b.http.Clean(found.label())}
	if home.Home != "" {
		p.URL, _ = markup.WebURL(home.Home + "archives/" + found.ID)
	}

	b.Use(p)

	return p, nil
}

// Use makes later calls go to a channel that was resolved before.
func (b *Bot) Use(p connector.Place) {
	if !channelForm.MatchString(p.ID) {
		return
	}
	id := p.ID
	b.used.Store(&id)
}

// A channelName is a channel as people know it.
type channelName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// label is the name with the sign that people put before it. Where there is
// none, as in a direct message, it is the id.
func (c channelName) label() string {
	if name := strings.TrimSpace(c.Name); name != "" {
		return "#" + name
	}
	return c.ID
}

// parseChannelName reads the answer of conversations.info.
func parseChannelName(body []byte) (channelName, bool) {
	var info struct {
		Channel channelName `json:"channel"`
	}
	err := json.Unmarshal(body, &info)

	return info.Channel, err == nil && channelForm.MatchString(info.Channel.ID)
}

// named asks how the configured channel is called.
func (b *Bot) named(ctx gocontext.Context) (channelName, error) {
	asked := channelName{ID: b.cfg.Channel}
	a, err := b.ask(ctx, "conversations.info", url.Values{"channel": {asked.ID}}, 0)
	if a.Error == "missing_scope" {
		return asked, nil
	}

	var e *failure.Error
	if errors.As(err, &e) && e.Code == "forbidden" {
		e.Code = "target_not_found" // auth.test has just shown that the token is good
	}

	if err != nil {
		return channelName{}, err
	}

	found, ok := parseChannelName(a.response.Body)
	if !ok {
		return channelName{}, b.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Slack's answer is not a channel", a.response)
	}

	return found, nil
}

// Resolve makes no call: Slack does not say which channel an incoming webhook
// posts into. The address is all there is to name the place, and a secret, so
// the id is a hash of it.
func (w *Webhook) Resolve(gocontext.Context) (connector.Place, error) {
	instance := "slack.com"
	if u, err := url.Parse(w.cfg.URL); err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".slack-gov.com") {
		instance = "slack-gov.com"
	}
	return connector.Place{Instance: instance, ID: connector.SecretPlaceID(domain.Slack, w.cfg.URL), Name: "incoming webhook"}, nil
}

// Use does nothing: an incoming webhook posts into one place only.
func (w *Webhook) Use(connector.Place) {}
