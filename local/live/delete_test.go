package live

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/discord"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/connector/slack"
	"example.com/integrations/shared/domain"
)

// wrote is a wire on which writes were taken.
func wrote(t *testing.T, writes ...string) *Wire {
	t.Helper()
	w := &Wire{}
	for _, write := range writes {
		method, at, _ := strings.Cut(write, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "https://provider.example"+at, nil)
		if err != nil {
			t.Fatal(err)
		}

		for name, value := range map[string]string{
			"Authorization": "Bearer secret", "User-Agent": "DiscordBot", "Content-Type": "application/json; charset=utf-8", "If-Match": "v1",
			"Content-Length": "17", "Accept-Encoding": "gzip",
		} {
			r.Header.Set(name, value)
		}

		w.keep(r)
	}

	return w
}

// The address of a delete is made of a write for an object of the trial and of the
// name of the object. Without such a write, or with a name of another form, there
// is no request.
func TestTheAddressOfADelete(t *testing.T) {
	onGitLab := gitlab.New(gitlab.Config{}, nil, nil)
	onJira := jira.New(jira.Config{}, nil, nil)
	onMantisBT := mantisbt.New(mantisbt.Config{}, nil, nil)
	bot := discord.NewBot(discord.BotConfig{}, nil, nil)
	hook := discord.NewWebhook(discord.WebhookConfig{}, nil, nil)
	onSlack := slack.NewBot(slack.BotConfig{}, nil, nil)
	for name, tt := range map[string]struct {
		connector connector.Connector
		writes    []string
		remote    domain.Remote
		want      string // "" for no request
	}{
		"its own update":         {onGitLab, []string{"PUT /api/v4/projects/77/issues/4"}, domain.Remote{ID: "9004", Key: "4"}, "DELETE /api/v4/projects/77/issues/4"},
		"a path with a slash":    {onGitLab, []string{"PUT /api/v4/projects/a%2Fb/issues/4"}, domain.Remote{ID: "9004", Key: "4"}, "DELETE /api/v4/projects/a%2Fb/issues/4"},
		"another object's":       {onGitLab, []string{"PUT /api/v4/projects/77/issues/3"}, domain.Remote{ID: "9004", Key: "4"}, "DELETE /api/v4/projects/77/issues/4"},
		"of no object of ours":   {onGitLab, []string{"PUT /api/v4/projects/77/issues/5"}, domain.Remote{ID: "9004", Key: "4"}, ""},
		"no update":              {onGitLab, []string{"POST /api/v4/projects/77/issues"}, domain.Remote{ID: "9004", Key: "4"}, ""},
		"a name that leads away": {onGitLab, []string{"PUT /api/v4/projects/77/issues/3"}, domain.Remote{ID: "9004", Key: "../4"}, ""},
		"no name":                {onGitLab, []string{"PUT /api/v4/projects/77/issues/3"}, domain.Remote{ID: "9004"}, ""},
		"by id":                  {onJira, []string{"PUT /rest/api/3/issue/10003?notifyUsers=false&returnIssue=true"}, domain.Remote{ID: "10004", Key: "WORK-4"}, "DELETE /rest/api/3/issue/10004"},
		"below a script":         {onMantisBT, []string{"PATCH /api/rest/index.php/issues/3"}, domain.Remote{ID: "4", Key: "4"}, "DELETE /api/rest/index.php/issues/4"},
		"a bot's message":        {bot, []string{"PATCH /api/v10/channels/5/messages/10003?x=1"}, domain.Remote{ID: "10004", Key: "5"}, "DELETE /api/v10/channels/5/messages/10004"},
		"a bot's post":           {bot, []string{"POST /api/v10/channels/5/messages"}, domain.Remote{ID: "10004", Key: "5"}, "DELETE /api/v10/channels/5/messages/10004"},
		"in a thread":            {hook, []string{"PATCH /api/webhooks/1/s/messages/10003?thread_id=8&x=1"}, domain.Remote{ID: "10004"}, "DELETE /api/webhooks/1/s/messages/10004?thread_id=8"},
		"a webhook's post":       {hook, []string{"POST /api/webhooks/1/s?wait=true&thread_id=8"}, domain.Remote{ID: "10004"}, "DELETE /api/webhooks/1/s/messages/10004?thread_id=8"},
		"in a forum":             {hook, []string{"PATCH /api/webhooks/1/s/messages/10003?thread_id=10003"}, domain.Remote{ID: "10004", Key: "10004"}, "DELETE /api/webhooks/1/s/messages/10004?thread_id=10004"},
		"a forum's post":         {hook, []string{"POST /api/webhooks/1/s?wait=true"}, domain.Remote{ID: "10004", Key: "10004"}, "DELETE /api/webhooks/1/s/messages/10004?thread_id=10004"},
		"a channel's post":       {hook, []string{"POST /api/webhooks/1/s?wait=true"}, domain.Remote{ID: "10004", Key: "5"}, "DELETE /api/webhooks/1/s/messages/10004"},
		"a webhook's nothing":    {hook, nil, domain.Remote{ID: "10004"}, ""},
		"Slack's update":         {onSlack, []string{"POST /api/chat.update"}, domain.Remote{ID: "1.4", Key: "C1"}, `POST /api/chat.delete {"channel":"C1","ts":"1.4"}`},
		"Slack's post":           {onSlack, []string{"POST /api/chat.postMessage"}, domain.Remote{ID: "1.4", Key: "C1"}, `POST /api/chat.delete {"channel":"C1","ts":"1.4"}`},
		"Slack's other call":     {onSlack, []string{"POST /api/auth.test"}, domain.Remote{ID: "1.4", Key: "C1"}, ""},
		"no channel":             {onSlack, []string{"POST /api/chat.update"}, domain.Remote{ID: "1.4"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			first := domain.Remote{ID: "10003", Key: "3"}
			made := &objects{all: []*object{{sent: connector.Sent{Remote: first}}, {sent: connector.Sent{Remote: tt.remote}}}}
			trial := &remover{connector: tt.connector, wire: wrote(t, tt.writes...), made: made}
			r, err := trial.deletion(tt.remote)
			if tt.want == "" {
				if !errors.Is(err, errNoAddress) {
					t.Fatalf("%v %v", r, err)
				}

				return
			}

			if err != nil {
				t.Fatal(err)
			}

			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}

			if got := strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(body)); got != tt.want || r.ContentLength != int64(len(body)) {
				t.Errorf("%s with %d bytes, want %s", got, r.ContentLength, tt.want)
			}

			for header, want := range map[string]string{"Authorization": "Bearer secret", "User-Agent": "DiscordBot", "If-Match": "", "Content-Length": "", "Accept-Encoding": ""} {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s: %q", header, got)
				}
			}

			if kind := r.Header.Get("Content-Type"); (kind != "") != (len(body) > 0) {
				t.Errorf("Content-Type %q of %d bytes", kind, len(body))
			}
		})
	}
}

