package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/chat"
)

// maxRequest is how many bytes are read of a request.
const maxRequest = 1 << 20

// An object is a JSON object to be sent.
type object map[string]any

// A call is a request on its way through the API.
type call struct {
	*chat.Call
	route   route
	parts   []string // of the path, below the version
	account Account
	// webhook is the webhook of the URL, nil for none. It needs no account.
	webhook *Webhook
	left    bucket
	// older says that the version of the API is before 8.
	older bool
}

// A route is a method of a path.
type route struct {
	path string
	kind chat.Kind
	// limit is how many requests of the route are allowed in each window, for each
	// channel or webhook.
	limit  int
	window time.Duration
	do     func(*Server, *call) result
}

// A result is the outcome of a request.
type result struct {
	status  int
	value   any
	message *chat.Message
}

// refuse is Discord's form of an error
// (https://discord.com/developers/docs/reference#error-messages).
func refuse(status, code int, message string) result {
	return result{status: status, value: object{"message": message, "code": code}}
}

var (
	unknownWebhook = refuse(http.StatusNotFound, 10015, "Unknown Webhook")
	unknownChannel = refuse(http.StatusNotFound, 10003, "Unknown Channel")
	unknownMessage = refuse(http.StatusNotFound, 10008, "Unknown Message")
	invalidToken   = refuse(http.StatusUnauthorized, 50027, "Invalid Webhook Token")
	missingAccess  = refuse(http.StatusForbidden, 50001, "Missing Access")
	notPermitted   = refuse(http.StatusForbidden, 50013, "Missing Permissions")
	unauthorized   = refuse(http.StatusUnauthorized, 0, "401: Unauthorized")
	notOurs        = refuse(http.StatusForbidden, 50005, "Cannot edit a message authored by another user")
	emptyMessage   = refuse(http.StatusBadRequest, 50006, "Cannot send an empty message")
	wantsThread    = refuse(http.StatusBadRequest, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
	twoThreads     = refuse(http.StatusBadRequest, 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id")
	noForum        = refuse(http.StatusBadRequest, 220003, "Webhooks can only create threads in forum channels")
	wantsTag       = refuse(http.StatusBadRequest, 40067, "A tag is required to create a forum post in this channel")
	noMessages     = refuse(http.StatusBadRequest, 50008, "Cannot send messages in a non-text channel")
	noJSON         = refuse(http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
)

// routes are those of the fake server, by method and path. The limits were seen in
// answers: Discord does not publish them.
var routes = map[string]route{
	"GET /webhooks/*/*":                   {do: (*Server).showWebhook, limit: 5, window: 5 * time.Second},
	"POST /webhooks/*/*":                  {kind: chat.Create, do: message((*messages).execute), limit: 5, window: 2 * time.Second},
	"GET /webhooks/*/*/messages/*":        {do: message((*messages).show), limit: 5, window: 5 * time.Second},
	"PATCH /webhooks/*/*/messages/*":      {kind: chat.Write, do: message((*messages).edit), limit: 5, window: 2 * time.Second},
	"DELETE /webhooks/*/*/messages/*":     {kind: chat.Write, do: message((*messages).remove), limit: 5, window: 2 * time.Second},
	"GET /channels/*":                     {do: (*Server).showChannel, limit: 5, window: 5 * time.Second},
	"GET /channels/*/messages":            {do: message((*messages).list), limit: 5, window: 5 * time.Second},
	"POST /channels/*/messages":           {kind: chat.Create, do: message((*messages).post), limit: 5, window: 5 * time.Second},
	"GET /channels/*/messages/*":          {do: message((*messages).show), limit: 5, window: 5 * time.Second},
	"PATCH /channels/*/messages/*":        {kind: chat.Write, do: message((*messages).edit), limit: 5, window: 5 * time.Second},
	"DELETE /channels/*/messages/*":       {kind: chat.Write, do: message((*messages).remove), limit: 5, window: 1 * time.Second},
	"POST /channels/*/messages/*/threads": {kind: chat.Write, do: message((*messages).startThread), limit: 5, window: 5 * time.Second},
	"GET /guilds/*/members/*":             {do: (*Server).member, limit: 5, window: 5 * time.Second},
	"GET /guilds/*/roles":                 {do: (*Server).roles, limit: 5, window: 5 * time.Second},
	"GET /users/@me":                      {do: (*Server).me, limit: 30, window: 10 * time.Second},
}

// version is the beginning of a path. Without a number it is the oldest version that
// still works. Its messages are the same, its errors have another form.
var version = regexp.MustCompile(`^/api(?:/v(6|7|8|9|10))?(/.*)$`)

// older reports whether a version of the API has the errors of before version 8.
func older(number string) bool { return number == "" || number == "6" || number == "7" }

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	c := routed(r)
	s.Serve(w, r, c.route.kind, func(made *chat.Call) chat.Answer {
		c.Call = made
		return s.answer(c, s.decide(c))
	})
}

// broken is a failure of Discord.
var broken = chat.Answer{Status: http.StatusInternalServerError, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"message": "500: Internal Server Error", "code": 0}`)}

func find(method string, parts []string) route {
	for pattern, route := range routes {
		is, path, _ := strings.Cut(pattern, " /")
		want := strings.Split(path, "/")
		fits := is == method && len(want) == len(parts)
		for i := range want {
			fits = fits && (want[i] == parts[i] || want[i] == "*" && parts[i] != "")
		}

		if fits {
			route.path = pattern
			return route
		}
	}

	return route{}
}

// agent is the form of a User-Agent that Discord accepts.
var agent = regexp.MustCompile(`^DiscordBot \([^,)]+, [^)]+\)`)

// decide works out the result.
func (s *Server) decide(c *call) result {
	if c.route.do == nil {
		return refuse(http.StatusNotFound, 0, "404: Not Found")
	}

	if !agent.MatchString(c.UserAgent()) {
		s.Violation("%s: the User-Agent %q has not the form DiscordBot (url, version), and may be turned away", c.route.path, c.UserAgent())
	}

	if limited, ok := s.limited(c); ok {
		return limited
	}

	if refused, ok := s.admit(c); ok {
		return refused
	}

	if len(c.Body) > 0 {
		media, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
		if media != "application/json" {
			return refuse(http.StatusUnsupportedMediaType, 50035, "Expected \"Content-Type\" header to be one of {'application/json'}.")
		}
		if c.TooLarge || !json.Valid(c.Body) {
			return noJSON
		}
	}

	out := c.route.do(s, c)
	// The extract of the description has no operations on servers and new threads.
	if err := s.contract.CheckRequest(s.described(c), c.Body); err != nil && !errors.Is(err, providers.ErrNoOperation) {
		s.Violation("request %s: %v", c.route.path, err)
		if out.status < 300 {
			return refuse(http.StatusBadRequest, 50035, "Invalid Form Body")
		}
	}

	return out
}

// admit identifies the caller: a webhook by its URL, others by their token.
func (s *Server) admit(c *call) (result, bool) {
	if c.parts[0] == "webhooks" {
		c.webhook = s.webhook(c.parts[1])
		switch {
		case c.webhook == nil:
			return unknownWebhook, true
		case c.webhook.Token != c.parts[2]:
			c.webhook = nil
			return invalidToken, true
		}

		c.User = c.webhook.Name

		return result{}, false
	}

	scheme, token, found := strings.Cut(c.Header.Get("Authorization"), " ")
	if !found {
		scheme, token = "", scheme
	}

	account, ok := s.config.Accounts[token]
	if !ok || account.Bot != (scheme == "Bot") {
		return unauthorized, true
	}

	c.account = account
	c.User = account.Name

	return result{}, false
}

// author is the id of the caller.
func (c *call) author() string {
	if c.webhook != nil {
		return c.webhook.ID
	}
	return c.account.ID
}

// described is the request with the path of the description.
func (s *Server) described(c *call) *http.Request {
	copied := c.Clone(c.Context())
	copied.URL.Path = "/" + strings.Join(c.parts, "/")
	return copied
}

// answer makes the answer of a result, and checks it against the contract.
func (s *Server) answer(c *call, out result) chat.Answer {
	header := http.Header{"Content-Type": {"application/json"}, "Via": {"1.1 google"}, "X-Envoy-Upstream-Service-Time": {"9"}}
	c.left.tell(header)
	answer := chat.Answer{Status: out.status, Header: header, Message: out.message}
	if out.status != http.StatusNoContent {
		answer.Body = chat.Encode(out.value)
		if c.older {
			answer.Body = chat.Encode(olderForm(out.value))
		}
	} else {
		header.Del("Content-Type")
	}

	if refused, ok := out.value.(object); ok && out.status >= 400 {
		answer.Refusal = fmt.Sprint(refused["code"])
		if wait, ok := refused["retry_after"].(float64); ok {
			header.Set("Retry-After", strconv.Itoa(int(wait+0.999)))
			header.Set("X-Ratelimit-Scope", "shared")
			if refused["code"] == 0 {
				header.Set("X-Ratelimit-Scope", "user")
			}
		}
	}

	if c.route.do != nil {
		err := s.contract.CheckResponse(s.described(c), out.status, header, chat.Encode(undetailed(out.value)))
		if err != nil && !errors.Is(err, providers.ErrNoOperation) {
			s.Violation("answer %d to %s: %v", out.status, c.route.path, err)
		}
	}

	return answer
}

// undetailed is an answer without the errors of single members: the description says
// that their codes are numbers, and Discord sends words.
func undetailed(value any) any {
	refused, ok := value.(object)
	if !ok || refused["errors"] == nil {
		return value
	}

	kept := maps.Clone(refused)
	delete(kept, "errors")
	return kept
}

// A bucket is the state of a route's limit.
type bucket struct {
	name        string
	limit, left int
	reset       time.Duration
	at          time.Time
}

func (b bucket) tell(header http.Header) {
	if b.name == "" {
		return
	}

	header.Set("X-Ratelimit-Bucket", b.name)
	header.Set("X-Ratelimit-Limit", strconv.Itoa(b.limit))
	header.Set("X-Ratelimit-Remaining", strconv.Itoa(b.left))
	header.Set("X-Ratelimit-Reset", fmt.Sprintf("%.3f", float64(b.at.Add(b.reset).UnixMilli())/1000))
	header.Set("X-Ratelimit-Reset-After", fmt.Sprintf("%.3f", b.reset.Seconds()))
}

// limited refuses requests above the limit of a route, for one channel or webhook.
func (s *Server) limited(c *call) (result, bool) {
	if s.limiter == nil {
		return result{}, false
	}

	key := c.route.path
	if len(c.parts) > 1 {
		key += " " + c.parts[1]
	}

	left, reset, wait := s.limiter.Take(key, c.route.limit, c.route.window)
	c.left = bucket{name: bucketName(c.route.path), limit: c.route.limit, left: left, reset: reset, at: s.Now()}
	if wait <= 0 {
		return result{}, false
	}

	return tooMany(wait, 0, "You are being rate limited."), true
}

func tooMany(wait time.Duration, code int, message string) result {
	return result{status: http.StatusTooManyRequests, value: object{"message": message, "retry_after": float64(wait.Milliseconds()) / 1000, "global": false, "code": code}}
}

// bucketName is a name of a route's limit that does not reveal the route.
func bucketName(path string) string {
	sum := uint64(14695981039346656037)
	for i := range len(path) {
		sum = (sum ^ uint64(path[i])) * 1099511628211
	}
	return fmt.Sprintf("%016x", sum)
}
