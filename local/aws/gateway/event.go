package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// event is a request in payload format 2.0, with the members AWS leaves out
// left out.
type event struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQuery        string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext  requestContext    `json:"requestContext"`
	PathParameters  map[string]string `json:"pathParameters,omitempty"`
	Body            *string           `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string        `json:"accountId"`
	APIID        string        `json:"apiId"`
	Authorizer   jwtAuthorizer `json:"authorizer"`
	DomainName   string        `json:"domainName"`
	DomainPrefix string        `json:"domainPrefix"`
	HTTP         requestLine   `json:"http"`
	RequestID    string        `json:"requestId"`
	RouteKey     string        `json:"routeKey"`
	Stage        string        `json:"stage"`
	Time         string        `json:"time"`
	TimeEpoch    int64         `json:"timeEpoch"`
}

type jwtAuthorizer struct {
	JWT *identity `json:"jwt"`
}

type requestLine struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// An admitted request has passed the route's throttle and the authorizer.
type admitted struct {
	*http.Request
	id         string
	route      *route
	parameters map[string]string
	identity   *identity
	body       []byte
}

// event returns the event for the request, as JSON.
func (r admitted) event() ([]byte, error) {
	now := time.Now().UTC()
	domain, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		domain = r.Host
	}

	prefix, _, _ := strings.Cut(domain, ".")
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	text, encoded := encodeBody(r.Header.Get("Content-Type"), r.body)

	return json.Marshal(event{
		Version: "2.0", RouteKey: r.route.key(), RawPath: r.URL.Path, RawQuery: r.URL.RawQuery,
		Cookies: cookies(r.Request), Headers: headers(r.Request, source, len(r.body)), Query: query(r.URL.RawQuery),
		PathParameters: r.parameters, Body: text, IsBase64Encoded: encoded,
		RequestContext: requestContext{
			AccountID: "000000000000", APIID: "local", Authorizer: jwtAuthorizer{JWT: r.identity},
			DomainName: domain, DomainPrefix: prefix, RequestID: r.id, RouteKey: r.route.key(), Stage: "$default",
			Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: requestLine{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent(),
			},
		},
	})
}

// hopByHop headers belong to the connection, not to the request. Cookies have a
// member of their own.
var hopByHop = []string{"connection", "cookie", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

func headers(r *http.Request, source string, length int) map[string]string {
	all := map[string]string{}
	for name, values := range r.Header {
		if name = strings.ToLower(name); !slices.Contains(hopByHop, name) {
			all[name] = strings.Join(values, ",")
		}
	}

	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "80"
	}

	all["host"] = r.Host
	all["content-length"] = strconv.Itoa(length)
	all["x-forwarded-port"] = port
	all["x-forwarded-proto"] = "http"
	all["x-amzn-trace-id"] = traceID()
	if before := all["x-forwarded-for"]; before != "" {
		source = before + ", " + source
	}

	all["x-forwarded-for"] = source

	return all
}

func traceID() string {
	var random [12]byte
	rand.Read(random[:])
	return fmt.Sprintf("Root=1-%08x-%s", time.Now().Unix(), hex.EncodeToString(random[:]))
}

func cookies(r *http.Request) []string {
	var all []string
	for _, header := range r.Header["Cookie"] {
		for cookie := range strings.SplitSeq(header, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				all = append(all, cookie)
			}
		}
	}

	return all
}

// query decodes the parameters and joins those of one name with commas. It
// does not use url.ParseQuery, which drops what it finds malformed.
func query(raw string) map[string]string {
	all := map[string]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}

		name, value, _ := strings.Cut(pair, "=")
		name = unescape(name)
		value = unescape(value)
		if before, ok := all[name]; ok {
			value = before + "," + value
		}

		all[name] = value
	}

	return all
}

func unescape(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}

// encodeBody gives the body as the event carries it. AWS does not document
// which types count as text. Measured on the real service
// (ministackorg/ministack#766, floci-io/floci#2203): text/* and JSON, XML and
// JavaScript proper, in UTF-8; all others come in Base64, among them
// application/merge-patch+json, forms, and a body without a type.
func encodeBody(contentType string, body []byte) (text *string, encoded bool) {
	if len(body) == 0 {
		return nil, false
	}

	content := string(body)
	if !isText(contentType) || !utf8.Valid(body) {
		content = base64.StdEncoding.EncodeToString(body)
		encoded = true
	}

	return &content, encoded
}

func isText(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}

	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return false
	}

	switch media {
	case "application/json", "application/xml", "application/javascript":
		return true
	}

	return strings.HasPrefix(media, "text/")
}
