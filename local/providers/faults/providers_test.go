package faults_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/discord"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/github"
	"example.com/integrations/local/providers/gitlab"
	"example.com/integrations/local/providers/jira"
	"example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/local/providers/slack"
	"example.com/integrations/local/providers/teams"
)

const (
	ours   = "our-token"
	person = "person-token"
	bot    = "bot@acme.test"
	maria  = "maria@acme.test"
)

// A fakeServer is what all of them are.
type fakeServer interface {
	API() http.Handler
	Plain() http.Handler
	Close() error
	Faults() *faults.Kit
	Violations() []string
}

// A provider is how one of them is asked, and what it says to each fault.
type provider struct {
	name string
	open func(dir string, now func() time.Time) (fakeServer, error)
	// admit puts a token on a request.
	admit func(r *http.Request, token string)
	// calls are the methods and paths by kind; the object is the first one there is.
	calls map[faults.Kind][2]string
	// bodies are those of a create and an update.
	bodies map[faults.Kind]string
	// list gives the times of change out of a list.
	times func(body []byte) []string
	// made is the status of a create, 0 means 201. user is the account of our token, ""
	// means sync-bot. alone says that there are no other callers.
	made  int
	user  string
	alone bool
	// place is a path whose answer shows the name of the place, where the other
	// calls do not. words are the forms that refused words have, the default first.
	place string
	words []string
	// says is what a fault makes of a call; "cannot" that there is no such fault.
	says map[string]said
}

// said is an answer. A header that is wanted as "-" is not there, as "+" is there.
type said struct {
	kind   faults.Kind // of the call: create where it is empty
	status int
	header map[string]string
	body   string
	cannot string
	order  string // more members of the order
	reason string // on the status line
}

