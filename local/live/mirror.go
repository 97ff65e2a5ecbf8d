package live

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers/discord"
	"example.com/integrations/local/providers/github"
	"example.com/integrations/local/providers/gitlab"
	"example.com/integrations/local/providers/jira"
	"example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/local/providers/slack"
	"example.com/integrations/local/providers/teams"
	"example.com/integrations/local/recording"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/domain"
)

// A mirror is a fake server with the place of a recording in it, so that the recorded
// requests can be sent to it.
type mirror struct {
	api http.Handler
	// authorize puts the mirror's own credential of a role in the place of the
	// recorded one.
	authorize func(role string, r *http.Request)
	close     func() error
}

// mirrored is the credential at a mirror: it is of no use anywhere else.
const mirrored = "0000000000000000000000000000000000000000"

// account is the user at a mirror, another the one that edits as a person.
const (
	account = "sync-bot"
	another = "a-person"
)

// users are the accounts of a mirror by credential.
func users() map[string]string {
	return map[string]string{mirrored: account, credential("person"): another}
}

// credential is that of a role at a mirror.
func credential(role string) string {
	if role == "person" {
		return strings.Repeat("1", len(mirrored))
	}

	return mirrored
}

// Differences sends what was recorded to the fake server of the provider and lists how
// its answers differ: see Compare.
func (l *Line) Differences(ctx context.Context, strict bool) ([]recording.Difference, error) {
	var file bytes.Buffer
	if err := l.Save(&file); err != nil {
		return nil, err
	}

	all, err := recording.Read(&file)
	if err != nil {
		return nil, err
	}

	public, err := l.Configuration()
	if err != nil {
		return nil, err
	}

	return Compare(ctx, l.provider, public, all, strict)
}

// Compare sends the requests of a trial's recording to the fake server of the provider,
// with the place of the recording in it, and lists how its answers differ from those
// recorded: status, content type and form of the body, and members of another kind or
// that only the fake server has. With strict it also lists members that only the provider
// has, and lists of another length: a fake server has the members that the connectors
// read, and shows new objects at once. The configuration is that of the recording.
func Compare(ctx context.Context, provider domain.Provider, configuration string, all []recording.Exchange, strict bool) (found []recording.Difference, err error) {
	dir, err := os.MkdirTemp("", "mirror")
	if err != nil {
		return nil, err
	}

	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	m, err := openMirror(provider, configuration, dir)
	if err != nil {
		return nil, fmt.Errorf("the fake server: %w", err)
	}

	defer func() { err = errors.Join(err, m.close()) }()

	// The token of a GitHub App is asked for with a key that a mirror does not have.
	// Whether a token may delete, or edit without mail, depends on its account: that of a
	// mirror may.
	all = slices.DeleteFunc(slices.Clone(all), func(e recording.Exchange) bool {
		refused := e.Request.Method == http.MethodDelete && slices.Contains(refusing, e.Response.Status)
		quiet := strings.Contains(e.Request.Path, "notifyUsers=false") && e.Response.Status == http.StatusForbidden

		return refused || quiet || strings.HasPrefix(e.Request.Path, "/app/")
	})

	replay := recording.Replay{Authorize: m.authorize, Modelled: !strict}

	return replay.Against(ctx, m.api, all)
}

// Grouped are differences as sentences, each once, with the exchanges that have it.
func Grouped(all []recording.Difference) []string {
	var sentences []string
	cases := map[string][]string{}
	for _, d := range all {
		sentence := fmt.Sprintf("%s is %s, the fake server's is %s", d.What, d.Want, d.Got)
		if cases[sentence] == nil {
			sentences = append(sentences, sentence)
		}

		if !slices.Contains(cases[sentence], d.Case) {
			cases[sentence] = append(cases[sentence], d.Case)
		}
	}

	const most = 3
	for i, sentence := range sentences {
		where := cases[sentence]
		more := ""
		if len(where) > most {
			more = fmt.Sprintf(" and %d more", len(where)-most)
			where = where[:most]
		}

		sentences[i] = sentence + " (" + strings.Join(where, ", ") + more + ")"
	}

	return sentences
}

