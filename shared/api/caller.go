package api

import (
	"errors"
	"fmt"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/domain"
)

// retryAfter is how many seconds a caller is asked to wait when a service of
// AWS is away or throttled.
const retryAfter = 5

// toldTo says an error in the words for the caller. claim is the name of the
// token's claim that holds the user's id, caller its value. What only this
// package can tell is added here: which claim is missing or wrong, and that a
// failure of AWS is a 503, not a fault of the service.
func toldTo(claim, caller string, err error) error {
	var known *domain.Error
	if errors.As(err, &known) {
		if known.Code == domain.CodeCallerUnknown {
			return &domain.Error{Code: known.Code, Detail: unknownCaller(claim, caller)}
		}
		return err
	}

	if awsclient.Unavailable(err) {
		return &domain.Error{Code: domain.CodeUnavailable, RetryAfter: retryAfter,
			Detail: "A service that this one needs does not answer now. Whether a change was made is not known: read it again, or send the request again."}
	}

	return err
}

// unknownCaller says why a token names no user.
func unknownCaller(claim, caller string) string {
	if caller == "" {
		return fmt.Sprintf("The token has no claim %q, which holds the user's id. Which claim that is, the deployment decides (setting userClaim).", claim)
	}
	return fmt.Sprintf("The token's claim %q is there, but is not a snowflake: it %s. Which claim holds the user's id, the deployment decides (setting userClaim).",
		claim, domain.ErrNotSnowflake)
}