func spec(name string) string {
	path := filepath.Join("..", "..", "..", "..", "shared", "specs", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func bearer(r *http.Request, token string) { r.Header.Set("Authorization", "Bearer "+token) }

// field gives a member of each object in a list, which lies below the path.
func field(body []byte, list string, path ...string) (all []string) {
	var read any
	if err := json.Unmarshal(body, &read); err != nil {
		return []string{err.Error()}
	}

	if list != "" {
		read = read.(map[string]any)[list]
	}

	for _, one := range read.([]any) {
		for _, name := range path {
			one = one.(map[string]any)[name]
		}
		all = append(all, fmt.Sprint(one))
	}

	return all
}

// began is when the clocks of the stages begin, flake the id that Discord gives
// then.
var (
	began = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	flake = fmt.Sprint(uint64(began.UnixMilli()-1420070400000) << 22)
)

var html = map[string]string{"Content-Type": "text/html"}

var allProviders = []provider{
	{
		name: "github",
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return github.Open(github.Config{
				Dir: dir, SpecPath: spec("derived/github-issues-subset.json"), Tokens: map[string]string{ours: "sync-bot", person: "maria"}, PersonToken: person,
				Repositories: []github.Repository{{Owner: "acme", Name: "work"}, {Owner: "acme", Name: "other"}}, Now: now,
			})
		},
		admit: bearer,
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", "/repos/acme/work/issues"}, faults.Update: {"PATCH", "/repos/acme/work/issues/1"},
			faults.Read: {"GET", "/repos/acme/work/issues/1"}, faults.List: {"GET", "/repos/acme/work/issues?state=all"}, faults.Other: {"GET", "/user"},
		},
		bodies: map[faults.Kind]string{faults.Create: `{"title":"Made"}`, faults.Update: `{"title":"Changed"}`},
		times:  func(body []byte) []string { return field(body, "", "updated_at") },
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"90s"`, header: map[string]string{"Retry-After": "90", "X-Ratelimit-Remaining": "0"}, body: `"message":"API rate limit exceeded`},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "+"}},
			faults.SecondaryLimit:  {status: 403, header: map[string]string{"Retry-After": "-", "X-Ratelimit-Remaining": "-"}, body: "secondary rate limit"},
			faults.ErrorBefore:     {status: 503, body: `"message":"Service unavailable"`},
			faults.ErrorAfter:      {status: 502, body: `"message":"Server Error"`},
			faults.MovedObject:     {kind: faults.Update, status: 301, header: map[string]string{"Location": "+"}, body: "Moved Permanently"},
			faults.DeletedObject:   {kind: faults.Read, status: 410, body: "This issue was deleted"},
			faults.RevokedToken:    {status: 401, body: "Bad credentials"},
			faults.AddressBan:      {status: 403, body: "IP allow list"},
			faults.ETagConflict:    {cannot: "the last writer wins"},
			faults.Captcha:         {cannot: "captcha"},
			faults.RefusedWords:    {status: 422, body: `"errors":[{"code":"custom","field":"body","message":"` + faults.NotTaken},
			faults.ForbiddenItem:   {kind: faults.Update, status: 403, body: "Must have admin rights"},
			faults.RenamedPlace:    {status: 307, header: map[string]string{"Location": "+"}, body: "Moved Permanently"},
			faults.ForeignLink:     {status: 201, header: map[string]string{"Location": "https://elsewhere.example/repos/acme/work/issues/"}},
			faults.Anonymous:       {cannot: "dead token"},
		},
		words: []string{faults.Nested, faults.Array, faults.String},
	},
	{
		name: "gitlab",
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return gitlab.Open(gitlab.Config{
				Dir: dir, Tokens: map[string]string{ours: "sync-bot", person: "maria"}, PersonToken: person,
				Projects: []gitlab.Project{{Path: "acme/work"}}, Now: now,
			})
		},
		admit: func(r *http.Request, token string) { r.Header.Set("Private-Token", token) },
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", "/api/v4/projects/acme%2Fwork/issues"}, faults.Update: {"PUT", "/api/v4/projects/acme%2Fwork/issues/1"},
			faults.Read: {"GET", "/api/v4/projects/acme%2Fwork/issues/1"}, faults.List: {"GET", "/api/v4/projects/acme%2Fwork/issues?scope=all"}, faults.Other: {"GET", "/api/v4/user"},
		},
		bodies: map[faults.Kind]string{faults.Create: `{"title":"Made"}`, faults.Update: `{"title":"Changed"}`},
		times:  func(body []byte) []string { return field(body, "", "updated_at") },
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"90s"`, header: map[string]string{"Retry-After": "90", "Ratelimit-Remaining": "0", "Content-Type": "text/plain"}, body: "Retry later"},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-", "Ratelimit-Remaining": "-"}, body: "Retry later"},
			faults.SecondaryLimit:  {status: 429, header: map[string]string{"Retry-After": "-"}, body: "requested too many times"},
			faults.ErrorBefore:     {status: 503, header: html},
			faults.ErrorAfter:      {status: 500, order: `,"status":500`, body: `{"message":"500 Internal Server Error"}`},
			faults.MovedObject:     {kind: faults.Read, status: 200, body: `"state":"closed"`},
			faults.DeletedObject:   {kind: faults.Update, status: 404, body: "404 Not Found"},
			faults.RevokedToken:    {status: 401, body: "Token was revoked"},
			faults.ETagConflict:    {cannot: "the last writer wins"},
			faults.Captcha:         {status: 409, body: `"needs_captcha_response":true`},
			faults.AddressBan:      {status: 403, header: map[string]string{"Content-Type": "text/plain"}, body: "Forbidden"},
			faults.RefusedWords:    {status: 400, body: `{"message":{"base":["` + faults.NotTaken},
			faults.ForbiddenItem:   {kind: faults.Update, status: 403, body: "403 Forbidden"},
			faults.RenamedPlace:    {status: 405, body: "Non GET methods are not allowed for moved projects"},
			faults.ForeignLink:     {kind: faults.List, status: 200, header: map[string]string{"Link": "<https://elsewhere.example/api/v4/projects/"}},
			faults.Anonymous:       {cannot: "dead token"},
		},
		words: []string{faults.Nested, faults.Array, faults.String},
	},
	{
		name: "slack", made: 200,
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return slack.Open(slack.Config{
				Dir: dir, Now: now, PersonToken: person, Channels: []slack.Channel{{ID: "C1", Name: "work"}},
				Accounts: map[string]slack.Account{
					ours:   {Name: "sync-bot", User: "U1", Bot: true, Scopes: []string{"chat:write", "channels:history", "channels:read"}},
					person: {Name: "maria", User: "U2", Scopes: []string{"chat:write", "channels:history", "channels:read"}},
				},
			})
		},
		admit: func(r *http.Request, token string) {
			bearer(r, token)
			if r.Method == http.MethodPost {
				r.Header.Set("Content-Type", "application/json; charset=utf-8")
			}
		},
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", "/api/chat.postMessage"}, faults.Update: {"POST", "/api/chat.update"},
			faults.List: {"GET", "/api/conversations.history?channel=C1"}, faults.Other: {"POST", "/api/auth.test"},
		},
		bodies: map[faults.Kind]string{
			faults.Create: `{"channel":"C1","text":"Made"}`, faults.Update: fmt.Sprintf(`{"channel":"C1","ts":"%d.000000","text":"Changed"}`, began.Unix()),
		},
		times: func(body []byte) []string { return field(body, "messages", "ts") },
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"90s"`, header: map[string]string{"Retry-After": "90"}, body: `{"ok":false,"error":"ratelimited"}`},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-"}, body: "ratelimited"},
			faults.SecondaryLimit:  {status: 200, body: `{"ok":false,"error":"rate_limited"}`},
			faults.ErrorBefore:     {status: 503, header: html},
			faults.ErrorAfter:      {status: 502, header: html},
			faults.DeletedObject:   {kind: faults.Update, status: 200, body: "message_not_found"},
			faults.RevokedToken:    {status: 200, body: "token_revoked"},
			faults.AddressBan:      {status: 200, body: "invalid_auth"},
			faults.OneTimestamp:    {cannot: "its name"}, faults.MovedObject: {cannot: "stays in its channel"}, faults.ETagConflict: {cannot: "ETag"}, faults.Captcha: {cannot: "captcha"},
			faults.RefusedWords:  {status: 200, body: `"response_metadata":{"messages":["[ERROR] ` + faults.NotTaken},
			faults.ForbiddenItem: {kind: faults.Update, status: 200, body: `{"ok":false,"error":"cant_update_message"}`},
			faults.RenamedPlace:  {status: 200, body: `"ok":true`},
			faults.MovedReadonly: {cannot: "fixed"}, faults.ForeignLink: {cannot: "cursor"}, faults.Anonymous: {cannot: "without a token"},
		},
		place: "/api/conversations.info?channel=C1", words: []string{faults.Nested, faults.Array, faults.String},
	},
	{
		name: "discord", made: 200,
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return discord.Open(discord.Config{
				Dir: dir, Now: now, SpecPath: spec("discord-openapi.json"), PersonToken: person, Channels: []discord.Channel{{ID: "1000000000000000001", Name: "work"}},
				Accounts: map[string]discord.Account{ours: {ID: "2000000000000000001", Name: "sync-bot", Bot: true}, person: {ID: "2000000000000000002", Name: "maria"}},
			})
		},
		admit: func(r *http.Request, token string) {
			r.Header.Set("User-Agent", "DiscordBot (https://acme.test, 1)")
			if r.Header.Set("Authorization", token); token == ours {
				r.Header.Set("Authorization", "Bot "+token)
			}
		},
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", "/api/v10/channels/1000000000000000001/messages"}, faults.Update: {"PATCH", "/api/v10/channels/1000000000000000001/messages/" + flake},
			faults.Read: {"GET", "/api/v10/channels/1000000000000000001/messages/" + flake}, faults.List: {"GET", "/api/v10/channels/1000000000000000001/messages"},
			faults.Other: {"GET", "/api/v10/users/@me"},
		},
		bodies: map[faults.Kind]string{faults.Create: `{"content":"Made","allowed_mentions":{"parse":[]}}`, faults.Update: `{"content":"Changed","allowed_mentions":{"parse":[]}}`},
		times:  func(body []byte) []string { return field(body, "", "id") },
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"1500ms"`, header: map[string]string{"Retry-After": "2", "X-Ratelimit-Scope": "user", "Via": "+"}, body: `"retry_after":1.500,"global":false`},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-"}, body: `"retry_after":5.000`},
			faults.SecondaryLimit:  {status: 429, header: map[string]string{"X-Ratelimit-Global": "true"}, body: `"global":true`},
			faults.ErrorBefore:     {status: 503, header: html},
			faults.ErrorAfter:      {status: 500, order: `,"status":500`, body: "500: Internal Server Error"},
			faults.DeletedObject:   {kind: faults.Read, status: 404, body: "10008"},
			faults.RevokedToken:    {status: 401, body: "401: Unauthorized"},
			faults.AddressBan:      {status: 429, header: map[string]string{"Content-Type": "text/html", "Retry-After": "-", "Via": "-"}, body: "1015"},
			faults.OneTimestamp:    {cannot: "in its id"}, faults.MovedObject: {cannot: "stays in its channel"}, faults.ETagConflict: {cannot: "ETag"}, faults.Captcha: {cannot: "captcha"},
			faults.RefusedWords:  {status: 400, body: `"errors":{"content":{"_errors":[`},
			faults.ForbiddenItem: {kind: faults.Update, status: 403, body: `"code":50005`},
			faults.RenamedPlace:  {status: 200, body: `"id"`},
			faults.MovedReadonly: {cannot: "fixed"}, faults.ForeignLink: {cannot: "id of a message"}, faults.Anonymous: {cannot: "without a token"},
		},
		place: "/api/v10/channels/1000000000000000001", words: []string{faults.Nested, faults.Array, faults.String},
	},
	{
		name: "teams", made: 202, alone: true, user: "workflow f1",
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return teams.Open(teams.Config{
				Dir: dir, Now: now, SchemaPath: spec("adaptive-card-1.4.0.schema.json"), Person: "maria",
				Channels: []teams.Channel{{ID: "work", Name: "Work"}}, Flows: []teams.Flow{{ID: "f1", Sig: "right", Channel: "work"}},
			})
		},
		admit: func(*http.Request, string) {},
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", strings.TrimPrefix(teams.Flow{ID: "f1", Sig: "right"}.URL("x"), "https://x")},
		},
		bodies: map[faults.Kind]string{
			faults.Create: `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"Made","wrap":true}]}}]}`,
		},
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"90s"`, header: map[string]string{"Retry-After": "90"}, body: "Try again in 90 seconds"},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-"}},
			faults.SecondaryLimit:  {status: 200, body: "returned HTTP error 429"},
			faults.ErrorBefore:     {status: 503, body: "ServiceUnavailable"},
			faults.ErrorAfter:      {status: 502, body: "NoResponse"},
			faults.RevokedToken:    {status: 401, body: "DirectApiAuthorizationRequired"},
			faults.AddressBan:      {status: 401, body: "AuthorizationFailed"},
			faults.LaggingLists:    {cannot: "no trace"}, faults.OneTimestamp: {cannot: "no trace"}, faults.MovedObject: {cannot: "no trace"},
			faults.DeletedObject: {cannot: "no trace"}, faults.ETagConflict: {cannot: "no trace"}, faults.Captcha: {cannot: "captcha"},
			faults.RefusedWords: {status: 400, body: `{"error":{"code":"InvalidRequestContent","message":"` + faults.NotTaken},
			faults.WrongSuccess: {cannot: "Response action"}, faults.SlowList: {cannot: "no trace"}, faults.ForbiddenItem: {cannot: "no trace"},
			faults.RenamedPlace: {cannot: "no name"}, faults.MovedReadonly: {cannot: "does not move"}, faults.ForeignLink: {cannot: "no links"}, faults.Anonymous: {cannot: "signature"},
		},
		words: []string{faults.Nested},
	},
	jiraProvider(jira.Cloud),
	jiraProvider(jira.Datacenter),
	{
		name: "mantisbt",
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return mantisbt.Open(mantisbt.Config{
				Dir: dir, SpecPath: spec("mantisbt-openapi-2.28.4.yaml"), Tokens: map[string]string{ours: "sync-bot", person: "maria"}, PersonToken: person,
				Projects: []mantisbt.Project{{ID: 1, Name: "Work"}, {ID: 2, Name: "Secret", Members: []string{"maria"}}}, Now: now,
			})
		},
		admit: func(r *http.Request, token string) { r.Header.Set("Authorization", token) },
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", "/api/rest/issues"}, faults.Update: {"PATCH", "/api/rest/issues/1"}, faults.Read: {"GET", "/api/rest/issues/1"},
			faults.List: {"GET", "/api/rest/issues?project_id=1"}, faults.Other: {"GET", "/api/rest/users/me"},
		},
		bodies: map[faults.Kind]string{
			faults.Create: `{"summary":"Made","description":"It.","project":{"id":1},"category":{"name":"General"}}`, faults.Update: `{"summary":"Changed"}`,
		},
		times: func(body []byte) []string { return field(body, "issues", "updated_at") },
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"90s"`, header: map[string]string{"Retry-After": "90", "Content-Type": "text/html"}, body: "429 Too Many Requests"},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-", "Content-Type": "text/html"}},
			faults.SecondaryLimit:  {status: 429, header: map[string]string{"Retry-After": "-"}, body: `"code":27`},
			faults.ErrorBefore:     {status: 503, header: html},
			faults.ErrorAfter:      {status: 500, order: `,"status":500`, header: map[string]string{"Content-Length": "0"}},
			faults.MovedObject:     {kind: faults.Read, status: 403, body: "Access denied"},
			faults.DeletedObject:   {kind: faults.Update, status: 404, body: `"code":1100`},
			faults.RevokedToken:    {status: 401, header: map[string]string{"X-Mantis-Version": "+", "Content-Length": "0"}},
			faults.ETagConflict:    {kind: faults.Update, status: 412, header: map[string]string{"Etag": "+"}},
			faults.Captcha:         {cannot: "sign-up"},
			faults.AddressBan:      {status: 403, header: html},
			faults.RefusedWords:    {status: 400, header: map[string]string{"Content-Length": "0", "X-Mantis-Version": "+"}, reason: faults.NotTaken},
			faults.ForbiddenItem:   {kind: faults.Read, status: 403, body: `{"message":"Access denied for user sync-bot."`},
			faults.RenamedPlace:    {kind: faults.Update, status: 200, body: `"name":"Work-renamed"`},
			faults.ForeignLink:     {cannot: "number"},
			faults.Anonymous:       {kind: faults.Other, status: 200, header: map[string]string{"X-Mantis-LoginMethod": "cookie"}, body: `"name":"anonymous"`},
		},
		words: []string{faults.Reason, faults.String},
	},
}

func jiraProvider(flavor string) provider {
	base := ""
	version := "/rest/api/3"
	if flavor != jira.Cloud {
		base = "/jira"
		version = "/rest/api/2"
	}

	root := base + version
	p := provider{
		name: "jira " + flavor,
		open: func(dir string, now func() time.Time) (fakeServer, error) {
			return jira.Open(jira.Config{
				Flavor: flavor, Dir: dir, SpecPath: spec("derived/jira-cloud-issues-subset.json"), BaseURL: "https://jira.acme.test" + base,
				Accounts:    map[string]jira.Account{ours: {Name: "sync-bot", Email: bot}, person: {Name: "maria", Email: maria}},
				PersonToken: person, Projects: []jira.Project{{Key: "WORK"}}, Now: now,
			})
		},
		admit: func(r *http.Request, token string) {
			if flavor != jira.Cloud {
				bearer(r, token)
				return
			}
			r.SetBasicAuth(map[string]string{ours: bot, person: maria}[token], token)
		},
		calls: map[faults.Kind][2]string{
			faults.Create: {"POST", root + "/issue"}, faults.Update: {"PUT", root + "/issue/WORK-1"}, faults.Read: {"GET", root + "/issue/WORK-1"},
			faults.List: {"GET", root + "/search?fields=updated&jql=project%3D%22WORK%22"}, faults.Other: {"GET", root + "/myself"},
		},
		bodies: map[faults.Kind]string{
			faults.Create: `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"},"summary":"Made"}}`, faults.Update: `{"fields":{"summary":"Changed"}}`,
		},
		times: func(body []byte) []string { return field(body, "issues", "fields", "updated") },
		says: map[string]said{
			faults.RateLimited:     {status: 429, order: `,"duration":"90s"`, header: map[string]string{"Retry-After": "90", "Ratelimit-Reason": "jira-burst-based"}, body: "Rate limit exceeded"},
			faults.RateLimitedBare: {status: 429, header: map[string]string{"Retry-After": "-", "Ratelimit-Reason": "jira-burst-based"}},
			faults.SecondaryLimit:  {kind: faults.Update, status: 429, header: map[string]string{"Retry-After": "2", "Ratelimit-Reason": "jira-per-issue-on-write"}},
			faults.ErrorBefore:     {status: 503, header: html, body: "AtlassianEdge"},
			faults.ErrorAfter:      {status: 500, order: `,"status":500`, body: "Internal server error"},
			faults.MovedObject:     {kind: faults.Update, status: 404, body: "does not exist"},
			faults.DeletedObject:   {kind: faults.Read, status: 404, body: "does not exist"},
			faults.RevokedToken:    {status: 401, header: map[string]string{"X-Seraph-Loginreason": "AUTHENTICATED_FAILED"}},
			faults.ETagConflict:    {kind: faults.Update, status: 409, body: "changed by somebody else"},
			faults.Captcha:         {status: 403, header: map[string]string{"X-Authentication-Denied-Reason": "+"}},
			faults.AddressBan:      {status: 403, header: html},
			faults.RefusedWords:    {status: 400, body: `{"errorMessages":["` + faults.NotTaken},
			faults.ForbiddenItem:   {kind: faults.Read, status: 403, body: "permission to see the specified issue"},
			faults.RenamedPlace:    {kind: faults.Read, status: 200, body: `"key":"WORKNEW-1"`},
			faults.ForeignLink:     {cannot: "token or an offset"},
			faults.Anonymous:       {kind: faults.List, status: 200, header: map[string]string{"X-Seraph-Loginreason": "AUTHENTICATED_FAILED"}, body: `"issues":[]`},
		},
		words: []string{faults.Array, faults.Nested, faults.String},
	}
	if flavor == jira.Cloud {
		p.calls[faults.List] = [2]string{"GET", root + "/search/jql?fields=updated&jql=project%3D%22WORK%22"}
		return p
	}

	for fault, told := range map[string]string{faults.RateLimited: "90", faults.RateLimitedBare: "-"} {
		one := p.says[fault]
		one.header = map[string]string{"Retry-After": told, "X-Ratelimit-Remaining": "0", "X-Ratelimit-Fillrate": "10"}
		p.says[fault] = one
	}

	p.says[faults.SecondaryLimit] = said{cannot: "one limit"}
	p.says[faults.Anonymous] = said{cannot: "401"}
	p.says[faults.ErrorBefore] = said{status: 504, order: `,"status":504`, header: html, body: "nginx"}

	return p
}

