package slack

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/integrations/local/providers/chat"
)

// incoming are the incoming webhooks of the workspace.
type incoming struct {
	server *Server
	hooks  []Hook
}

// at is the webhook that has a path, an empty one if there is none.
func (in *incoming) at(path string) Hook {
	i := slices.IndexFunc(in.hooks, func(h Hook) bool { return h.Path == path })
	if i < 0 {
		return Hook{}
	}

	return in.hooks[i]
}

// serve accepts a message by an incoming webhook, and answers in plain text
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
func (in *incoming) serve(w http.ResponseWriter, r *http.Request) {
	in.server.Serve(w, r, chat.Create, in.post)
}

// said is an answer in plain text: ok, or an error.
func said(status int, text string) chat.Answer {
	out := chat.Answer{Status: status, Header: http.Header{"Content-Type": {"text/html"}, "X-Slack-Req-Id": {requestID()}}, Body: []byte(text)}
	if status != http.StatusOK {
		out.Refusal = text
	}
	return out
}

func (in *incoming) post(c *chat.Call) chat.Answer {
	if c.Method != http.MethodPost {
		return said(http.StatusBadRequest, "invalid_payload")
	}

	path := strings.TrimPrefix(c.URL.Path, "/services/")
	h := in.at(path)
	if h.Path == "" {
		return in.unknown(path)
	}

	c.User = h.App
	where := in.server.channels.Get(h.Channel)
	switch {
	case h.Off:
		return said(http.StatusNotFound, "no_service")
	case where == nil:
		return said(http.StatusNotFound, "channel_not_found")
	case where.Archived:
		return said(http.StatusGone, "channel_is_archived")
	}

	if _, _, wait := in.server.limiter.Take("hook "+h.Path, 1, time.Second); wait > 0 {
		out := said(http.StatusTooManyRequests, "rate_limited")
		out.Header.Set("Retry-After", chat.Seconds(wait))
		return out
	}

	made, refused := in.content(c)
	if refused != "" {
		return said(http.StatusBadRequest, refused)
	}

	out := said(http.StatusOK, "ok")
	out.Message = in.server.New(where.ID, h.App, "B"+service(h.Path), encode(made))

	return out
}

// service is the part of a webhook's path that identifies it, without its secret.
func service(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		return ""
	}
	return strings.TrimPrefix(parts[1], "B")
}

// unknown is the answer for a webhook that is gone, or whose secret is wrong.
func (in *incoming) unknown(path string) chat.Answer {
	for _, h := range in.hooks {
		if known := service(h.Path); known != "" && known == service(path) {
			return said(http.StatusForbidden, "invalid_token")
		}
	}

	return said(http.StatusNotFound, "no_service")
}

// content reads a message. It returns Slack's error if the message is not valid.
func (in *incoming) content(c *chat.Call) (made content, refused string) {
	body := c.Body
	if media, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type")); media == "application/x-www-form-urlencoded" {
		values, err := url.ParseQuery(string(c.Body))
		if err != nil || !values.Has("payload") {
			return made, "invalid_payload"
		}
		body = []byte(values.Get("payload"))
	}

	var members map[string]json.RawMessage
	if c.TooLarge || !utf8.Valid(body) || json.Unmarshal(body, &members) != nil || members == nil {
		return made, "invalid_payload"
	}

	for name := range members {
		if !slices.Contains([]string{"text", "blocks", "attachments", "unfurl_links", "unfurl_media", "thread_ts", "response_type", "mrkdwn"}, name) {
			in.server.Violation("webhook: Slack reads no member %q", name)
		}
	}

	if raw, ok := members["text"]; ok && json.Unmarshal(raw, &made.Text) != nil {
		return made, "invalid_payload"
	}

	made.Blocks = given(members["blocks"], nil)
	made.Attachments = given(members["attachments"], nil)
	if made.empty() {
		return made, "no_text"
	}

	if refused := in.server.judgeForm("webhook", made); refused != nil {
		return made, fmt.Sprint(refused["error"])
	}

	in.server.judgeText("webhook", made.Text)

	return made, ""
}
