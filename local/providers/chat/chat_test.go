package chat

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// plain is a chat whose messages are texts.
func plain(person string) Dialect {
	return Dialect{
		Name: "Plain", Channels: []Place{{"C1", "#one"}, {"C2", "#two"}}, Person: person,
		NextID: func(_ time.Time, last string) string { return last + "i" },
		Typed:  func(text string) json.RawMessage { raw, _ := json.Marshal(text); return raw },
		Draw: func(wire json.RawMessage) Picture {
			var text string
			_ = json.Unmarshal(wire, &text)
			return Picture{Blocks: []Block{{Kind: Text, Spans: Plain(text)}}}
		},
	}
}

func begin(t *testing.T, dir string, dialect Dialect) (*Chat, string) {
	t.Helper()
	c, err := Open(dir, dialect, nil)
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(c.Plain())
	t.Cleanup(func() { server.Close(); _ = c.Close() })

	return c, server.URL
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = response.Body.Close() }()
	content, _ := io.ReadAll(response.Body)

	return response.StatusCode, string(content)
}

// A person posts and deletes on the page, and all of it is on the journal.
func TestAPersonsHand(t *testing.T) {
	dir := t.TempDir()
	c, at := begin(t, dir, plain("maria"))
	for _, step := range []struct {
		path, text string
		status     int
	}{
		{"/messages/C1", "<b>hello</b>", 200}, {"/messages/C1", "second", 200}, {"/messages/C1", " ", 400}, {"/messages/C9", "x", 404},
		{"/messages/C1/ii/delete", "", 200}, {"/messages/C1/ii/delete", "", 404},
	} {
		response, err := http.PostForm(at+step.path, url.Values{"text": {step.text}})
		if err != nil {
			t.Fatal(err)
		}

		_ = response.Body.Close()
		if response.StatusCode != step.status {
			t.Errorf("%s: %d, want %d", step.path, response.StatusCode, step.status)
		}
	}

	_, page := get(t, at)
	if !strings.Contains(page, "&lt;b&gt;hello&lt;/b&gt;") || strings.Contains(page, "second") || strings.Count(page, "<article") != 1 {
		t.Errorf("the page shows %s", page)
	}

	if status, page := get(t, at+"/messages/C1/ii"); status != 200 || !strings.Contains(page, "deleted") || !strings.Contains(page, "What it was before") {
		t.Errorf("a deleted message's page: %d", status)
	}

	if status, _ := get(t, at+"/messages/C1/none"); status != 404 {
		t.Errorf("a page of nothing: %d", status)
	}

	again, _ := begin(t, dir, plain("maria"))
	if len(again.Messages("C1")) != 1 || len(again.Writes()) != 6 || again.Writes()[5].Status != 404 || c.Writes()[0].User != "maria" {
		t.Errorf("after the death: %d messages, %v", len(again.Messages("C1")), again.Writes())
	}
}

func TestReceived(t *testing.T) {
	c, at := begin(t, t.TempDir(), plain(""))
	made := Message{Channel: "C1", ID: "i", Author: "bot", Wire: json.RawMessage(`"one"`), CreatedAt: time.Unix(0, 0).UTC()}
	for _, wire := range []string{`"one"`, `"two"`} {
		made.Wire = json.RawMessage(wire)
		if err := c.Put(made); err != nil {
			t.Fatal(err)
		}
	}

	_, body := get(t, at+"/_/received")
	want := `{"objects":[{"channel":"C1","id":"i","user":"bot","text":"two","message":"two","edits":1,"created_at":"1970-01-01T00:00:00Z"}],"writes":[]}`
	if body != want {
		t.Errorf("received %s", body)
	}

	c.Violation("so %s", "not")
	if _, body := get(t, at+"/_/violations"); body != `{"violations":["so not"]}` {
		t.Errorf("violations %s", body)
	}

	response, err := http.PostForm(at+"/messages/C1", url.Values{"text": {"x"}})
	if err != nil {
		t.Fatal(err)
	}

	_ = response.Body.Close()
	if response.StatusCode == http.StatusOK || len(c.Messages("C1")) != 1 {
		t.Errorf("without a person the page posts: %d", response.StatusCode)
	}
}

// Pages of other sites do not post here.
func TestOtherSites(t *testing.T) {
	c, at := begin(t, t.TempDir(), plain("maria"))
	request, _ := http.NewRequest(http.MethodPost, at+"/messages/C1", strings.NewReader("text=x"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}

	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden || len(c.Messages("C1")) != 0 {
		t.Errorf("%d", response.StatusCode)
	}
}

func TestLimiter(t *testing.T) {
	at := time.Unix(1000, 0)
	l := NewLimiter(true, func() time.Time { return at })
	take := func() string {
		left, reset, wait := l.Take("k", 2, 10*time.Second)
		return fmt.Sprint(left, reset, wait)
	}
	for _, step := range []struct {
		turn time.Duration
		want string
	}{{0, "1 10s 0s"}, {4 * time.Second, "0 6s 0s"}, {0, "0 6s 6s"}, {6 * time.Second, "0 4s 0s"}, {0, "0 4s 4s"}, {20 * time.Second, "1 10s 0s"}} {
		at = at.Add(step.turn)
		if got := take(); got != step.want {
			t.Errorf("after %s: %s, want %s", step.turn, got, step.want)
		}
	}

	if left, _, wait := NewLimiter(false, nil).Take("k", 1, time.Second); left != 1 || wait != 0 {
		t.Error("what is off limits")
	}
}
