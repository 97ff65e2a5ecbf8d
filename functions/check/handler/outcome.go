package handler

import (
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

const (
	// checkWrite is the check of a bot's right to post.
	checkWrite = "write"
	// accepted is the code of a message that the provider has taken without a
	// proof that it is there.
	accepted = "accepted"
	// noAnswer is the code of a message that was sent, and of which it is not known
	// whether it has arrived.
	noAnswer = "no_answer"
)

// outOfTime are the codes of a post that was not tried, because it could have
// ended too late.
var outOfTime = []string{"no_time_left", "cancelled"}

// A message is the test message at the provider.
type message struct {
	ID  string  `json:"id"`
	URL *string `json:"url"`
}

// messageOf is nil where the provider does not say which message it is.
func messageOf(w connector.Written) *message {
	if w.Remote.ID == "" {
		return nil
	}

	m := &message{ID: w.Remote.ID}
	if w.Remote.URL != "" {
		m.URL = &w.Remote.URL
	}

	return m
}

const anotherFailed = "The message was not sent, because another check failed."

// notSent is the check of a message that was not tried.
func notSent(why string) connector.Check {
	return connector.Undecided(connector.CheckPost, "not_sent").With(why)
}

// posted is the check that the message itself makes. failed is nil where the
// provider took it.
func posted(w connector.Written, failed *failure.Error) connector.Check {
	switch {
	case failed == nil && w.Unproven:
		return connector.Undecided(connector.CheckPost, accepted).
			With("The provider took the message and does not say whether it has arrived. Look in the channel.")
	case failed == nil:
		return connector.Passed(connector.CheckPost)
	case failed.Class == failure.Ambiguous:
		return connector.Undecided(connector.CheckPost, noAnswer).
			With("The message was sent, and the provider did not confirm it. It may have arrived: look in the channel before you send another one.")
	case slices.Contains(outOfTime, failed.Code):
		return connector.Undecided(connector.CheckPost, outOfTime[0]).With("The message was not sent, because the other checks took too long.")
	case failed.Status == 0:
		return connector.Refused(connector.CheckPost, connector.Unreachable)
	case failed.Class == failure.Retryable:
		return explained(connector.Undecided(connector.CheckPost, failed.Code), "The message was not sent", failed)
	}

	return explained(connector.Refused(connector.CheckPost, failed.Code), "The provider refused the message", failed)
}

// explained is a check with the words of the failure.
func explained(c connector.Check, what string, failed *failure.Error) connector.Check {
	if failed.Detail == "" {
		return c.With(what + ".")
	}

	return c.With(what + ": " + failed.Detail)
}

// learned are the checks after the message: it decides those that only posting
// decides.
func learned(checks []connector.Check, w connector.Written, failed *failure.Error) []connector.Check {
	after := slices.Clone(checks)
	for i, c := range after {
		if c.Code == nil || *c.Code != connector.OnlyByPosting {
			continue
		}

		if failed == nil {
			after[i] = shown(c.Name, w)
		} else {
			after[i] = disproved(c, failed)
		}
	}

	return after
}

// shown is a check that a message decides which the provider took.
func shown(name string, w connector.Written) connector.Check {
	about := name == connector.CheckReachable || name == connector.CheckCredentials
	if w.Unproven && !about {
		return connector.Undecided(name, accepted)
	}

	return connector.Passed(name)
}

// disproved is a check after a message that failed. What the failure does not
// decide stays as it is.
func disproved(c connector.Check, failed *failure.Error) connector.Check {
	switch {
	case slices.Contains(outOfTime, failed.Code):
		return c
	case failed.Class == failure.Ambiguous && c.Name == connector.CheckReachable && failed.Status != 0:
		return connector.Passed(c.Name)
	case failed.Class == failure.Ambiguous:
		return connector.Undecided(c.Name, noAnswer)
	case c.Name == checkWrite && failed.Class == failure.Final && failed.Scope == failure.IntegrationScope && failed.Status != 0:
		return connector.Refused(c.Name, failed.Code)
	}

	ofAll := connector.Failed(failed)
	if failed.Class == failure.Final && failed.Scope == failure.ItemScope && failed.Status != 0 {
		ofAll = ofAll[:1] // it is about this message: it shows that the server answers, and no more
	}

	for _, known := range ofAll {
		if known.Name == c.Name {
			return known
		}
	}

	return c
}
