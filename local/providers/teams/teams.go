// Package teams is a fake server of Power Automate workflows that post cards into
// Microsoft Teams. It accepts what the real ones accept, shows people what Teams
// would show, and checks strictly what its callers send.
package teams

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers/chat"
	"example.com/integrations/local/providers/faults"
)

// What the template of a workflow expects as a request.
const (
	Envelope = "envelope" // it posts the cards attached to a message
	Card     = "card"     // the request is the card
)

// A Flow is a workflow that begins when a Teams webhook request is received.
type Flow struct {
	ID      string
	Sig     string // the signature in its URL, which is its secret
	Payload string // Envelope or Card; "" is Envelope
	Channel string // its id
	// Off says that it was turned off.
	Off bool
}

// A Channel of a team.
type Channel struct{ ID, Name string }

// Config is what the fake server has.
type Config struct {
	Dir        string
	SchemaPath string // the schema of Adaptive Cards 1.4; without it only our own checks apply
	Limits     bool   // accept no more than four requests a second
	Channels   []Channel
	Flows      []Flow
	// Person posts and deletes on the page. Without one the page only shows.
	Person string
	// Now replaces the clock.
	Now func() time.Time
}

// A Server is the fake server. Its messages survive the end of its process.
type Server struct {
	*chat.Chat
	config  Config
	schema  *schema
	limiter *chat.Limiter
}

// Open returns the fake server with all that the journal in config.Dir holds.
func Open(config Config) (*Server, error) {
	read, err := loadSchema(config.SchemaPath)
	if err != nil {
		return nil, fmt.Errorf("the fake server of Teams: %w", err)
	}

	s := &Server{config: config, schema: read, limiter: chat.NewLimiter(config.Limits, config.Now)}
	dialect := chat.Dialect{
		Name: "Teams", NextID: nextID, Draw: draw, Typed: typed, Person: config.Person, Known: func(*http.Request) {},
		API: http.HandlerFunc(s.serve), Prefix: prefix, MaxBody: maxRequest, Broken: refuse(http.StatusInternalServerError, "InternalServerError", "Encountered internal server error."),
		Faults: func(h faults.Hooks) *faults.Kit {
			h.Call = func(r *http.Request) faults.Call {
				return faults.Call{Kind: faults.Create, User: "workflow " + flowOf(r)}
			}

			return faults.New(faults.Teams(), h)
		},
	}
	for _, c := range config.Channels {
		dialect.Channels = append(dialect.Channels, chat.Place(c))
	}

	s.Chat, err = chat.Open(config.Dir, dialect, config.Now)
	if err != nil {
		return nil, err
	}

	return s, nil
}

const (
	prefix = "/powerautomate/automations/direct/workflows/"
	suffix = "/triggers/manual/paths/invoke"
	// maxRequest is what the trigger accepts, in bytes. A message may have maxMessage.
	maxRequest = 4 << 20
	maxMessage = 28 << 10
)

// URL is the address of a flow at a host of the Power Platform.
func (f Flow) URL(host string) string {
	query := url.Values{"api-version": {"1"}, "sp": {"/triggers/manual/run"}, "sv": {"1.0"}, "sig": {f.Sig}}
	return "https://" + host + prefix + f.ID + suffix + "?" + query.Encode()
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.Serve(w, r, chat.Create, func(c *chat.Call) chat.Answer {
		out := s.trigger(c)
		out.Header.Set("X-Ms-Workflow-Run-Id", "0858"+strconv.FormatInt(s.Now().UnixNano(), 10)+"CU00")
		out.Header.Set("X-Ms-Request-Id", strconv.FormatInt(s.Now().UnixNano(), 36))

		return out
	})
}

// flowOf is the workflow that a request is for.
func flowOf(r *http.Request) string {
	return strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, prefix), suffix)
}

// refuse is Power Automate's form of an error.
func refuse(status int, code, message string) chat.Answer {
	body, _ := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	return chat.Answer{Status: status, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body, Refusal: code}
}

// trigger starts a workflow. The answer says no more than that: the result of the run
// is not reported to the caller.
func (s *Server) trigger(c *chat.Call) chat.Answer {
	id, ok := strings.CutSuffix(strings.TrimPrefix(c.URL.Path, prefix), suffix)
	if !ok || !strings.HasPrefix(c.URL.Path, prefix) {
		return refuse(http.StatusNotFound, "NotFound", "The resource was not found.")
	}

	i := slices.IndexFunc(s.config.Flows, func(f Flow) bool { return f.ID == id })
	if i < 0 {
		return refuse(http.StatusNotFound, "WorkflowNotFound", "The workflow '"+id+"' could not be found.")
	}

	flow := s.config.Flows[i]
	query := c.URL.Query()
	switch {
	case query.Get("sig") == "" || query.Get("sp") == "" || query.Get("sv") == "":
		return refuse(http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")
	case query.Get("sig") != flow.Sig || query.Get("sp") != "/triggers/manual/run" || query.Get("sv") != "1.0":
		return refuse(http.StatusUnauthorized, "AuthorizationFailed", "The authentication credentials are not valid.")
	}

	c.User = "workflow " + flow.ID
	switch {
	case query.Get("api-version") == "":
		return refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case c.Method != http.MethodPost:
		return refuse(http.StatusBadRequest, "TriggerRequestMethodNotValid", "The HTTP request method is not valid: expected 'POST' and actual '"+c.Method+"'.")
	case flow.Off:
		return refuse(http.StatusBadRequest, "WorkflowTriggerIsNotEnabled", "Could not execute workflow '"+flow.ID+"' trigger 'manual' with state 'Disabled': trigger is not enabled.")
	case c.TooLarge:
		return refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request entity is too large.")
	}

	if _, _, wait := s.limiter.Take(flow.ID, 4, time.Second); wait > 0 {
		out := refuse(http.StatusTooManyRequests, "TooManyRequests", "Rate limit is exceeded. Try again later.")
		out.Header.Set("Retry-After", chat.Seconds(wait))
		return out
	}

	return s.run(c, flow)
}

// run posts what the request holds. What Teams does not accept is kept as a failed
// run, for people to see, and listed as a violation.
func (s *Server) run(c *chat.Call, flow Flow) chat.Answer {
	if !json.Valid(c.Body) {
		return refuse(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized.")
	}

	card, failures := s.read(c, flow)
	for _, what := range failures {
		s.Violation("workflow %s: %s", flow.ID, what)
	}

	m := s.New(flow.Channel, "Workflows", flow.ID, card)
	m.Failed = strings.Join(failures, "; ")
	if marked, ok := markerOf(card); ok {
		m.Key = marked.Text()
	}

	return chat.Answer{Status: http.StatusAccepted, Header: http.Header{}, Message: m}
}

// nextID is a time in milliseconds that no message of the channel has yet.
func nextID(now time.Time, last string) string {
	id := now.UnixMilli()
	if before, err := strconv.ParseInt(last, 10, 64); err == nil && id <= before {
		id = before + 1
	}
	return strconv.FormatInt(id, 10)
}

// typed is a person's message: a card with its text.
func typed(text string) json.RawMessage {
	raw, _ := json.Marshal(map[string]any{"type": "AdaptiveCard", "version": "1.4", "body": []any{
		map[string]any{"type": "RichTextBlock", "inlines": []any{map[string]any{"type": "TextRun", "text": text}}},
	}})
	return raw
}
