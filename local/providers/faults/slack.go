package faults

import (
	"net/http"
	"strings"
)

// incoming reports whether a call is to an incoming webhook. Its answers are plain
// text, those of the Web API are JSON.
func (a Asked) incoming() bool { return !strings.HasPrefix(a.URL.Path, "/api/") }

// Slack is how Slack refuses calls: most refusals have the status 200 and an error in
// the body (https://docs.slack.dev/apis/web-api/rate-limits).
func Slack() Profile {
	said := func(status int, code, hook string, hookStatus int, header ...string) func(Asked) Answer {
		return func(a Asked) Answer {
			if a.incoming() {
				return Text(hookStatus, hook, header...)
			}
			return JSON(status, `{"ok":false,"error":"`+code+`"}`, header...)
		}
	}
	return Profile{
		Provider: "Slack",
		Refusals: map[string]Refusal{
			RateLimited: {Answer: func(a Asked) Answer {
				return said(http.StatusTooManyRequests, "ratelimited", "rate_limited", http.StatusTooManyRequests, "Retry-After", a.Seconds())(a)
			}},
			RateLimitedBare: {Answer: said(http.StatusTooManyRequests, "ratelimited", "rate_limited", http.StatusTooManyRequests)},
			// The limit of the workspace is reported in the body only, that of a webhook
			// by the status.
			SecondaryLimit: {Kinds: []Kind{Create}, Answer: said(http.StatusOK, "rate_limited", "rate_limited", http.StatusTooManyRequests)},
			ErrorBefore:    {Answer: func(a Asked) Answer { return Page(a.Status, "Apache") }},
			RevokedToken:   {Answer: said(http.StatusOK, "token_revoked", "no_service", http.StatusNotFound)},
			RefusedWords:   {Answer: slackWords},
			// A message of another author is the one object that Slack forbids.
			ForbiddenItem: {Kinds: []Kind{Update}, Answer: said(http.StatusOK, "cant_update_message", "action_prohibited", http.StatusForbidden)},
			// invalid_auth is the error for an address that is not allowed.
			AddressBan: {Answer: said(http.StatusOK, "invalid_auth", "action_prohibited", http.StatusForbidden)},
		},
		Cannot: map[string]string{
			OneTimestamp:  "the time of a Slack message is its name, so no two have one",
			MovedObject:   "a Slack message stays in its channel",
			ETagConflict:  "Slack knows no ETags",
			Captcha:       "Slack's API has no captchas",
			MovedReadonly: "Slack's hosts are fixed: an integration names none",
			ForeignLink:   "Slack names the next page by a cursor, without a link",
			Anonymous:     "Slack refuses calls without a token",
		},
		Forms: map[string][]string{RefusedWords: {Nested, Array, String}},
		Page:  100,
	}
}

// slackWords is a refusal of a message with its reasons in a member. An incoming
// webhook has one form only.
func slackWords(a Asked) Answer {
	if a.incoming() {
		return Text(http.StatusBadRequest, "invalid_payload")
	}

	switch a.Form {
	case Array:
		return JSON(http.StatusOK, `{"ok":false,"error":"invalid_blocks","errors":["`+NotTaken+` [json-pointer:\/blocks\/0]"]}`)
	case String:
		return JSON(http.StatusOK, `{"ok":false,"error":"invalid_arguments","detail":"`+NotTaken+`"}`)
	}

	return JSON(http.StatusOK, `{"ok":false,"error":"invalid_arguments","response_metadata":{"messages":["[ERROR] `+NotTaken+`"]}}`)
}