// common are the faults that are the same everywhere.
var common = map[string]said{
	faults.LostAnswer:    {},
	faults.SlowAnswer:    {order: `,"duration":"1ms"`},
	faults.EndlessAnswer: {},
	faults.LaggingLists:  {kind: faults.List, status: 200, order: `,"duration":"1h"`},
	faults.OneTimestamp:  {kind: faults.List, status: 200},

	faults.ForeignAnswer:  {status: 200, header: html, body: "We will be back soon"},
	faults.WrongSuccess:   {},
	faults.BlockedContent: {status: 403, header: html, body: "Attention Required!", order: `,"pattern":"M*de"`},
	faults.SlowList:       {kind: faults.List, status: 504, order: `,"page":10`},
	faults.MovedReadonly:  {status: 405, header: map[string]string{"Allow": "GET, HEAD"}, body: "405 Method Not Allowed"},
}

// A stage is a fake server with its two addresses and a clock.
type stage struct {
	*testing.T
	provider
	fakeServer fakeServer
	api, page  string
	lock       sync.Mutex
	at         time.Time
}

func (s *stage) now() time.Time {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.at
}

func (s *stage) pass(d time.Duration) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.at = s.at.Add(d)
}

func open(t *testing.T, p provider) *stage {
	t.Helper()
	s := &stage{T: t, provider: p, at: began}
	var err error
	if s.fakeServer, err = p.open(t.TempDir(), s.now); err != nil {
		t.Fatal(err)
	}

	api := httptest.NewUnstartedServer(s.fakeServer.API())
	api.Config.ErrorLog = log.New(io.Discard, "", 0)
	api.Start()
	page := httptest.NewServer(s.fakeServer.Plain())
	t.Cleanup(func() { s.fakeServer.Close(); api.Close(); page.Close() })
	s.api = api.URL
	s.page = page.URL

	return s
}

