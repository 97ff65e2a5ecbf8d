package slack

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/integrations/local/providers/chat"
)

// maxRequest is how many bytes are read of a request.
const maxRequest = 1 << 20

// A call is a request to a method, with its arguments.
type call struct {
	*chat.Call
	method   string
	account  Account
	args     map[string]json.RawMessage
	warnings []string
}

// An object is a JSON object to be sent.
type object map[string]any

// A method of the API.
type method struct {
	kind   chat.Kind
	scopes []string // one of them is needed; without any, every token may call it
	known  []string // its arguments
	limit  func(*call) (key string, n int, window time.Duration)
	do     func(*Server, *call) (object, *chat.Message)
}

// tier is a limit by the method, in calls a minute.
func tier(perMinute int) func(*call) (string, int, time.Duration) {
	return func(c *call) (string, int, time.Duration) { return c.method, perMinute, time.Minute }
}

// perChannel is the limit of posts: one a second into a channel.
func perChannel(c *call) (string, int, time.Duration) {
	return "post " + c.text("channel"), 1, time.Second
}

var (
	posted  = []string{"channel", "text", "blocks", "attachments", "metadata", "mrkdwn", "parse", "link_names", "unfurl_links", "unfurl_media", "thread_ts", "reply_broadcast"}
	updated = []string{"channel", "ts", "text", "blocks", "attachments", "metadata", "parse", "link_names", "unfurl_links", "unfurl_media"}
)

// methods are those of the fake server
// (https://docs.slack.dev/reference/methods).
var methods = map[string]method{
	"auth.test":             {do: (*Server).authTest, limit: tier(600)},
	"chat.postMessage":      {kind: chat.Create, scopes: []string{"chat:write"}, known: posted, limit: perChannel, do: (*Server).post},
	"chat.update":           {kind: chat.Write, scopes: []string{"chat:write"}, known: updated, limit: tier(50), do: (*Server).update},
	"chat.delete":           {kind: chat.Write, scopes: []string{"chat:write"}, known: []string{"channel", "ts"}, limit: tier(50), do: (*Server).remove},
	"conversations.info":    {known: []string{"channel", "include_num_members", "include_locale"}, limit: tier(50), do: conversation(conversations.info)},
	"conversations.replies": {known: []string{"channel", "ts", "cursor", "oldest", "latest", "inclusive", "limit", "include_all_metadata"}, do: conversation(conversations.replies)},
	"conversations.history": {known: []string{"channel", "cursor", "oldest", "latest", "inclusive", "limit", "include_all_metadata"}, do: conversation(conversations.history)},
}

func (s *Server) serveMethod(w http.ResponseWriter, r *http.Request) {
	m := methods[r.PathValue("method")]
	s.Serve(w, r, m.kind, func(made *chat.Call) chat.Answer {
		c := &call{Call: made, method: r.PathValue("method")}
		out, message := s.decide(c, m)
		return c.answer(out, message)
	})
}

// broken is a failure of Slack: HTML.
var broken = chat.Answer{Status: http.StatusInternalServerError, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html><body>Server Error</body></html>")}

func fail(code string) object { return object{"ok": false, "error": code} }

// decide works out the answer and, for a write, the message as it is to be.
func (s *Server) decide(c *call, m method) (object, *chat.Message) {
	if m.do == nil {
		return object{"ok": false, "error": "unknown_method", "req_method": c.method}, nil
	}

	if refused := s.read(c); refused != "" {
		return fail(refused), nil
	}

	if refused := s.admit(c, m); refused != nil {
		return refused, nil
	}

	for _, name := range slices.Sorted(maps.Keys(c.args)) {
		if name != "token" && !slices.Contains(m.known, name) {
			s.Violation("%s: Slack knows no argument %q", c.method, name)
		}
	}

	return m.do(s, c)
}

// admit checks the token, its scopes and the limit.
func (s *Server) admit(c *call, m method) object {
	token, found := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	if !found {
		token = c.text("token")
	}

	if token == "" {
		return fail("not_authed")
	}

	account, ok := s.config.Accounts[token]
	if !ok {
		return fail("invalid_auth")
	}

	c.account = account
	c.User = account.Name
	if len(m.scopes) > 0 && !c.may(m.scopes...) {
		return c.missing(m.scopes[0])
	}
	if m.limit == nil {
		return nil
	}

	return s.limited(m.limit(c))
}

func (c *call) may(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(c.account.Scopes, scope) })
}

func (c *call) missing(scope string) object {
	return object{"ok": false, "error": "missing_scope", "needed": scope, "provided": strings.Join(c.account.Scopes, ",")}
}

