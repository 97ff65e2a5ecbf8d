package answers

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

func unchanged(text string) string { return text }

func refused(status int, challenge bool, body string) outbound.Response {
	a := outbound.Response{Status: status, Header: http.Header{}, Body: []byte(body)}
	if challenge {
		a.Header.Set("WWW-Authenticate", "Bearer")
	}

	return a
}

// B1: a refusal fits the provider's own answers, never a page of a proxy.
func TestFindRefusal(t *testing.T) {
	rows := []Refusal{
		{Status: 401, Challenge: true, Means: "credentials"},
		{Status: 403, Words: "not accessible", Means: "words"},
		{Status: 404, Creates: true, Means: "place"},
		{Code: "E1", Means: "coded"},
		{Status: 410, Plain: true, Code: "gone", Means: "plain"},
	}
	for name, tt := range map[string]struct {
		method string
		answer outbound.Response
		code   string
		want   string
	}{
		"401 JSON":                {"POST", refused(401, false, `{}`), "", "credentials"},
		"401 page":                {"POST", refused(401, false, `<html>`), "", ""},
		"401 empty":               {"POST", refused(401, false, ``), "", ""},
		"401 challenge":           {"PATCH", refused(401, true, `<html>`), "", "credentials"},
		"403 words":               {"PATCH", refused(403, false, `{"message":"Resource Not Accessible by x"}`), "", "words"},
		"403 words in a page":     {"PATCH", refused(403, false, `<title>not accessible</title>`), "", ""},
		"403 words in plain text": {"PATCH", refused(403, false, `not accessible`), "", ""},
		"403 other words":         {"PATCH", refused(403, false, `{"message":"no"}`), "", ""},
		"404 of a create":         {"POST", refused(404, false, `{}`), "", "place"},
		"404 of an update":        {"PATCH", refused(404, false, `{}`), "", ""},
		"code":                    {"PATCH", refused(400, false, `{}`), "E1", "coded"},
		"code in a page":          {"PATCH", refused(400, false, `<E1>`), "E1", ""},
		"plain":                   {"POST", refused(410, false, `gone`), "gone", "plain"},
		"plain, as a page":        {"POST", refused(410, false, `<title>gone</title>`), "gone", ""},
		"plain, empty":            {"POST", refused(410, false, ``), "gone", ""},
	} {
		p := Read(tt.answer, unchanged)
		row, found := FindRefusal(rows, tt.method, tt.answer, p, tt.code)
		if row.Means != tt.want || found != (tt.want != "") {
			t.Errorf("%s: %q, want %q", name, row.Means, tt.want)
		}

		if e := row.Error(tt.answer, p, unchanged); found && (e.Class != failure.Final || e.Scope != failure.IntegrationScope || e.Detail == "" || e.Status != tt.answer.Status) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestRefusalTable(t *testing.T) {
	table := RefusalTable([]Refusal{{Status: 404, Creates: true, Means: "a", Source: "b"}, {Status: 401, Challenge: true, Means: "c"}, {Code: "E1", Words: "x", Plain: true, Means: "d"}})
	for _, line := range []string{
		"| 404 with a JSON body to a create | `a` | b |", "| 401 with a JSON body or `WWW-Authenticate` | `c` |", "| `E1` “…x…” as plain text | `d` |",
	} {
		if !strings.Contains(table, line) {
			t.Errorf("%s is not in\n%s", line, table)
		}
	}

	if got := ShownRefusals("a\n" + RefusalsBegin + table + RefusalsEnd + "b"); got != table {
		t.Errorf("%q", got)
	}

	for _, page := range []string{"", RefusalsBegin, RefusalsEnd, table} {
		if ShownRefusals(page) != "" {
			t.Errorf("a table in %q", page)
		}
	}
}

// A header that only the provider sends makes any body its own.
func TestSigns(t *testing.T) {
	rows := []Refusal{
		{Status: 401, Header: "X-Login", Value: "failed", Means: "login"},
		{Status: 403, Header: "X-Version", Means: "version"},
		{Status: 404, Bare: true, Means: "bare"},
	}

	with := func(a outbound.Response, name string, values ...string) outbound.Response {
		a.Header[http.CanonicalHeaderKey(name)] = values
		return a
	}
	for name, tt := range map[string]struct {
		answer outbound.Response
		want   string
	}{
		"the value":           {with(refused(401, false, `<html>`), "x-login", "OK", "x; FAILED "), "login"},
		"a part of a value":   {with(refused(401, false, `{}`), "X-Login", "NOT_FAILED"), ""},
		"another value":       {with(refused(401, false, `{}`), "X-Login", "OK"), ""},
		"no such header":      {refused(401, false, `{}`), ""},
		"any value":           {with(refused(403, false, ``), "X-Version", "1"), "version"},
		"another status":      {with(refused(402, false, ``), "X-Version", "1"), ""},
		"an empty value":      {with(refused(403, false, ``), "X-Version", ""), ""},
		"without a body":      {refused(404, false, ` `), "bare"},
		"JSON":                {refused(404, false, `{}`), "bare"},
		"a page is not bare":  {refused(404, false, `<html>`), ""},
		"a text is not plain": {refused(404, false, `no`), ""},
	} {
		row, _ := FindRefusal(rows, "PATCH", tt.answer, Read(tt.answer, unchanged), "")
		if row.Means != tt.want {
			t.Errorf("%s: %q, want %q", name, row.Means, tt.want)
		}
	}

	table := RefusalTable(rows)
	for _, want := range []string{"401 with `X-Login: failed`", "403 with `X-Version`", "404 with a JSON body, no body"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
}
