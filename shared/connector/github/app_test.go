package github

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

var appKey = func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}()

// ghs is a token of an installation, as long as GitHub makes them.
var ghs = "gh" + "s_12_" + strings.Repeat("x.Y-z_", 80)

// startApp is a connector that works as an app, at a fake that gives its token
// unless a test answers for it.
func startApp(t *testing.T, granting http.HandlerFunc) (*fake, *Connector) {
	f, c := start(t, Config{})
	f.app = true
	c.client.tokens.token = ""
	c.client.tokens.app = &App{ID: "12", Installation: "345", Key: appKey}
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		switch {
		case r.URL.Path != "/api/v3/app/installations/345/access_tokens":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"message":"you came with %s"}`, r.Header.Get("Authorization"))
		case granting != nil:
			granting(w, r)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"%s","expires_at":"%s"}`, ghs, now.Add(time.Hour).Format(time.RFC3339))
		}
	}

	return f, c
}

// An app signs its own word for itself, asks for no more than it needs as
// GitHub describes it, and works with what it gets, which no error shows.
func TestAppAsksForAToken(t *testing.T) {
	f, c := startApp(t, nil)
	_, err := c.Create(t.Context(), connector.Content{Title: "T"}, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
	e := failureOf(t, err)
	if e.Code != "forbidden" || strings.Contains(e.Error(), ghs) || strings.Contains(e.Error(), ghs[:20]) || !strings.Contains(e.Error(), "you came with") {
		t.Error(e)
	}

	calls := f.take()
	if len(calls) != 2 || calls[1].header.Get("Authorization") != "Bearer "+ghs {
		t.Fatalf("%d calls", len(calls))
	}

	if want := `{"repositories":["tracker"],"permissions":{"issues":"write","metadata":"read"}}`; calls[0].method != http.MethodPost || calls[0].body != want {
		t.Errorf("%+v", calls[0])
	}

	parsed, err := jwt.ParseSigned(strings.TrimPrefix(calls[0].header.Get("Authorization"), "Bearer "), []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}

	var claims jwt.Claims
	if err := parsed.Claims(&appKey.PublicKey, &claims); err != nil {
		t.Fatal(err)
	}

	if claims.Issuer != "12" || claims.IssuedAt.Time().After(now.Add(-30*time.Second)) || claims.Expiry.Time().Sub(now) > 10*time.Minute || claims.Expiry.Time().Before(now.Add(time.Minute)) {
		t.Errorf("%+v", claims)
	}

	asDescribed(t, calls[0].body)
}

// asDescribed holds what is asked of an installation against GitHub's own
// description: each member is there, of the type, and each permission known.
func asDescribed(t *testing.T, body string) {
	t.Helper()
	path := shared("specs/github-api.github.com.json")
	if path == "" {
		t.Skip("no ../shared/specs/github-api.github.com.json beside the project")
	}

	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	var doc struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct {
						Schema struct{ Properties map[string]json.RawMessage }
					}
				}
				Responses map[string]json.RawMessage
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}

	post := doc.Paths["/app/installations/{installation_id}/access_tokens"].Post
	properties := post.RequestBody.Content["application/json"].Schema.Properties
	var asked struct {
		Repositories []string
		Permissions  map[string]string
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(body), &asked) != nil || json.Unmarshal([]byte(body), &members) != nil {
		t.Fatal(body)
	}

	for name := range members {
		if properties[name] == nil {
			t.Errorf("GitHub knows no member %s", name)
		}
	}

	for name, access := range asked.Permissions {
		if known := doc.Components.Schemas["app-permissions"].Properties[name].Enum; !slices.Contains(known, access) {
			t.Errorf("GitHub knows no permission %s: %s, but %v", name, access, known)
		}
	}

	for _, status := range []string{"201", "401", "403", "404", "422"} {
		if post.Responses[status] == nil {
			t.Errorf("GitHub does not answer %s", status)
		}
	}
}

// By whichever clock GitHub judges the app's word: it gets one by its own, and a
// token of an hour is used for an hour.
func TestAppUnderAnotherClock(t *testing.T) {
	for _, behind := range []time.Duration{-3 * time.Hour, -11 * time.Minute, -30 * time.Second, 0, 50 * time.Second, 2 * time.Minute, 5 * time.Hour} {
		granted := 0
		f, c := startApp(t, func(w http.ResponseWriter, r *http.Request) {
			theirs := time.Now().Add(-behind).UTC()
			w.Header().Set("Date", theirs.Format(http.TimeFormat))
			var claims jwt.Claims
			parsed, err := jwt.ParseSigned(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), []jose.SignatureAlgorithm{jose.RS256})
			if err == nil {
				err = parsed.Claims(&appKey.PublicKey, &claims)
			}

			if err != nil {
				t.Error(err)
			}

			if claims.IssuedAt.Time().After(theirs) || claims.Expiry.Time().Before(theirs) || claims.Expiry.Time().Sub(theirs) > 10*time.Minute {
				w.WriteHeader(http.StatusUnauthorized)
				fmt.Fprint(w, `{"message":"'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"}`)
				return
			}

			granted++
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":"%s","expires_at":"%s"}`, ghs, theirs.Add(time.Hour).Format(time.RFC3339))
		})

		c.client.now = time.Now
		for range 3 {
			if _, err := c.client.tokens.bearer(t.Context()); err != nil {
				t.Errorf("%v behind: %v", behind, err)
			}
		}

		if asked := len(f.take()); granted != 1 || asked > 2 {
			t.Errorf("%v behind: %d tokens by %d requests", behind, granted, asked)
		}
	}
}

