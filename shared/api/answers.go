package api

import (
	"net/http"

	"example.com/integrations/shared/domain"
)

// TargetInUse is the refusal of a configuration that leads to a place with which
// another integration of the organisation and item type syncs.
func TargetInUse(holder domain.Snowflake) error {
	return &domain.Error{Code: domain.CodeTargetInUse,
		Detail: "Integration " + holder.String() + " of this organisation syncs items of the same type with this place already; nothing was changed."}
}

// Accepted is the answer with a run that is under way, and where to follow it.
func Accepted(run domain.Run) Answer {
	return Answer{Status: http.StatusAccepted, Body: run, Header: map[string]string{
		"location": "/integrations/" + run.IntegrationID.String() + "/syncs/" + run.ID.String(),
	}}
}

// BadBody is the answer to a body with members that are not valid.
func BadBody(fields ...domain.FieldError) error {
	return &domain.Error{Code: domain.CodeInvalidBody, Detail: "The body has members that are not valid.", Fields: fields}
}

// Disabled is the answer where a disabled integration is to be synced.
func Disabled() error {
	return &domain.Error{Code: domain.CodeIntegrationDisabled, Detail: "A disabled integration cannot be synced. Enable it first."}
}

// SyncNotFound is the answer for a sync the integration does not have.
func SyncNotFound() error {
	return &domain.Error{Code: domain.CodeSyncNotFound, Detail: "The integration has no sync with this id, or it ended over 90 days ago."}
}
