// Package api is the HTTP edge of the functions behind API Gateway: requests
// in, answers and RFC 9457 problem documents out.
package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/domain"
)

// IntegrationID is the path parameter of an integration's routes.
const IntegrationID = "integration.id"

// OrganisationID is the path parameter of an organisation's routes.
const OrganisationID = "organisation.id"

// SyncID is the path parameter of the routes of one sync.
const SyncID = "sync.id"

// MaxBody is the longest request body taken, in bytes.
const MaxBody = 64 << 10

// A Request is a caller's request, past the gateway's authorizer.
type Request struct {
	IntegrationID  string
	OrganisationID string
	SyncID         string
	// RouteKey is the gateway's name of the route, as "GET /x/{id}".
	RouteKey string
	// Caller is the token's user claim as it stands there, "" without one.
	Caller string
	event  *events.APIGatewayV2HTTPRequest
}

// Header is a request header's value, "" for one that was not sent; several are
// joined by a comma.
func (r Request) Header(name string) string { return r.event.Headers[strings.ToLower(name)] }

// Given is a request header's value, and whether it was sent at all.
func (r Request) Given(name string) (value string, given bool) {
	value, given = r.event.Headers[strings.ToLower(name)]
	return value, given
}

// Body is the request's body as it was sent. A body over MaxBody is a
// *domain.Error.
func (r Request) Body() ([]byte, error) {
	body := []byte(r.event.Body)
	if r.event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.event.Body); err != nil {
			return nil, fmt.Errorf("decode body: %w", err)
		}
	}

	if len(body) > MaxBody {
		return nil, &domain.Error{Code: domain.CodeBodyTooLarge, Detail: fmt.Sprintf("The body has %d bytes; at most %d are taken.", len(body), MaxBody)}
	}

	return body, nil
}

// An Answer is what a route answers when all is well.
type Answer struct {
	Status int
	Header map[string]string
	Body   any // nil for none
}

// A Route answers one request.
type Route func(context.Context, Request) (Answer, error)

// A Handler is what aws-lambda-go starts.
type Handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Serve turns a route into a Lambda handler. userClaim names the claim that
// holds the caller's id. Every error becomes an answer; a panic is a 500. A route
// has the invocation's time but for what it takes to answer (awsclient.Within).
func Serve(log *slog.Logger, userClaim string, route Route) Handler {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (resp events.APIGatewayV2HTTPResponse, _ error) {
		id := event.RequestContext.RequestID
		log := log.With("request_id", id, "route", event.RouteKey)
		defer func() {
			if p := recover(); p != nil {
				log.Error("panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				resp = problem(id, errors.New("panic"))
			}
		}()

		ctx, cancel := awsclient.Within(ctx)
		defer cancel()
		path := event.PathParameters
		req := Request{IntegrationID: path[IntegrationID], OrganisationID: path[OrganisationID], SyncID: path[SyncID], RouteKey: event.RouteKey, event: &event}
		if auth := event.RequestContext.Authorizer; auth != nil && auth.JWT != nil {
			req.Caller = auth.JWT.Claims[userClaim]
		}

		answer, err := route(ctx, req)
		if err == nil {
			resp, err = encode(answer)
		}

		if err != nil {
			resp = problem(id, toldTo(userClaim, req.Caller, err))
			logFailure(ctx, log, resp.StatusCode, req, err)
			return resp, nil
		}

		log.InfoContext(ctx, "answered", "status", resp.StatusCode, "integration_id", req.IntegrationID, "caller", req.Caller)

		return resp, nil
	}
}

func logFailure(ctx context.Context, log *slog.Logger, status int, req Request, err error) {
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	log.Log(ctx, level, "refused", "status", status, "integration_id", req.IntegrationID, "caller", req.Caller, "error", err.Error())
}

func encode(a Answer) (events.APIGatewayV2HTTPResponse, error) {
	resp := events.APIGatewayV2HTTPResponse{StatusCode: a.Status, Headers: map[string]string{"cache-control": "no-store"}}
	for name, value := range a.Header {
		resp.Headers[name] = value
	}

	if a.Body == nil {
		return resp, nil
	}

	body, err := json.Marshal(a.Body)
	if err != nil {
		return resp, fmt.Errorf("encode answer: %w", err)
	}

	resp.Headers["content-type"] = "application/json"
	resp.Body = string(body)

	return resp, nil
}

// ETag is the strong validator of a version (RFC 9110, section 8.8.3).
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// IdempotencyKey is the header by which a caller repeats a request without
// having it done twice
// (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/).
const IdempotencyKey = "Idempotency-Key"

// ValidKey reports whether text is an idempotency key: 1 to 255 visible ASCII
// characters.
func ValidKey(text string) bool {
	hidden := func(c rune) bool { return c < '!' || c > '~' }
	return len(text) >= 1 && len(text) <= 255 && !strings.ContainsFunc(text, hidden)
}

// IfMatch refuses a request whose If-Match names other versions than the
// current one, or none at all: a caller that sends one wants no change made blindly.
func (r Request) IfMatch(current int64) error {
	if tags, given := r.Given("if-match"); given && !Matches(tags, current, false) {
		return &domain.Error{Code: domain.CodePreconditionFailed, Detail: "The integration is at version " + ETag(current) + " now; nothing was changed."}
	}
	return nil
}

// element is the first of a list of entity tags, with what ends it. The list
// may have empty ones, and a tag commas (RFC 9110, sections 5.6.1 and 8.8.3).
var element = regexp.MustCompile(`^[ \t]*((?:W/)?"[^"]*")?[ \t]*(?:,|$)`)

// Matches reports whether a header of entity tags names a version, which one
// that is malformed does not. weak is the comparison of If-None-Match, strong
// that of If-Match (RFC 9110, section 8.8.3.2).
func Matches(header string, version int64, weak bool) bool {
	if strings.TrimSpace(header) == "*" {
		return true
	}

	want := ETag(version)
	found := false
	for header != "" {
		one := element.FindStringSubmatch(header)
		if one == nil {
			return false
		}

		tag := one[1]
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}

		found = found || tag == want
		header = header[len(one[0]):]
	}

	return found
}