// A reply as the caller sees it; err is why there is none.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
	reason string // the status line behind the status
}

// do makes a call. It reads a megabyte of the answer, and hangs up then.
func (s *stage) do(kind faults.Kind, token string, header ...string) reply {
	s.Helper()
	return s.ask(s.api, s.calls[kind][0], s.calls[kind][1], s.bodies[kind], func(r *http.Request) {
		s.admit(r, token)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
	})
}

func (s *stage) ask(root, method, path, body string, prepare func(*http.Request)) reply {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, root+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}

	r.Header.Set("User-Agent", "integrations")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}

	if prepare != nil {
		prepare(r)
	}

	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return reply{err: err}
	}

	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))

	return reply{response.StatusCode, response.Header, read, err, strings.TrimPrefix(response.Status, fmt.Sprint(response.StatusCode, " "))}
}

// order gives an order and wants it taken.
func (s *stage) order(body string) {
	s.Helper()
	if got := s.ask(s.page, "POST", "/_/faults", body, nil); got.status != http.StatusCreated || got.header.Get("Content-Type") != "application/json" {
		s.Fatalf("%s: %d %s", body, got.status, got.body)
	}
}

type received struct {
	Objects []struct {
		Title     string    `json:"title"`
		UpdatedAt time.Time `json:"updated_at"`
	} `json:"objects"`
	Writes []providers.Write `json:"writes"`
}

