package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/api"
)

// seen are the answers of all tests.
var seen testkit.SeenCases

// checked is a route whose every answer is held against the document, and with
// each success the request too. What differs is an error, which no handler
// returns and every test takes for a failure.
func checked(operation string, h api.Handler) api.Handler {
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if strings.HasPrefix(testkit.MustContract().Operation(operationOf(operation, e)).Path, "/organisations/") {
			delete(e.PathParameters, api.IntegrationID)
		} else {
			delete(e.PathParameters, api.OrganisationID)
		}

		resp, err := h(ctx, e)
		if err != nil {
			return resp, err
		}

		o := testkit.MustContract().Operation(operationOf(operation, e))
		answer := testkit.Answer{Status: resp.StatusCode, Header: http.Header{}, Body: []byte(resp.Body)}
		for name, value := range resp.Headers {
			answer.Header.Set(name, value)
		}

		seen.Add(o.CaseOf(answer))
		err = o.Answer(answer)
		if resp.StatusCode < 300 {
			q := requestOf(e)
			if o.Method == http.MethodGet || o.Method == http.MethodDelete { // a body has no meaning there
				q.Body = nil
				q.Header.Del("Content-Type")
			}

			err = errors.Join(err, o.Request(q))
		}

		return resp, err
	}
}

// operationOf tells the three routes of one function apart as the gateway does.
func operationOf(operation string, e events.APIGatewayV2HTTPRequest) string {
	switch {
	case operation != "listSyncs" || e.PathParameters[api.SyncID] == "":
		return operation
	case strings.HasSuffix(e.RouteKey, "/items"):
		return "listPlan"
	}

	return "getSync"
}

func requestOf(e events.APIGatewayV2HTTPRequest) testkit.Request {
	r := testkit.Request{Path: e.PathParameters, Query: url.Values{}, Header: http.Header{}, Body: []byte(e.Body)}
	for name, value := range e.QueryStringParameters {
		r.Query.Set(name, value)
	}

	for name, value := range e.Headers {
		r.Header.Set(name, value)
	}

	if e.IsBase64Encoded {
		r.Body, _ = base64.StdEncoding.DecodeString(e.Body)
	}

	return r
}

// covered is the exit code of the tests: they fail too when, all of them run,
// there is a documented answer of a function that none of them has met.
func covered(code int) int {
	if code != 0 || !testkit.WholeRun() {
		return code
	}

	var want []testkit.ContractCase
	for _, one := range testkit.MustContract().Cases() {
		if !one.Gateway() {
			want = append(want, one)
		}
	}

	missing := seen.Missing(want)
	for _, one := range missing {
		fmt.Fprintln(os.Stderr, "documented, and never answered in any test:", one)
	}

	return min(len(missing), 1)
}
