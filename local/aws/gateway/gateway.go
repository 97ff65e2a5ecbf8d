// Package gateway is an HTTP API of API Gateway on this machine: routes, a JWT
// authorizer, Lambda proxy integrations with payload format 2.0, and the OpenID Connect
// issuer whose tokens the authorizer accepts.
//
// The gateway's own answers are byte for byte those of AWS, which cannot be customised.
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

const (
	// maxBody is the most an HTTP API takes: 10 MB, which no quota can raise.
	maxBody = 10 << 20
	// integrationTimeout is the longest an HTTP API waits for a function.
	integrationTimeout = 30 * time.Second
)

// ErrThrottled is what Invoke returns, possibly wrapped, when the function has
// no instance to spare.
var ErrThrottled = errors.New("throttled")

// A Route sends the requests that match to a function.
type Route struct {
	Method   string
	Path     string // such as /integrations/{integration.id}
	Function string
	Scopes   []string // a token needs one of them; none: any valid token will do
	// Rate is how many requests a second are let through, Burst how many at
	// once; 0: any number.
	Rate, Burst float64
}

// Config says what a gateway serves. Every route is authorised.
type Config struct {
	Routes   []Route
	Issuer   string
	Audience []string
	// Invoke runs a function and returns what it answered. An error is the
	// function's failure, ErrThrottled, or the end of the context.
	Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)
	Log    *slog.Logger

	// Timeout replaces the 30 s of AWS where it is not zero.
	Timeout time.Duration
}

type gateway struct {
	config     Config
	routes     []*route
	authorizer *authorizer
}

// New returns the gateway that config describes.
func New(config Config) http.Handler {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}

	if config.Timeout == 0 {
		config.Timeout = integrationTimeout
	}

	return &gateway{
		config:     config,
		routes:     compile(config.Routes),
		authorizer: &authorizer{issuer: config.Issuer, audience: config.Audience, keys: newKeys(config.Issuer)},
	}
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	id := requestID()
	w.Header().Set("Apigw-Requestid", id)
	status := g.serve(w, r, id)
	g.config.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status),
		slog.String("request_id", id), slog.Duration("took", time.Since(started)))
}

// serve answers the request and returns the status it answered with.
func (g *gateway) serve(w http.ResponseWriter, r *http.Request, id string) int {
	route, parameters := match(g.routes, r.Method, r.URL.EscapedPath())
	if route == nil {
		return refuse(w, http.StatusNotFound, "Not Found")
	}
	if !route.admits(time.Now()) {
		return refuse(w, http.StatusTooManyRequests, "Too Many Requests")
	}

	identity, denied := g.authorizer.authorize(r.Context(), r.Header.Get("Authorization"), route.Scopes)
	if denied != nil {
		w.Header().Set("Www-Authenticate", denied.challenge)
		return refuse(w, denied.status, denied.message)
	}

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return refuseBody(w, err)
	}

	payload, err := admitted{r, id, route, parameters, identity, body}.event()
	if err != nil {
		g.config.Log.Error("event", "request_id", id, "error", err)
		return refuse(w, http.StatusInternalServerError, "Internal Server Error")
	}

	return g.invoke(w, r, route, id, payload)
}

func refuseBody(w http.ResponseWriter, err error) int {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	}
	return refuse(w, http.StatusBadRequest, "Bad Request")
}

// invoke runs the function to its end, or to the gateway's: a caller who hangs
// up does not stop it, as on AWS.
func (g *gateway) invoke(w http.ResponseWriter, r *http.Request, route *route, id string, payload []byte) int {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), g.config.Timeout)
	defer cancel()
	answer, err := g.config.Invoke(ctx, route.Function, payload)
	var response *response
	if err == nil {
		response, err = parseResponse(answer)
	}

	switch {
	case err == nil:
		return response.write(w)
	case errors.Is(err, ErrThrottled), ctx.Err() != nil:
		g.config.Log.Warn("function unavailable", "function", route.Function, "request_id", id, "error", err)
		return refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
	}

	g.config.Log.Error("function failed", "function", route.Function, "request_id", id, "error", err)

	return refuse(w, http.StatusInternalServerError, "Internal Server Error")
}

// refuse writes an answer of the gateway's own.
func refuse(w http.ResponseWriter, status int, message string) int {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":"`+message+`"}`)
	return status
}

// requestID has the form of AWS's: sixteen characters of Base64.
func requestID() string {
	var random [11]byte
	rand.Read(random[:])
	return base64.StdEncoding.EncodeToString(random[:])
}