func (s *stage) received() (r received) {
	s.Helper()
	if err := json.Unmarshal(s.ask(s.page, "GET", "/_/received", "", nil).body, &r); err != nil {
		s.Fatal(err)
	}
	return r
}

// Every fault does at every provider what it says, with the provider's own answers,
// and only as often as ordered.
func TestEachFaultAtEachProvider(t *testing.T) {
	for _, p := range allProviders {
		for _, fault := range faults.Names() {
			want, ok := p.says[fault]
			if !ok {
				want, ok = common[fault]
			}

			if !ok {
				t.Errorf("%s: nothing says what %s does", p.name, fault)
				continue
			}

			t.Run(p.name+"/"+fault, func(t *testing.T) {
				t.Parallel()
				s := open(t, p)
				for range 3 {
					if made := s.do(faults.Create, ours); made.status != s.created() || made.failed() {
						t.Fatalf("%d %s", made.status, made.body)
					}
					s.pass(time.Minute)
				}

				if want.cannot != "" {
					s.refuses(fault, want.cannot)
					return
				}

				s.order(`{"fault":"` + fault + `","times":1` + want.order + `}`)
				s.judge(fault, want)
				if v := s.fakeServer.Violations(); len(v) > 0 {
					t.Errorf("violations: %q", v)
				}
			})
		}
	}
}

