package faults

import (
	"net/http"
	"strings"
)

// incoming reports whether a call is to an incoming webhook, which answers in
// plain text where the Web API answers in JSON.
func (a Asked) incoming() bool { return !strings.HasPrefix(a.URL.Path, "/api/") }

// Slack is how Slack words it: most of its refusals are a 200 whose body says
// that it is none (https://docs.slack.dev/apis/web-api/rate-limits).
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
			// The workspace's own cap is told in the body alone; a webhook's as any.
			SecondaryLimit: {Kinds: []Kind{Create}, Answer: said(http.StatusOK, "rate_limited", "rate_limited", http.StatusTooManyRequests)},
			ErrorBefore:    {Answer: func(a Asked) Answer { return Page(a.Status, "Apache") }},
			RevokedToken:   {Answer: said(http.StatusOK, "token_revoked", "no_service", http.StatusNotFound)},
			// invalid_auth is what an address that is not allowed is told.
			AddressBan: {Answer: said(http.StatusOK, "invalid_auth", "action_prohibited", http.StatusForbidden)},
		},
		Cannot: map[string]string{
			OneTimestamp: "the time of a Slack message is its name, so no two have one",
			MovedObject:  "a Slack message stays in its channel",
			ETagConflict: "Slack knows no ETags",
			Captcha:      "Slack's API asks nobody for a captcha",
		},
	}
}
