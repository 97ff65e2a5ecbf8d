package domain

import "strings"

// A Code is the machine-readable name of an error a caller can act on. The API
// edge maps each to one HTTP status.
type Code string

// The error codes callers can meet.
const (
	CodeInvalidID            Code = "invalid_id"
	CodeIntegrationNotFound  Code = "integration_not_found"
	CodeSyncNotFound         Code = "sync_not_found"
	CodeOrganisationNotFound Code = "organisation_not_found"
	CodeForbidden            Code = "forbidden"
	CodeCallerUnknown        Code = "caller_unknown"
	CodeBodyTooLarge         Code = "body_too_large"
	CodeUnsupportedMedia     Code = "unsupported_media_type"
	CodeInvalidBody          Code = "invalid_body"
	CodeInvalidQuery         Code = "invalid_query"
	CodeInvalidHeader        Code = "invalid_header"
	CodeNotADryRun           Code = "not_a_dry_run"
	CodeInvalidConfiguration Code = "invalid_configuration"
	CodeSecretRequired       Code = "secret_required"
	CodePreconditionFailed   Code = "precondition_failed"
	CodeIntegrationDisabled  Code = "integration_disabled"
	CodeTooManyRequests      Code = "too_many_requests"
	CodeConflict             Code = "conflict"
	CodeLimitReached         Code = "limit_reached"
	CodeKeyReused            Code = "idempotency_key_reused"
	CodeTargetInUse          Code = "target_in_use"
	CodeUnavailable          Code = "unavailable"
	CodeUnhealthy            Code = "integration_unhealthy"
	CodeWaiting              Code = "integration_waiting"
)

// A FieldError says what is wrong with one member of a request.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// An Error is a failure the caller can act on. Its text may be shown to him.
type Error struct {
	Code       Code
	Detail     string
	Fields     []FieldError
	RetryAfter int // seconds, for CodeTooManyRequests, CodeUnavailable and CodeWaiting; 0 where it is not known
}

// Error gives the code, the detail and the fields.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}

	for _, f := range e.Fields {
		b.WriteString("; " + f.Field + ": " + f.Detail)
	}

	return b.String()
}