// openMirror opens the fake server of a provider, with the place of a configuration.
func openMirror(provider domain.Provider, configuration, dir string) (*mirror, error) {
	open := map[domain.Provider]func(configuration, dir string) (*mirror, error){
		domain.GitHub: mirrorGitHub, domain.GitLab: mirrorGitLab, domain.Jira: mirrorJira, domain.MantisBT: mirrorMantisBT,
		domain.Slack: mirrorSlack, domain.Discord: mirrorDiscord, domain.Teams: mirrorTeams,
	}

	return open[provider](configuration, dir)
}

// header gives a function that sets a header to a role's credential behind a scheme.
func header(name, scheme string) func(string, *http.Request) {
	return func(role string, r *http.Request) { r.Header.Set(name, scheme+credential(role)) }
}

// below is an API that is served under the path of an address, less what the
// fake server serves itself.
func below(api http.Handler, address, own string) http.Handler {
	u, err := url.Parse(address)
	if err != nil {
		return api
	}

	return http.StripPrefix(strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), own), api)
}

func mirrorGitHub(configuration, dir string) (*mirror, error) {
	f, err := form.Parse[form.GitHub](configuration, nil)
	if err != nil {
		return nil, err
	}

	s, err := github.Open(github.Config{Dir: dir, Tokens: users(),
		Repositories: []github.Repository{{Owner: f.Owner, Name: f.Repo, Push: []string{account, another}}}})
	if err != nil {
		return nil, err
	}

	return &mirror{api: below(s.API(), f.API(), ""), authorize: header("Authorization", "Bearer "), close: s.Close}, nil
}

func mirrorGitLab(configuration, dir string) (*mirror, error) {
	f, err := form.Parse[form.GitLab](configuration, nil)
	if err != nil {
		return nil, err
	}

	project := string(f.Project)
	if !strings.Contains(project, "/") {
		project = "acme/work"
	}

	s, err := gitlab.Open(gitlab.Config{Dir: dir, Host: recording.Host, Tokens: users(),
		Projects: []gitlab.Project{{Path: project, Roles: map[string]int{account: gitlab.Owner, another: gitlab.Owner}}}})
	if err != nil {
		return nil, err
	}

	authorize := func(role string, r *http.Request) {
		r.Header.Set("Private-Token", credential(role))
		named := "/projects/" + string(f.Project)
		if strings.Trim(string(f.Project), "0123456789") == "" && strings.Contains(r.URL.Path+"/", named+"/") {
			r.URL.Path = strings.Replace(r.URL.Path, named, "/projects/"+project, 1)
			r.URL.RawPath = strings.Replace(r.URL.Path, project, url.PathEscape(project), 1)
		}
	}

	return &mirror{api: below(s.API(), f.API(), "/api/v4"), authorize: authorize, close: s.Close}, nil
}

func mirrorJira(configuration, dir string) (*mirror, error) {
	f, err := form.Parse[form.Jira](configuration, nil)
	if err != nil {
		return nil, err
	}

	base, err := url.Parse(f.BaseURL)
	if err != nil {
		return nil, err
	}

	emails := map[string]string{mirrored: "sync@acme.test", credential("person"): "person@acme.test"}
	accounts := map[string]jira.Account{}
	for token, name := range users() {
		accounts[token] = jira.Account{Name: name, Email: emails[token], Zone: "Europe/Berlin", Admin: true}
	}

	config := jira.Config{Flavor: jira.Datacenter, Dir: dir, BaseURL: "https://" + recording.Host + base.Path,
		Accounts: accounts, Projects: []jira.Project{{Key: f.ProjectKey, Name: "Work"}}}
	authorize := header("Authorization", "Bearer ")
	if f.Flavor == form.Cloud {
		config.Flavor = jira.Cloud
		authorize = func(role string, r *http.Request) { r.SetBasicAuth(emails[credential(role)], credential(role)) }
	}

	s, err := jira.Open(config)
	if err != nil {
		return nil, err
	}

	return &mirror{api: s.API(), authorize: authorize, close: s.Close}, nil
}

