package connector

import (
	"errors"

	"example.com/integrations/shared/connector/failure"
)

// The names of checks that every provider has, in the order they are made.
const (
	CheckReachable   = "reachable"
	CheckCredentials = "credentials"
	CheckTarget      = "target"
)

// Unreachable is the code of a provider that could not be asked. The reason is not
// shown: a user who may enter an address must not learn what is behind it.
const Unreachable = "unreachable"

// Failed are the checks that a failed call decides: one is refused, and those
// before it passed.
func Failed(err error) []Check {
	var e *failure.Error
	if !errors.As(err, &e) || e.Status == 0 {
		return []Check{Refused(CheckReachable, Unreachable)}
	}

	reached := Passed(CheckReachable)
	switch {
	case e.Class == failure.Retryable, e.Class == failure.Ambiguous:
		code := e.Code
		if code != "rate_limited" {
			code = "provider_error"
		}
		return []Check{reached, Undecided(CheckCredentials, code)}

	case e.Status == 401, e.Code == "credentials_rejected": // a dead token may be answered with 200, as an anonymous user
		return []Check{reached, Refused(CheckCredentials, e.Code)}
	}

	return []Check{reached, Passed(CheckCredentials), Refused(CheckTarget, e.Code)}
}

// Unauthenticated is Failed for a call that identifies the credentials and
// nothing else: an error about the address shows nothing about them.
func Unauthenticated(err error) []Check {
	checks := Failed(err)
	if len(checks) > 2 {
		checks[1] = Undecided(CheckCredentials, *checks[2].Code)
	}
	return checks
}
