package answers

import (
	"errors"
	"net/http"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// An update counts only with the linked object in the documented answer, or with an
// object that shows what was sent, in the answer or in one read.
func TestEdit(t *testing.T) {
	type object struct {
		ID    int    `json:"id"`
		Title string `json:"title"`
	}
	e := Edit[object]{
		Update: ProofOf(domain.GitHub, "", OpUpdate), Read: ProofOf(domain.GitHub, "", OpRead),
		Linked: func(o object) bool { return o.ID == 7 }, Shows: func(o object) bool { return o.Title == "new" },
	}
	answer := func(status int, media, id, title string) outbound.Response {
		body := `{"id":` + id + `,"number":` + id + `,"title":"` + title + `","state":"open","html_url":"https://github.com/o/r/issues/7"}`
		return outbound.Response{Status: status, Header: http.Header{"Content-Type": {media}}, Body: []byte(body)}
	}
	const js = "application/json; charset=utf-8"
	page := outbound.Response{Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html>")}
	away := errors.New("away")

	for name, c := range map[string]struct {
		update, read outbound.Response
		err          error
		reads        int
		proven       bool
	}{
		"documented":                    {answer(200, js, "7", "old"), page, away, 0, true},
		"another status, as sent":       {answer(201, js, "7", "new"), page, away, 0, true},
		"another status, not as sent":   {answer(201, js, "7", "old"), answer(200, js, "7", "new"), nil, 1, true},
		"another object":                {answer(200, js, "8", "new"), answer(200, js, "7", "new"), nil, 1, true},
		"a page, then as sent":          {page, answer(200, js, "7", "new"), nil, 1, true},
		"a page, then not as sent":      {page, answer(200, js, "7", "old"), nil, 1, false},
		"a page, then another object":   {page, answer(200, js, "8", "new"), nil, 1, false},
		"a page, then a page":           {page, page, nil, 1, false},
		"a page, then no answer":        {page, outbound.Response{}, away, 1, false},
		"a page, then another document": {page, answer(201, js, "7", "new"), nil, 1, false},
	} {
		reads := 0
		got, proven := e.Proven(c.update, func() (outbound.Response, error) {
			reads++
			return c.read, c.err
		})
		if proven != c.proven || reads != c.reads || proven && got.ID != 7 {
			t.Errorf("%s: %+v, proven %t, %d reads", name, got, proven, reads)
		}
	}
}