// limited refuses a call above a limit. The wait is in the answer until it is sent as
// a header.
func (s *Server) limited(key string, n int, window time.Duration) object {
	_, _, wait := s.limiter.Take(key, n, window)
	if wait <= 0 {
		return nil
	}

	out := fail("ratelimited")
	out[retryAfter] = chat.Seconds(wait)
	return out
}

// retryAfter is the member of an answer that holds the wait until it is sent.
const retryAfter = "-retry-after"

// read reads the arguments from the query, a form, or a JSON object. It returns
// Slack's code for what is not readable, or "".
func (s *Server) read(c *call) string {
	c.args = map[string]json.RawMessage{}
	fill := func(values url.Values) {
		for name := range values {
			c.args[name], _ = json.Marshal(values.Get(name))
		}
	}

	fill(c.URL.Query())
	if c.TooLarge {
		return "invalid_post_type"
	}
	if c.Method != http.MethodPost || len(c.Body) == 0 {
		return ""
	}

	media, parameters, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case c.Header.Get("Content-Type") == "":
		return "missing_post_type"
	case err != nil:
		return "invalid_post_type"
	case media == "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(c.Body))
		if err != nil {
			return "invalid_form_data"
		}

		fill(values)
		return ""

	case media != "application/json":
		return "invalid_post_type"
	}

	if !strings.EqualFold(parameters["charset"], "utf-8") {
		c.warnings = append(c.warnings, "missing_charset")
		s.Violation("%s: the media type names no charset, which Slack warns of", c.method)
	}

	var given map[string]json.RawMessage
	switch err := json.Unmarshal(c.Body, &given); {
	case !utf8.Valid(c.Body), err != nil && !json.Valid(c.Body):
		return "invalid_json"
	case err != nil, given == nil:
		return "json_not_object"
	}

	maps.Copy(c.args, given)

	return ""
}

// text is an argument as text, "" without one.
func (c *call) text(name string) string {
	var text string
	if json.Unmarshal(c.args[name], &text) != nil {
		text = strings.Trim(string(c.args[name]), `"`) // a number or a boolean
		if text == "null" {
			return ""
		}
	}

	return text
}

// raw is an argument as JSON, which a form has as text.
func (c *call) raw(name string) json.RawMessage {
	var text string
	if json.Unmarshal(c.args[name], &text) == nil {
		return json.RawMessage(text)
	}
	return c.args[name]
}

func (c *call) yes(name string) bool {
	text := c.text(name)
	return text == "true" || text == "1"
}

// answer makes an answer as Slack does: with status 200 even for most failures.
func (c *call) answer(out object, message *chat.Message) chat.Answer {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Slack-Req-Id": {requestID()}}
	if scopes := c.account.Scopes; c.User != "" {
		header.Set("X-Oauth-Scopes", strings.Join(scopes, ","))
		header.Set("X-Accepted-Oauth-Scopes", strings.Join(methods[c.method].scopes, ","))
	}

	status := http.StatusOK
	if wait, ok := out[retryAfter].(string); ok {
		delete(out, retryAfter)
		header.Set("Retry-After", wait)
		status = http.StatusTooManyRequests
	}

	if len(c.warnings) > 0 {
		meta, _ := out["response_metadata"].(object)
		if meta == nil {
			meta = object{}
		}

		meta["warnings"] = c.warnings
		out["warning"] = strings.Join(c.warnings, ",")
		out["response_metadata"] = meta
	}

	refusal, _ := out["error"].(string)

	return chat.Answer{Status: status, Header: header, Body: encode(out), Refusal: refusal, Message: message}
}

// encode is a value as Slack writes it.
func encode(value any) []byte { return slashes(chat.Encode(value)) }

// slashes escapes the slashes of a JSON text, as Slack does. Some are escaped already,
// because a stored message keeps the spelling of its sender.
func slashes(text []byte) []byte {
	out := make([]byte, 0, len(text))
	escaped := false
	for _, c := range text {
		if c == '/' && !escaped {
			out = append(out, '\\')
		}
		escaped = c == '\\' && !escaped
		out = append(out, c)
	}

	return out
}

func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x", b)
}

func (s *Server) authTest(c *call) (object, *chat.Message) {
	out := object{"ok": true, "url": "https://sample-organisation.slack.com/", "team": "Sample organisation", "user": c.account.Name, "team_id": team, "user_id": c.account.User, "is_enterprise_install": false}
	if c.account.Bot {
		out["bot_id"] = botID(c.account.User)
	}
	return out, nil
}

// team is the workspace's id.
const team = "T0SAMPLE01"

func botID(user string) string { return "B" + strings.TrimPrefix(user, "U") }