// created is the status of a create.
func (s *stage) created() int { return cmp.Or(s.made, http.StatusCreated) }

// failed tells also of a failure that is a success by its status.
func (r reply) failed() bool {
	return r.err != nil || r.status >= 300 || strings.Contains(string(r.body), `"ok":false`)
}

func (s *stage) refuses(fault, why string) {
	got := s.ask(s.page, "POST", "/_/faults", `{"fault":"`+fault+`","times":1}`, nil)
	var problem struct {
		Status int
		Errors []struct{ Field, Detail string }
	}
	if err := json.Unmarshal(got.body, &problem); err != nil || got.status != 400 || len(problem.Errors) != 1 ||
		problem.Errors[0].Field != "fault" || !strings.Contains(problem.Errors[0].Detail, why) {
		s.Errorf("%d %s", got.status, got.body)
	}

	at := slices.IndexFunc(s.fakeServer.Faults().State().Faults, func(k faults.Known) bool { return k.Fault == fault })
	if known := s.fakeServer.Faults().State().Faults[at]; !strings.Contains(known.Cannot, why) {
		s.Errorf("listed as %+v", known)
	}
}

func (s *stage) judge(fault string, want said) {
	kind := want.kind
	if kind == "" {
		kind = faults.Create
	}

	var header []string
	if !s.alone {
		if got := s.do(kind, person); s.fakeServer.Faults().Applied(fault) != 0 {
			s.Errorf("a person is hit: %d %s", got.status, got.body)
		}
	}

	if fault == faults.ETagConflict {
		header = []string{"If-Match", s.do(faults.Read, ours).header.Get("Etag")}
	}

	before := s.received()
	got := s.do(kind, ours, header...)
	after := s.received()
	if s.fakeServer.Faults().Applied(fault) != 1 {
		s.Errorf("applied %d times", s.fakeServer.Faults().Applied(fault))
	}

	s.compare(want, got)
	made := len(after.Objects) - len(before.Objects)
	switch fault {
	case faults.LostAnswer:
		if got.err == nil || got.status != 0 {
			s.Errorf("an answer arrived: %d %s", got.status, got.body)
		}
	case faults.EndlessAnswer:
		if got.status != s.created() || len(got.body) != 1<<20 || !strings.HasSuffix(string(got.body), "    ") {
			s.Errorf("%d, %d bytes, %v", got.status, len(got.body), got.err)
		}
	case faults.SlowAnswer:
		if got.status != s.created() || len(got.body) > 0 && !json.Valid(got.body) {
			s.Errorf("%d %s %v", got.status, got.body, got.err)
		}
	case faults.WrongSuccess:
		if want := map[int]int{200: 201, 201: 200}[s.created()]; got.status != want || !json.Valid(got.body) || got.failed() {
			s.Errorf("%d %s, want %d", got.status, got.body, want)
		}
	case faults.RenamedPlace:
		if s.place != "" {
			s.compare(said{status: 200, body: "work-renamed"}, s.ask(s.api, "GET", s.place, "", func(r *http.Request) { s.admit(r, ours) }))
		}
	case faults.LaggingLists:
		if n := len(s.times(got.body)); n != 0 {
			s.Errorf("a list from before anything was made has %d", n)
		}

		if n := len(s.times(s.do(kind, ours).body)); n != 3 {
			s.Errorf("the next list has %d", n)
		}

	case faults.OneTimestamp:
		times := s.times(got.body)
		if slices.Sort(times); len(times) != 3 || len(slices.Compact(times)) != 1 {
			s.Errorf("times %q", times)
		}

	case faults.ETagConflict:
		if title := after.Objects[0].Title; !strings.HasSuffix(title, "(edited)") {
			s.Errorf("the title is %q: no person edited it, or our update replaced the edit", title)
		}
	}

	applies := slices.Contains([]string{faults.ErrorAfter, faults.LostAnswer, faults.SlowAnswer, faults.EndlessAnswer, faults.WrongSuccess, faults.ForeignLink}, fault)
	applies = applies || fault == faults.RenamedPlace && want.status == 200
	if kind == faults.Create && made != map[bool]int{true: 1}[applies] {
		s.Errorf("%d objects were made", made)
	}

	if kind == faults.Create || kind == faults.Update {
		last := after.Writes[len(after.Writes)-1]
		if len(after.Writes) != len(before.Writes)+1 || last.Fault != fault || last.User != cmp.Or(s.user, "sync-bot") || string(last.Body) == "null" || !applies && last.Status != want.status {
			s.Errorf("the log of writes: %+v", last)
		}
	}

	s.recovers(fault, kind, want)
}