// What stays is counted, and is called closed only if all of it is.
func TestWhatStays(t *testing.T) {
	closed := &object{sent: connector.Sent{State: domain.Closed}}
	open := &object{sent: connector.Sent{State: domain.Open}}
	lost := &object{lost: true, sent: connector.Sent{State: domain.Closed}}
	tracker := gitlab.New(gitlab.Config{}, nil, nil)
	chat := slack.NewWebhook(slack.WebhookConfig{}, nil, nil)
	for _, tt := range []struct {
		connector connector.Connector
		objects   []*object
		want      string
	}{
		{tracker, []*object{closed}, "1 object is closed and stays"},
		{tracker, []*object{closed, closed, closed}, "3 objects are closed and stay"},
		{tracker, []*object{closed, open}, "2 objects stay"},
		{tracker, []*object{lost}, "1 object stays"},
		{chat, []*object{closed}, "1 message stays"},
		{chat, []*object{closed, open}, "2 messages stay"},
	} {
		trial := &remover{connector: tt.connector, made: &objects{connector: tt.connector, all: tt.objects}}
		if got := trial.stay(len(tt.objects)); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// A call of the trial's own has a time limit. A context that ends is no answer,
// and so is a connection that breaks; another failure is not hidden.
func TestACallOfTheTrialsOwn(t *testing.T) {
	ask := func(ctx context.Context, provider http.HandlerFunc) (int, string, error) {
		w := wrote(t)
		w.Around(provider)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://provider.example/1", nil)
		if err != nil {
			t.Fatal(err)
		}

		status, body, err := w.send(ctx, r)
		if w.Calls() != 1 {
			t.Errorf("%d calls are counted", w.Calls())
		}

		return status, string(body), err
	}

	status, body, err := ask(t.Context(), func(w http.ResponseWriter, r *http.Request) {
		end, limited := r.Context().Deadline()
		if !limited || time.Until(end) > callTime {
			t.Errorf("until %s, %t", end, limited)
		}

		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, "text")
	})
	if status != http.StatusConflict || body != "text" || err != nil {
		t.Errorf("%d %q %v", status, body, err)
	}

	if status, _, err := ask(t.Context(), func(http.ResponseWriter, *http.Request) {}); status != http.StatusOK || err != nil {
		t.Errorf("%d %v", status, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	if _, _, err := ask(ctx, func(http.ResponseWriter, *http.Request) { cancel() }); !errors.Is(err, errNoAnswer) {
		t.Error(err)
	}

	if _, _, err := ask(t.Context(), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); !errors.Is(err, errNoAnswer) {
		t.Error(err)
	}

	defer func() {
		if recover() == nil {
			t.Error("a panic is hidden")
		}
	}()

	_, _, _ = ask(t.Context(), func(http.ResponseWriter, *http.Request) { panic("a fault of ours") })
}

// A write that the provider refused tells no address: the object may lie elsewhere.
func TestARefusedWriteTellsNoAddress(t *testing.T) {
	for status, kept := range map[int]bool{0: true, 200: true, 204: true, 302: false, 404: false, 500: false} {
		w := &Wire{}
		around := w.Around(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			if status != 0 {
				out.WriteHeader(status)
			}
		}))

		r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://provider.example/issues/1", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}

		around.ServeHTTP(&taken{header: http.Header{}}, r)
		if found := w.lastWrite(func(*http.Request) bool { return true }); (found != nil) != kept {
			t.Errorf("%d: %v", status, found)
		}
	}
}
