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

// Unreachable is the code of a provider that could not be asked. Why is not
// told: whoever may name an address must not learn what is behind it.
const Unreachable = "unreachable"

// Failed is what a failed call says of the checks it was made for: which of
// them is refused, and that those before it hold.
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

	case e.Status == 401, e.Code == "credentials_rejected": // a dead token may be answered with 200, as nobody
		return []Check{reached, Refused(CheckCredentials, e.Code)}
	}

	return []Check{reached, Passed(CheckCredentials), Refused(CheckTarget, e.Code)}
}

// Unauthenticated is Failed for a call that asks whose credentials they are and
// nothing else: what is wrong with the address says nothing of them.
func Unauthenticated(err error) []Check {
	checks := Failed(err)
	if len(checks) > 2 {
		checks[1] = Undecided(CheckCredentials, *checks[2].Code)
	}
	return checks
}
