package discord

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
)

// idOf is the id of the n-th message after since.
func idOf(n int) string { return strconv.FormatUint(idAt(now)+uint64(n)<<22, 10) }

func told(n int, footer string) string {
	return fmt.Sprintf(`{"id":%q,"channel_id":%q,"embeds":[{"title":"x"},{"footer":{"text":%q}}]}`, idOf(n), channelID, footer)
}

// history answers as Discord does: the first messages after an id, the newest of
// them first.
func history(f *fake, oldestFirst []string) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
		if r.URL.Path != "/api/v10/channels/"+channelID+"/messages" {
			f.t.Errorf("%s", r.URL)
		}

		after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		var page []string
		for _, m := range oldestFirst {
			var id uint64
			if _, err := fmt.Sscanf(m, `{"id":"%d"`, &id); err != nil {
				f.t.Fatal(err)
			}

			if id > after && len(page) < limit {
				page = append(page, m)
			}
		}

		slices.Reverse(page)
		fmt.Fprint(w, "["+strings.Join(page, ",")+"]")
	}
}

// C9: a message is found by the code of a wanted marker, and by nothing else.
func TestFind(t *testing.T) {
	var messages []string
	for i := range 250 {
		messages = append(messages, told(i+1, footerOf(connector.Marker{Integration: 9, Item: domain.Snowflake(i + 1), Attempt: 1}).Text))
	}

	signed := footerOf(marker).Text
	unsigned := marker
	forged := marker
	earlier := marker
	foreign := marker
	unsigned.Tag = ""
	forged.Tag = connectortest.OtherTag
	earlier.Attempt = 1
	foreign.Integration = 78
	messages = append(messages,
		told(297, footerOf(unsigned).Text), told(298, footerOf(forged).Text), // a person's
		told(295, message.Code(marker)), told(296, "sync "+message.Code(marker)), told(299, marker.Text()), told(300, footerOf(earlier).Text), told(301, signed), told(302, signed),
		told(303, footerOf(foreign).Text), told(304, "a"+signed), fmt.Sprintf(`{"id":%q,"content":%q}`, idOf(305), signed))
	for _, posts := range []bool{false, true} {
		f, b := startBot(t, posts)
		history(f, messages)
		found, err := b.Find(t.Context(), now, []connector.Marker{marker, {Integration: 77, Item: 5, Attempt: 1}})
		if err != nil || len(found) != 1 || found[4711].Remote.ID != idOf(301) || found[4711].Remote.Key != channelID || found[4711].Remote.State != "" {
			t.Errorf("%v %v", found, err)
		}

		if n := len(f.take()); n != 3 {
			t.Errorf("%d pages", n)
		}

		found, err = b.Find(t.Context(), now, []connector.Marker{{Integration: 77, Item: 4711, Attempt: 9, Tag: connectortest.Tag}})
		if err != nil || len(found) != 0 {
			t.Errorf("%v %v", found, err)
		}

		found, err = b.Find(t.Context(), now, []connector.Marker{earlier, {Integration: 77, Item: 4711, Attempt: 9, Tag: connectortest.Tag}})
		if err != nil || found[4711].Remote.ID != idOf(300) {
			t.Errorf("%v %v", found, err)
		}
	}
}

