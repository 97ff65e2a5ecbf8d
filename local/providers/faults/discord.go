package faults

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Discord is how Discord refuses calls, and Cloudflare in front of it
// (https://discord.com/developers/docs/topics/rate-limits).
func Discord() Profile {
	return Profile{
		Provider: "Discord",
		Refusals: map[string]Refusal{
			RateLimited:     {Answer: func(a Asked) Answer { return discordLimit(a, false, true) }},
			RateLimitedBare: {Answer: func(a Asked) Answer { return discordLimit(a, false, false) }},
			SecondaryLimit:  {Answer: func(a Asked) Answer { return discordLimit(a, true, true) }},
			ErrorBefore:     {Answer: discordError},
			RevokedToken:    {Answer: discordRevoked},
			RefusedWords:    {Answer: discordWords},
			ForbiddenItem: {Kinds: []Kind{Update}, Answer: func(Asked) Answer {
				return JSON(http.StatusForbidden, `{"message":"Cannot edit a message authored by another user","code":50005}`)
			}},
			AddressBan: {Answer: cloudflareBan},
		},
		Cannot: map[string]string{
			OneTimestamp:  "the time of a Discord message is in its id, so no two have one",
			MovedObject:   "a Discord message stays in its channel",
			ETagConflict:  "Discord takes no ETag on a write",
			Captcha:       "Discord asks people for captchas, not bots and webhooks",
			MovedReadonly: "Discord's host is fixed: an integration names none",
			ForeignLink:   "Discord names the next page by the id of a message, without a link",
			Anonymous:     "Discord refuses calls without a token",
		},
		Forms: map[string][]string{RefusedWords: {Nested, Array, String}},
		Page:  50,
	}
}

// discordLimit is a rate limit for all calls of the bot or for one route, with or
// without Retry-After.
func discordLimit(a Asked, global, told bool) Answer {
	wait := strconv.FormatFloat(max(a.Wait.Seconds(), 0.1), 'f', 3, 64)
	out := JSON(http.StatusTooManyRequests, fmt.Sprintf(`{"message":"You are being rate limited.","retry_after":%s,"global":%t,"code":0}`, wait, global))
	scope := "user"
	if global {
		scope = "global"
		out.Header.Set("X-RateLimit-Global", "true")
	} else {
		for name, value := range map[string]string{
			"Limit": "5", "Remaining": "0", "Reset-After": wait, "Bucket": "abcd1234",
			"Reset": strconv.FormatFloat(float64(a.Now.Add(a.Wait).UnixMilli())/1000, 'f', 3, 64),
		} {
			out.Header.Set("X-RateLimit-"+name, value)
		}
	}

	out.Header.Set("X-RateLimit-Scope", scope)
	out.Header.Set("Via", "1.1 google")
	if told {
		out.Header.Set("Retry-After", a.Seconds())
	}

	return out
}

// discordError is Discord's own 500, or the page of Cloudflare for another 5xx.
func discordError(a Asked) Answer {
	if a.Status == http.StatusInternalServerError {
		return JSON(a.Status, `{"message":"500: Internal Server Error","code":0}`)
	}

	return Page(a.Status, "cloudflare")
}

// discordRevoked is the answer to a revoked token, or to the address of a deleted
// webhook.
func discordRevoked(a Asked) Answer {
	if strings.Contains(a.URL.Path, "/webhooks/") {
		return JSON(http.StatusNotFound, `{"message":"Unknown Webhook","code":10015}`)
	}

	return JSON(http.StatusUnauthorized, `{"message":"401: Unauthorized","code":0}`)
}

// discordWords refuses the text of a message, in one of Discord's forms.
func discordWords(a Asked) Answer {
	switch a.Form {
	case Array: // Discord's older form of what is wrong with a message
		return JSON(http.StatusBadRequest, `{"content":["`+NotTaken+`"]}`)
	case String:
		return JSON(http.StatusBadRequest, `{"message":"`+NotTaken+`","code":50035}`)
	}

	return JSON(http.StatusBadRequest, `{"message":"Invalid Form Body","code":50035,"errors":{"content":{"_errors":[{"code":"BASE_TYPE_BAD","message":"`+NotTaken+`"}]}}}`)
}

// cloudflareBan is the page of Cloudflare for a banned address: no JSON, no Via,
// and no time to wait.
func cloudflareBan(Asked) Answer {
	return text(http.StatusTooManyRequests, "text/html; charset=UTF-8", "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>Access denied | discord.com used Cloudflare to restrict access</title></head>\n"+
		"<body><h1>Error 1015</h1><h2>You are being rate limited</h2>\n<p>The owner of this website (discord.com) has banned you temporarily from accessing this website.</p></body>\n</html>\n",
		[]string{"Server", "cloudflare", "Cf-Ray", "89f5c1d2e3a4b5c6-FRA"})
}
