package faults

import (
	"fmt"
	"net/http"
)

// Teams is how the workflows in front of Teams refuse calls: errors as JSON of Azure's
// Logic Apps (https://learn.microsoft.com/azure/logic-apps/handle-throttling-problems-429-errors).
func Teams() Profile {
	failed := func(status int, code, message string, header ...string) Answer {
		return JSON(status, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message), header...)
	}
	limited := func(a Asked, header ...string) Answer {
		return JSON(http.StatusTooManyRequests, fmt.Sprintf(`{"statusCode":429,"message":"Rate limit is exceeded. Try again in %s seconds."}`, a.Seconds()), header...)
	}
	const nothing = "a message to Teams leaves no trace that could be asked for"

	return Profile{
		Provider: "Teams",
		Refusals: map[string]Refusal{
			RateLimited:     {Answer: func(a Asked) Answer { return limited(a, "Retry-After", a.Seconds()) }},
			RateLimitedBare: {Answer: func(a Asked) Answer { return limited(a) }},
			// The limit of the channel was reported with a status of success.
			SecondaryLimit: {Answer: func(Asked) Answer {
				return Text(http.StatusOK, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0,server=msgapi.")
			}},
			ErrorBefore: {Answer: func(a Asked) Answer {
				switch a.Status {
				case http.StatusBadGateway:
					return failed(a.Status, "NoResponse", "The server did not receive a response from an upstream server.")
				case http.StatusGatewayTimeout:
					return failed(a.Status, "GatewayTimeout", "The gateway did not receive a response within the specified time period.")
				case http.StatusServiceUnavailable:
					return failed(a.Status, "ServiceUnavailable", "The service is unavailable.")
				}

				return failed(a.Status, "InternalServerError", "Encountered internal server error.")
			}},
			RefusedWords: {Answer: func(Asked) Answer { return failed(http.StatusBadRequest, "InvalidRequestContent", NotTaken) }},
			RevokedToken: {Answer: func(Asked) Answer {
				return failed(http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")
			}},
			AddressBan: {Answer: func(Asked) Answer {
				return failed(http.StatusUnauthorized, "AuthorizationFailed", "The client IP address '203.0.113.7' is not in the allowed caller IP address ranges specified in the workflow access control configuration.")
			}},
		},
		Cannot: map[string]string{
			LaggingLists: nothing, OneTimestamp: nothing, MovedObject: nothing, DeletedObject: nothing, ETagConflict: nothing,
			Captcha:       "a workflow has no captchas",
			WrongSuccess:  "a workflow documents 202, and 200 where it has a Response action: neither is wrong",
			SlowList:      nothing,
			ForbiddenItem: nothing,
			RenamedPlace:  "a workflow posts into its channel whatever the name of that is, and its own address has no name",
			MovedReadonly: "the address of a workflow is its secret: it does not move",
			ForeignLink:   "a workflow's answer has no links",
			Anonymous:     "a workflow refuses calls without the signature in its address",
		},
		Forms: map[string][]string{RefusedWords: {Nested}, ForeignAnswer: {HTML, Login}},
	}
}