// A word that is refused by the right clock is not given again.
func TestAppRefusedIsAskedOnce(t *testing.T) {
	f, c := startApp(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-20*time.Second).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message":"A JSON web token could not be decoded"}`)
	})

	c.client.now = time.Now
	_, err := c.client.tokens.bearer(t.Context())
	if e := failureOf(t, err); e.Code != "credentials_rejected" || len(f.take()) != 1 {
		t.Error(e)
	}
}

// A token is asked for by the repository's name. An installation with another
// owner, as of a fork, has one of that name too: then a public repository can be
// read, and not written.
func TestCheckOfAnotherOwnersInstallation(t *testing.T) {
	const good = "create=ok update=ok close=ok reopen=ok "
	for repositories, want := range map[string]string{
		``: good, `,"repositories":[{"full_name":"Acme/Tracker"}]`: good,
		`,"repositories":[{"full_name":"fork/tracker"}]`: strings.ReplaceAll(good, "ok", "no(app_not_installed)"),
	} {
		f, c := startApp(t, nil)
		granting := f.answer
		f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
			switch {
			case r.Method == http.MethodGet:
				reply(w, 200, nil, `{"has_issues":true}`)
			case repositories != "":
				reply(w, 201, nil, fmt.Sprintf(`{"token":"%s","expires_at":"%s"%s}`, ghs, now.Add(time.Hour).Format(time.RFC3339), repositories))
			default:
				granting(w, r, body)
			}
		}

		checks, err := c.Check(t.Context())
		if got := show(checks); got != "reachable=ok credentials=ok target=ok issues=ok list=ok "+want || (err == nil) != (want == good) {
			t.Errorf("%s: %s %v", repositories, got, err)
		}
	}
}

// However the request for a token fails, the one it was for has not left: it
// is never ambiguous, and never sent.
func TestAppWithoutAToken(t *testing.T) {
	answered := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	for name, tt := range map[string]struct {
		granting http.HandlerFunc
		class    failure.Class
		code     string
	}{
		"broken off":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, failure.NotSent, ""},
		"an error":      {answered(500, `{}`), failure.NotSent, "no_answer"},
		"an outage":     {answered(503, `{}`), 0, ""},
		"a limit":       {answered(403, `{"message":"You have exceeded a secondary rate limit."}`), failure.Retryable, "rate_limited"},
		"no token":      {answered(201, `{"expires_at":"2026-11-23T11:00:00Z"}`), failure.Retryable, "answer_unreadable"},
		"no end":        {answered(201, `{"token":"abc"}`), failure.Retryable, "answer_unreadable"},
		"no header":     {answered(201, `{"token":"a\r\nb","expires_at":"2026-11-23T11:00:00Z"}`), failure.Retryable, "answer_unreadable"},
		"HTML":          {answered(201, `<html>`), failure.Retryable, "foreign_answer"},
		"a firewall":    {answered(403, `<title>Blocked</title>`), failure.Retryable, "foreign_answer"},
		"suspended":     {answered(403, `{"message":"This installation has been suspended"}`), failure.Final, "credentials_rejected"},
		"moved":         {answered(301, ``), failure.Final, "target_moved"},
		"unknown":       {answered(404, `{"message":"Not Found"}`), failure.Final, "installation_not_found"},
		"not permitted": {answered(422, `{"message":"The permissions requested are not granted to this installation."}`), failure.Final, "forbidden"},
	} {
		f, c := startApp(t, tt.granting)
		for what, do := range map[string]func() error{
			"create": func() error {
				_, err := c.Create(t.Context(), connector.Content{Title: "T"}, connector.Marker{Integration: 1, Item: 2, Attempt: 1})
				return err
			},
			"changes": func() error { _, _, err := c.Changes(t.Context(), now, 0); return err },
		} {
			e := failureOf(t, do())
			if e.Class == failure.Ambiguous || e.Scope != failure.IntegrationScope || tt.class != 0 && e.Class != tt.class || tt.code != "" && e.Code != tt.code {
				t.Errorf("%s: %s: %s %+v", name, what, e.Class, e)
			}

			for _, one := range f.take() {
				if !strings.HasSuffix(one.path, "/access_tokens") {
					t.Errorf("%s: %s asks %s %s without a token", name, what, one.method, one.path)
				}
			}
		}
	}
}
