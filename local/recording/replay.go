package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A Replay sends the requests of a recording to a fake server and compares the
// answers.
type Replay struct {
	// Authorize puts the credential of a role into a request. It may change the
	// path too, such as that of a webhook.
	Authorize func(role string, request *http.Request)
	// Reason says that the reason phrases are compared.
	Reason bool
	// Values are the paths of members that are compared by value, such as
	// "issues.*.state"; * is each element of an array, or each member.
	Values []string
	// Modelled says that the fake server has a part of the real answers: members that
	// only the recorded answer has, lists of another length or order, and objects that
	// were there before the recording are no difference.
	Modelled bool
	// Ignore are the paths of members that are not compared.
	Ignore []string
	// Given are nil for DefaultGiven.
	Given *Given
}

// A Difference is one between a recorded answer and that of the fake server.
type Difference struct {
	Case string
	What string // such as "the status" or "the member issue.id"
	Want string // recorded
	Got  string // of the fake server
}

// String is a sentence.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s is %s, want %s", d.Case, d.What, d.Got, d.Want)
}

// longestAnswer bounds an answer of a fake server, in bytes.
const longestAnswer = 64 << 20

// Against sends the requests in order to the handler, which it serves over
// HTTP/1.1 on a loopback address, and lists the differences. An exchange without a
// recorded answer is sent and not compared. The error is one of the replay itself.
func (p Replay) Against(ctx context.Context, handler http.Handler, all []Exchange) (differences []Difference, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}

	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }() // it ends when it is closed
	transport := &http.Transport{DisableCompression: true}
	defer func() {
		transport.CloseIdleConnections()
		err = errors.Join(err, server.Close())
	}()

	if p.Given == nil {
		p.Given = DefaultGiven()
	}

	m := newMapping(p.Given)
	for _, e := range all {
		if _, others := m.about(e.Request.Path); others && p.Modelled {
			continue
		}

		request, err := p.request(ctx, "http://"+listener.Addr().String(), e, m)
		if err != nil {
			return differences, fmt.Errorf("replay of %s: %w", e.Case, err)
		}

		got, err := answerOf(transport, request)
		if ctx.Err() != nil {
			return differences, fmt.Errorf("replay of %s: %w", e.Case, ctx.Err())
		}

		if err != nil {
			got = Response{Cut: "no whole answer came"}
		}

		m.learn(e, got)
		differences = append(differences, p.compare(e, got, m)...)
	}

	return differences, nil
}

// request is what is sent for an exchange: ids, tags and times are those that the
// fake server gave.
func (p Replay) request(ctx context.Context, base string, e Exchange, m *mapping) (*http.Request, error) {
	target, err := url.Parse(base + m.target(e.Request.Path))
	if err != nil {
		return nil, errors.New("the path is no path")
	}

	request, err := http.NewRequestWithContext(ctx, e.Request.Method, target.String(), bytes.NewReader(m.body(e.Request.Body)))
	if err != nil {
		return nil, errors.New("the method is no method")
	}

	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "integrations")
	for name, value := range e.Request.Header {
		if value == nil {
			request.Header.Del(name)

			continue
		}

		request.Header.Set(name, m.text(*value))
	}

	if p.Authorize != nil {
		p.Authorize(e.Role, request)
	}

	return request, nil
}

// answerOf sends a request and reads the answer.
func answerOf(transport http.RoundTripper, request *http.Request) (Response, error) {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return Response{}, err
	}

	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return Response{}, err
	}

	header := map[string]string{}
	for name, values := range response.Header {
		header[name] = strings.Join(values, ", ")
	}

	return Response{Status: response.StatusCode, Reason: reasonOf(response.Status), Header: header, Body: BodyOf(text)}, nil
}

// mediaType is a Content-Type without its parameters.
func mediaType(header map[string]string) string {
	value := headerOf(header, "Content-Type")
	if media, _, err := mime.ParseMediaType(value); err == nil {
		return media
	}

	return value
}