func (s *stage) compare(want said, got reply) {
	if want.status == 0 {
		return
	}

	if got.status != want.status || !strings.Contains(string(got.body), want.body) {
		s.Errorf("%d %s, %v; want %d with %q", got.status, got.body, got.err, want.status, want.body)
	}

	if !strings.Contains(got.reason, want.reason) {
		s.Errorf("the reason is %q, want %q", got.reason, want.reason)
	}

	for name, value := range want.header {
		have := got.header.Get(name)
		if value == "-" && have != "" || value == "+" && have == "" || value != "-" && value != "+" && !strings.HasPrefix(have, value) {
			s.Errorf("%s: %q, want %q", name, have, value)
		}
	}
}

// recovers: after its one time a fault is over; a token that was revoked stays
// so until the fault is cleared.
func (s *stage) recovers(fault string, kind faults.Kind, want said) {
	s.Helper()
	if fault == faults.RenamedPlace { // it gets its name back
		s.order(`{"fault":"renamed_place","times":1}`)
	}

	if fault == faults.RevokedToken || fault == faults.Anonymous {
		other := faults.Other
		if s.calls[other][0] == "" || fault == faults.Anonymous {
			other = kind
		}

		s.compare(want, s.do(other, ours)) // it is not good again by itself
		if !s.alone {
			if got := s.do(other, person); got.failed() {
				s.Errorf("another token is revoked as well: %d %s", got.status, got.body)
			}
		}

		if got := s.ask(s.page, "DELETE", "/_/faults?fault="+fault, "", nil); got.status != http.StatusNoContent {
			s.Errorf("DELETE: %d %s", got.status, got.body)
		}
	}

	if fault == faults.MovedObject || fault == faults.DeletedObject {
		kind = faults.List
	}

	if got := s.do(kind, ours); got.failed() {
		s.Errorf("it goes on: %d %s %v", got.status, got.body, got.err)
	}

	if active := s.fakeServer.Faults().State().Active; len(active) > 0 {
		s.Errorf("still active: %+v", active)
	}
}

