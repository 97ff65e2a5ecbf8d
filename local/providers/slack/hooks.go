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

// serveHook takes a message by an incoming webhook, and answers in plain text
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
func (s *Server) serveHook(w http.ResponseWriter, r *http.Request) {
	s.Serve(w, r, chat.Create, maxRequest, func(c *chat.Call) chat.Answer { return s.hook(c) }, broken)
}

// said is an answer in plain text: ok, or why not.
func said(status int, text string) chat.Answer {
	out := chat.Answer{Status: status, Header: http.Header{"Content-Type": {"text/html"}, "X-Slack-Req-Id": {requestID()}}, Body: []byte(text)}
	if status != http.StatusOK {
		out.Refusal = text
	}
	return out
}

func (s *Server) hook(c *chat.Call) chat.Answer {
	if c.Method != http.MethodPost {
		return said(http.StatusBadRequest, "invalid_payload")
	}

	i := slices.IndexFunc(s.config.Hooks, func(h Hook) bool { return "/services/"+h.Path == c.URL.Path })
	if i < 0 {
		return s.noHook(c.URL.Path)
	}

	h := s.config.Hooks[i]
	c.User = h.App
	where := s.channel(h.Channel)
	switch {
	case h.Off:
		return said(http.StatusNotFound, "no_service")
	case where == nil:
		return said(http.StatusNotFound, "channel_not_found")
	case where.Archived:
		return said(http.StatusGone, "channel_is_archived")
	}

	if _, _, wait := s.limiter.Take("hook "+h.Path, 1, time.Second); wait > 0 {
		out := said(http.StatusTooManyRequests, "rate_limited")
		out.Header.Set("Retry-After", seconds(wait))
		return out
	}

	made, refused := s.hookContent(c)
	if refused != "" {
		return said(http.StatusBadRequest, refused)
	}

	out := said(http.StatusOK, "ok")
	out.Message = &chat.Message{
		Channel: where.ID, ID: s.Next(where.ID), Author: h.App, Owner: "B" + service(h.Path), Wire: encode(made), CreatedAt: s.Now(),
	}

	return out
}

// service is the part of a webhook's path that names it without its secret.
func service(path string) string {
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		return ""
	}
	return strings.TrimPrefix(parts[1], "B")
}

// noHook tells a webhook that is gone from one whose secret is wrong.
func (s *Server) noHook(path string) chat.Answer {
	for _, h := range s.config.Hooks {
		if known := service(h.Path); known != "" && known == service(strings.TrimPrefix(path, "/services/")) {
			return said(http.StatusForbidden, "invalid_token")
		}
	}
	return said(http.StatusNotFound, "no_service")
}

// hookContent reads a message, and says why it is none.
func (s *Server) hookContent(c *chat.Call) (made content, refused string) {
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
			s.Violation("webhook: Slack reads no member %q", name)
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

	if refused := s.judgeForm("webhook", made); refused != nil {
		return made, fmt.Sprint(refused["error"])
	}

	s.judgeText("webhook", made.Text)

	return made, ""
}
