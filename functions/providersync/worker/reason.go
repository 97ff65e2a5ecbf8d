package worker

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// sentences say in our own words why the provider does not take what is
// configured, by the error's code. The provider's words stand beside them.
var sentences = map[string]string{
	"account_disabled":       "The account that the credentials belong to is disabled at the provider.",
	"address_refused":        "The configured address must not be called from here.",
	"answer_too_large":       "The provider's answer is too large to be read.",
	"answer_unreadable":      "The provider's answer cannot be read.",
	"api_removed":            "The provider does not offer the API that is used any more.",
	"captcha_required":       "The provider asks for a captcha: a person must sign in to the account once.",
	"category_not_found":     "The configured category does not exist at the provider.",
	"credentials_rejected":   "The provider does not accept the credentials.",
	"field_not_settable":     "A field that is written cannot be set at the provider.",
	"field_required":         "The provider requires a field that is not written.",
	"forbidden":              "The credentials do not have the right that is needed at the provider.",
	"foreign_answer":         "Something before the provider answers in its place, such as a login page or a proxy.",
	"insufficient_scope":     "The credentials do not have a scope that is needed.",
	"installation_not_found": "The GitHub App has no such installation, or was uninstalled.",
	"issues_disabled":        "Issues are switched off at the configured place.",
	"not_a_forum":            "Only a forum has a thread for each item, and the configured channel is none.",
	"payload_refused":        "The workflow at the provider does not accept the form of the messages.",
	"rejected":               "The provider refuses what it is sent.",
	"role_too_low":           "The account's role at the provider is too low.",
	"session_expired":        "A gateway before the provider asks for a new login.",
	"tag_required":           "The configured forum wants a tag on each new thread, which the service does not set.",
	"target_in_use":          "Another integration of the organisation uses this place for the same type of items.",
	"target_moved":           "The configured place has moved or is another one now.",
	"target_not_found":       "The configured place does not exist, or the credentials cannot see it.",
	"thread_required":        "The configured channel is a forum: it needs a thread, or a name for the threads of the items.",
	"writes_refused":         "The provider has refused several items in a row, and none was accepted between them.",
}

// ownCodes are the errors whose detail is our own sentence: no provider was
// asked.
var ownCodes = map[string]bool{
	"configuration_unusable": true,
	"provider_not_supported": true,
	"secret_unreadable":      true,
}

// outages say in our own words why the provider could not be asked.
var outages = map[string]string{
	"answer_cut":           "The provider's answer ends before it is complete.",
	"list_endless":         "The provider's list does not end.",
	"list_moves":           "The provider's list changes faster than it can be read.",
	"list_stuck":           "The provider's list gives the same page again and again.",
	"no_answer":            "The provider does not answer.",
	"no_time_left":         "The provider takes too long to answer.",
	"provider_unavailable": "The provider, or something before it, answers with a failure.",
	"reconcile_unsure":     "The provider's clock is not known well enough to look for what may have been made.",
	"unreachable":          "The provider cannot be reached.",
}

// otherOutage is the sentence for an outage that has none of its own.
const otherOutage = "The provider cannot be asked."

// troubleOf says why the provider could not be asked: one sentence of ours, and
// status and words of the answer, if there was one.
func troubleOf(e *failure.Error) *domain.RunError {
	sentence := cmp.Or(outages[e.Code], sentences[e.Code], otherOutage)
	words := e.Detail
	if e.Status != 0 && !strings.HasPrefix(words, strconv.Itoa(e.Status)) {
		words = strings.TrimSpace(fmt.Sprint(e.Status, " ", words))
	}

	return &domain.RunError{Code: e.Code, Detail: sentence, ProviderMessage: words}
}

// otherwise is the sentence for a code that has none of its own.
const otherwise = "The provider does not take what is configured."

// reasonOf says why the provider does not take what is configured: one sentence
// of ours, never empty, and the provider's own words.
func reasonOf(e *failure.Error) *domain.RunError {
	if ownCodes[e.Code] && e.Detail != "" {
		return &domain.RunError{Code: e.Code, Detail: e.Detail}
	}

	sentence, known := sentences[e.Code]
	if !known {
		sentence = otherwise
	}

	return &domain.RunError{Code: e.Code, Detail: sentence, ProviderMessage: e.Detail}
}