// The page shows what is active and what was done, and switches it on and off.
func TestThePageSteers(t *testing.T) {
	for _, p := range allProviders {
		t.Run(p.name, func(t *testing.T) {
			s := open(t, p)
			post := func(form string, site string) reply {
				return s.ask(s.page, "POST", "/_/faults/form", form, func(r *http.Request) {
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Sec-Fetch-Site", site)
				})
			}

			const form = "fault=error_before&times=2&probability=&duration=&kind=create"
			if got := post(form, "cross-site"); got.status != http.StatusForbidden || len(s.fakeServer.Faults().State().Active) != 0 {
				t.Errorf("a page of another site is let in: %d", got.status)
			}

			if got := post(form, "same-origin"); got.status != http.StatusSeeOther {
				t.Fatalf("%d %s", got.status, got.body)
			}

			if got := post("fault=error_before", "same-origin"); got.status != 400 {
				t.Errorf("neither times nor a probability: %d", got.status)
			}

			s.do(faults.Create, ours)
			page := string(s.ask(s.page, "GET", "/", "", nil).body)
			for _, text := range []string{"Faults: 1 active", "1 of 2 left", "Done so far: error_before 1×", `name="off" value="1"`} {
				if !strings.Contains(page, text) {
					t.Errorf("the page does not say %q:\n%s", text, page)
				}
			}

			if got := post("off=1", "same-origin"); got.status != http.StatusSeeOther || len(s.fakeServer.Faults().State().Active) != 0 {
				t.Errorf("%d, active %+v", got.status, s.fakeServer.Faults().State().Active)
			}
		})
	}
}

// Refused words have each form that the provider has, and no other one.
func TestFormsOfRefusedWords(t *testing.T) {
	for _, p := range allProviders {
		for _, form := range []string{faults.Nested, faults.Array, faults.String, faults.Reason} {
			t.Run(p.name+"/"+form, func(t *testing.T) {
				s := open(t, p)
				order := `{"fault":"refused_words","times":1,"form":"` + form + `"}`
				if !slices.Contains(p.words, form) {
					got := s.ask(s.page, "POST", "/_/faults", order, nil)
					s.compare(said{status: 400, body: `"field":"form"`}, got)
					return
				}

				s.order(order)
				got := s.do(faults.Create, ours)
				if !strings.Contains(string(got.body)+got.reason, faults.NotTaken) || !got.failed() || len(got.body) > 0 && !json.Valid(got.body) {
					t.Errorf("%d %s: %s", got.status, got.reason, got.body)
				}

				if made := s.received().Objects; len(made) != 0 {
					t.Errorf("%d objects were made", len(made))
				}
			})
		}
	}
}

// A foreign answer hides whether the call was carried out.
func TestFormsOfForeignAnswers(t *testing.T) {
	for _, p := range allProviders {
		for form, body := range map[string]string{faults.HTML: "We will be back soon", faults.Login: `type="password"`, faults.Empty: ""} {
			if p.name == "teams" && form == faults.Empty {
				continue // that is its usual answer
			}

			for _, done := range []bool{false, true} {
				t.Run(fmt.Sprint(p.name, "/", form, "/", done), func(t *testing.T) {
					s := open(t, p)
					s.order(fmt.Sprintf(`{"fault":"foreign_answer","times":1,"form":%q,"done":%t}`, form, done))
					got := s.do(faults.Create, ours)
					s.compare(said{status: 200, body: body}, got)
					if form == faults.Empty && len(got.body) > 0 {
						t.Errorf("the body is %s", got.body)
					}

					if made := len(s.received().Objects); made != map[bool]int{true: 1}[done] {
						t.Errorf("%d objects were made", made)
					}
				})
			}
		}
	}
}

// Reads are led to the other host, and with 307 writes are too.
func TestMovedReadonlyLeadsAway(t *testing.T) {
	for _, p := range allProviders {
		if p.says[faults.MovedReadonly].cannot != "" {
			continue
		}

		s := open(t, p)
		s.order(`{"fault":"moved_readonly","times":2,"status":307}`)
		for kind, status := range map[faults.Kind]int{faults.Create: 307, faults.List: 301} {
			location := "https://" + faults.Elsewhere + s.calls[kind][1]
			s.compare(said{status: status, header: map[string]string{"Location": location}}, s.do(kind, ours))
		}
	}
}

// The second object is forbidden, or the one that fits a pattern, and no other.
func TestForbiddenItemIsOne(t *testing.T) {
	for _, p := range allProviders {
		if p.says[faults.ForbiddenItem].cannot != "" {
			continue
		}

		call := p.calls[faults.Update]
		first := call[1]
		second := strings.TrimSuffix(call[1], "1") + "2"
		if p.name == "slack" || p.name == "discord" {
			continue // the ids of messages are times: see TestNth
		}

		for _, order := range []string{`"nth":2`, `"pattern":"/issue*2"`} {
			s := open(t, p)
			for range 2 {
				s.do(faults.Create, ours)
			}

			s.order(`{"fault":"forbidden_item","probability":1,` + order + `}`)
			var got []bool
			for _, path := range []string{first, second, first, second} {
				answer := s.ask(s.api, call[0], path, s.bodies[faults.Update], func(r *http.Request) { s.admit(r, ours) })
				got = append(got, answer.status == http.StatusForbidden)
			}

			if fmt.Sprint(got) != "[false true false true]" {
				t.Errorf("%s %s: %v", p.name, order, got)
			}
		}
	}
}