func mirrorMantisBT(configuration, dir string) (*mirror, error) {
	f, err := form.Parse[form.MantisBT](configuration, nil)
	if err != nil {
		return nil, err
	}

	project := mantisbt.Project{ID: 1, Name: string(f.Project)}
	if id, err := strconv.Atoi(string(f.Project)); err == nil {
		project = mantisbt.Project{ID: id, Name: "Work"}
	}

	if f.Category != "" {
		project.Categories = []string{f.Category}
	}

	s, err := mantisbt.Open(mantisbt.Config{Dir: dir, Tokens: users(), Projects: []mantisbt.Project{project}, Web: "https://" + recording.Host})
	if err != nil {
		return nil, err
	}

	return &mirror{api: below(s.API(), f.API(), "/api/rest"), authorize: header("Authorization", ""), close: s.Close}, nil
}

func mirrorSlack(configuration, dir string) (*mirror, error) {
	const channel = "C0WORK"
	const hook = "T0MIRROR/B0MIRROR/" + mirrored
	f, err := form.Parse[form.Slack](configuration, nil)
	if err != nil {
		return nil, err
	}

	s, err := slack.Open(slack.Config{Dir: dir, Interactive: f.Open == form.OpenButton, Channels: []slack.Channel{{ID: channel, Name: "work"}},
		Accounts: map[string]slack.Account{mirrored: {Name: account, User: "U0MIRROR", Bot: true, Scopes: []string{"chat:write", "channels:history", "channels:read"}}},
		Hooks:    []slack.Hook{{Path: hook, Channel: channel, App: account}}})
	if err != nil {
		return nil, err
	}

	authorize := func(_ string, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/services/") {
			r.URL.Path = "/services/" + hook
			r.URL.RawPath = ""
			return
		}

		r.Header.Set("Authorization", "Bearer "+mirrored)
	}

	return &mirror{api: s.API(), authorize: authorize, close: s.Close}, nil
}

func mirrorDiscord(configuration, dir string) (*mirror, error) {
	f, err := form.Parse[form.Discord](configuration, nil)
	if err != nil {
		return nil, err
	}

	const hook = "2000000000000000001"
	channel := cmp.Or(f.ChannelID, "1000000000000000001")
	channels := []discord.Channel{{ID: channel, Name: "work", Forum: f.ThreadName != ""}}
	if f.ThreadID != "" {
		channels = append(channels, discord.Channel{ID: f.ThreadID, Name: "a thread", Parent: channel})
	}

	s, err := discord.Open(discord.Config{Dir: dir, Channels: channels,
		Accounts: map[string]discord.Account{mirrored: {ID: "3000000000000000001", Name: account, Bot: true}},
		Webhooks: []discord.Webhook{{ID: hook, Token: mirrored, Channel: channel, Name: account}}})
	if err != nil {
		return nil, err
	}

	authorize := func(_ string, r *http.Request) {
		before, after, webhook := strings.Cut(r.URL.Path, "/webhooks/")
		if !webhook {
			r.Header.Set("Authorization", "Bot "+mirrored)
			return
		}

		r.URL.Path = before + "/webhooks/" + hook + "/" + mirrored
		r.URL.RawPath = ""
		if _, message, found := strings.Cut(after, "/messages/"); found {
			r.URL.Path += "/messages/" + message
		}
	}

	return &mirror{api: s.API(), authorize: authorize, close: s.Close}, nil
}

func mirrorTeams(configuration, dir string) (*mirror, error) {
	f, err := form.Parse[form.Teams](configuration, nil)
	if err != nil {
		return nil, err
	}

	flow := teams.Flow{ID: "0mirror", Sig: mirrored, Channel: "work", Payload: map[string]string{"card": "Card", "envelope": "Envelope"}[f.Payload]}
	s, err := teams.Open(teams.Config{Dir: dir, Channels: []teams.Channel{{ID: "work", Name: "Work"}}, Flows: []teams.Flow{flow}})
	if err != nil {
		return nil, err
	}

	authorize := func(_ string, r *http.Request) {
		r.URL.Path = "/powerautomate/automations/direct/workflows/" + flow.ID + "/triggers/manual/paths/invoke"
		r.URL.RawPath = ""
		query := r.URL.Query()
		query.Set("sig", mirrored)
		r.URL.RawQuery = query.Encode()
	}

	return &mirror{api: s.API(), authorize: authorize, close: s.Close}, nil
}
