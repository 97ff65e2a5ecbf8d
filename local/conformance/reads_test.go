package conformance

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// gateways are answers that a gateway, a firewall or a load balancer gives in
// place of a provider. None is in a provider's own form.
var gateways = []foreign{
	{"401 text, no challenge", "text/plain", "Jwt is missing", 401, "Jwt is missing"},
	{"401 without a body", "", "", 401, "401 without a body"},
	{"401 page", "text/html", firewall, 401, "Attention Required!"},
	{"403 text", "text/plain", "RBAC: access denied", 403, "RBAC: access denied"},
	{"403 without a body", "", "", 403, "403 without a body"},
	{"403 page", "text/html", firewall, 403, "Attention Required!"},
	{"404 text", "text/plain", "default backend - 404", 404, "default backend - 404"},
	{"404 page", "text/html", "<html><title>404 Not Found</title></html>", 404, "404 Not Found"},
	{"404 without a body", "", "", 404, "404 without a body"},
	{"406 text", "text/plain", "Not acceptable", 406, "Not acceptable"},
	{"400 page", "text/html", "<title>400 Bad Request</title>", 400, "400 Bad Request"},
	{"410 page", "text/html", "<h1>Gone</h1>", 410, "Gone"},
	{"login page", "text/html", "<html><title>Log in</title>", 403, "Log in"},
}

// places are those that the connectors work in.
var places = map[string]connector.Place{
	"github":          {ID: "1", Name: "acme/work", ByName: true},
	"gitlab":          {ID: "5", Name: "acme/work"},
	"jira":            {ID: "10000", Name: "WORK"},
	"jira_datacenter": {ID: "10000", Name: "WORK"},
	"mantisbt":        {ID: "1", Name: "Work"},
	"slack":           {ID: slackChannel, Name: "#work"},
	"discord":         {ID: discordChannel, Name: "#work"},
}

// Finding 8: a gateway's answer to a read is an outage. It says nothing about the
// credentials or the place, so the integration stays healthy and asks again.
func TestAGatewaysAnswerToAReadIsAnOutage(t *testing.T) {
	checked := 0
	everyKit(t, func(t *testing.T, k kit) {
		for _, f := range gateways {
			s, c := stage(t, k, f.serve)
			resolver, resolves := c.(connector.Resolver)
			if place, known := places[k.name]; known && resolves {
				resolver.Use(place)
			}

			errs := map[string]error{}
			for _, op := range operations(c) {
				if !k.writes(op.name) {
					errs[op.name] = op.do(t.Context(), c, k)
				}
			}

			before, _ := s.counted()
			if resolves {
				_, err := resolver.Resolve(t.Context())
				if after, _ := s.counted(); after > before && places[k.name].ID != "" {
					errs["resolve"] = err
				}
			}

			code := "provider_unavailable"
			if strings.Contains(f.body, "Log in") {
				code = "session_expired"
			}

			for what, err := range errs {
				e := failureOf(t, what, err)
				if e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != code || !strings.Contains(e.Detail, f.detail) {
					t.Errorf("%s: %s: %s, scope %d: %v", f.name, what, e.Class, e.Scope, e)
				}
				checked++
			}
		}
	})
	if checked < 10*len(gateways) {
		t.Errorf("only %d answers were looked at", checked)
	}
}

// The provider's own refusals of a read stay refusals: JSON, and a 401 with a
// challenge.
func TestTheProvidersAnswerToAReadIsAVerdict(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		for _, f := range []foreign{
			{name: "401 with a challenge", status: 401},
			{name: "401 JSON", media: "application/json", body: `{"message":"words"}`, status: 401},
			{name: "403 JSON", media: "application/json", body: `{"message":"words"}`, status: 403},
		} {
			_, c := stage(t, k, func(w http.ResponseWriter, r *http.Request) {
				if f.body == "" {
					w.Header().Set("WWW-Authenticate", `Bearer realm="x"`)
				}
				f.serve(w, r)
			})
			for _, op := range operations(c) {
				if k.writes(op.name) {
					continue
				}

				e := failureOf(t, op.name, op.do(t.Context(), c, k))
				if e.Class != failure.Final || e.Scope != failure.IntegrationScope || e.Code != map[int]string{401: "credentials_rejected", 403: "forbidden"}[f.status] {
					t.Errorf("%s: %s: %s, scope %d: %v", f.name, op.name, e.Class, e.Scope, e)
				}
			}
		}
	})
}

// A check behind a gateway that refuses has an unknown result, and denies no right. A
// wrong address causes a 404, which is not in the table.
func TestACheckBehindAGatewayIsOpen(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		for _, f := range gateways {
			if f.status == http.StatusNotFound || f.status == http.StatusGone {
				continue
			}

			s, c := stage(t, k, f.serve)
			checker, is := c.(connector.Checker)
			if !is {
				t.Fatal("cannot be checked")
			}

			checks, err := checker.Check(t.Context())
			if all, _ := s.counted(); all > 0 && err == nil {
				t.Errorf("%s: no error", f.name)
			}

			if len(checks) == 0 {
				t.Errorf("%s: no checks", f.name)
			}

			for _, one := range checks {
				if one.OK != nil && !*one.OK {
					t.Errorf("%s: %s", f.name, one)
				}
			}
		}
	})
}