// An empty list is believed only if the channel has nothing newer, or what it
// has can be read or is gone: without the permission the list is empty too.
func TestFindBelievesNoEmptyList(t *testing.T) {
	list := "GET /channels/" + channelID + "/messages"
	ch := "GET /channels/" + channelID
	last := list + "/" + idOf(5)
	for name, tt := range map[string]struct {
		channel, message string
		class            failure.Class
		code             string
	}{
		"a new channel":             {`200 {"id":"1","type":0,"last_message_id":null}`, "", 0, ""},
		"nothing since":             {`200 {"id":"1","type":0,"last_message_id":"1000000000000000"}`, "", 0, ""},
		"the last was deleted":      {`200 {"id":"1","type":0,"last_message_id":"` + idOf(5) + `"}`, `404 {"code":10008}`, 0, ""},
		"the history is hidden":     {`200 {"id":"1","type":0,"last_message_id":"` + idOf(5) + `"}`, `403 {"code":50013}`, failure.Final, "forbidden"},
		"the list is behind":        {`200 {"id":"1","type":0,"last_message_id":"` + idOf(5) + `"}`, `200 {"id":"5"}`, failure.Retryable, "list_behind"},
		"the channel is hidden too": {`403 {"code":50001}`, "", failure.Final, "forbidden"},
		"no channel":                {`200 []`, "", failure.Retryable, "answer_unreadable"},
		"down":                      {`200 {"id":"1","type":0,"last_message_id":"` + idOf(5) + `"}`, `500 x`, failure.Retryable, "provider_unavailable"},
	} {
		f, b := startBot(t, false)
		f.routes(map[string]string{list: "200 []", ch: tt.channel, last: tt.message})
		found, err := b.Find(t.Context(), now, []connector.Marker{marker})
		if tt.code == "" {
			if err != nil || len(found) != 0 {
				t.Errorf("%s: %v %v", name, found, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != tt.class || e.Code != tt.code {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestFindTrustsWholePagesOnly(t *testing.T) {
	f, b := startBot(t, false)
	for _, body := range []string{"x", "null", "{}", "[5]", `[{"id":"x"}]`, `[{}]`} {
		f.answers(200, nil, body)
		if e := failureOf(t, second(b.Find(t.Context(), now, []connector.Marker{marker}))); e.Class != failure.Retryable || e.Code != map[bool]string{true: "answer_unreadable", false: "foreign_answer"}[strings.HasPrefix(body, "[")] {
			t.Errorf("%s: %+v", body, e)
		}
	}

	f.take()
	n := 0
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
		page := make([]string, 100)
		for i := range page {
			n++
			page[99-i] = told(n, "x")
		}

		fmt.Fprint(w, "["+strings.Join(page, ",")+"]")
	}
	if e := failureOf(t, second(b.Find(t.Context(), now, []connector.Marker{marker}))); e.Code != "list_endless" || len(f.take()) != maxPages {
		t.Errorf("%+v", e)
	}
}

func TestFindReadsSmallerPages(t *testing.T) {
	f, b := startBot(t, false)
	f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
		if r.URL.Query().Get("limit") != "1" {
			fmt.Fprint(w, strings.Repeat(" ", pageBody+1))
			return
		}

		if r.URL.Query().Get("after") == idOf(1) {
			fmt.Fprint(w, "[]")
			return
		}

		fmt.Fprint(w, "["+told(1, footerOf(marker).Text)+"]")
	}
	if found, err := b.Find(t.Context(), now, []connector.Marker{marker}); err != nil || len(found) != 1 || len(f.take()) != 6 {
		t.Error(found, err)
	}
}

func TestIDAt(t *testing.T) {
	// https://discord.com/developers/docs/reference#snowflakes
	at := time.UnixMilli(1462015105796)
	if got := idAt(at); got != 175928847299117063>>22<<22 {
		t.Error(got)
	}

	if idAt(time.Time{}) != 0 {
		t.Error("a time before the first id")
	}
}

// B7: a page that Discord cannot answer with is asked for again smaller, on from
// the same message; where no size works that is an outage.
func TestFindWhileDiscordWeakens(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter){
		"504": func(w http.ResponseWriter) { w.WriteHeader(504) }, "503": func(w http.ResponseWriter) { w.WriteHeader(503) },
		"cut": func(w http.ResponseWriter) { fmt.Fprint(w, `[{"id":`) },
	} {
		f, b := startBot(t, false)
		var asked []string
		f.answer = func(w http.ResponseWriter, r *http.Request, _ string) {
			limit := r.URL.Query().Get("limit")
			asked = append(asked, limit)
			if limit == "100" || limit == "50" {
				fail(w)
				return
			}

			fmt.Fprint(w, "["+told(1, footerOf(marker).Text)+"]")
		}

		found, err := b.Find(t.Context(), now, []connector.Marker{marker})
		if err != nil || len(found) != 1 || fmt.Sprint(asked) != "[100 50 25]" {
			t.Errorf("%s: %v, %v, asked %v", name, found, err, asked)
		}

		f.answer = func(w http.ResponseWriter, _ *http.Request, _ string) { fail(w) }
		_, err = b.Find(t.Context(), now, []connector.Marker{marker})
		if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "provider_unavailable" {
			t.Errorf("%s: %v %v", name, e.Class, e)
		}
	}
}
