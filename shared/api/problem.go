package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/domain"
)

// statuses is the one table from error code to HTTP status and title.
var statuses = map[domain.Code]struct {
	status int
	title  string
}{
	domain.CodeInvalidID:            {http.StatusBadRequest, "The id is not valid"},
	domain.CodeIntegrationNotFound:  {http.StatusNotFound, "Integration not found"},
	domain.CodeSyncNotFound:         {http.StatusNotFound, "Sync not found"},
	domain.CodeOrganisationNotFound: {http.StatusBadRequest, "The organisation does not exist"},
	domain.CodeForbidden:            {http.StatusForbidden, "Not allowed"},
	domain.CodeCallerUnknown:        {http.StatusForbidden, "Caller unknown"},
	domain.CodeBodyTooLarge:         {http.StatusRequestEntityTooLarge, "The body is too large"},
	domain.CodeUnsupportedMedia:     {http.StatusUnsupportedMediaType, "The content type is not supported"},
	domain.CodeInvalidBody:          {http.StatusBadRequest, "The body is not valid"},
	domain.CodeInvalidQuery:         {http.StatusBadRequest, "The query is not valid"},
	domain.CodeInvalidHeader:        {http.StatusBadRequest, "A header is not valid"},
	domain.CodeNotADryRun:           {http.StatusBadRequest, "The sync is no dry run"},
	domain.CodeInvalidConfiguration: {http.StatusBadRequest, "The configuration is not valid"},
	domain.CodeSecretRequired:       {http.StatusBadRequest, "A secret must be given again"},
	domain.CodePreconditionFailed:   {http.StatusPreconditionFailed, "The integration has changed"},
	domain.CodeIntegrationDisabled:  {http.StatusBadRequest, "The integration is disabled"},
	domain.CodeTooManyRequests:      {http.StatusTooManyRequests, "Too soon"},
	domain.CodeConflict:             {http.StatusConflict, "The integration is being changed"},
	domain.CodeLimitReached:         {http.StatusBadRequest, "The organisation has as many integrations as it may"},
	domain.CodeTargetInUse:          {http.StatusConflict, "Another integration syncs with this place"},
	domain.CodeKeyReused:            {http.StatusUnprocessableEntity, "The idempotency key belongs to another request"},
	domain.CodeUnavailable:          {http.StatusServiceUnavailable, "The service is not available now"},
	domain.CodeUnhealthy:            {http.StatusConflict, "The provider refuses the integration"},
	domain.CodeWaiting:              {http.StatusConflict, "The integration waits"},
}

// internalError is the code of every error that is not in statuses.
const internalError domain.Code = "internal_error"

// types is the part of a problem's type that comes before its code. The whole is
// the address of the code's heading in docs/errors.md. It identifies the problem
// and stays as it is, even if the page moves (RFC 9457, section 3.1.1).
const types = "https://example.com/integrations/docs/errors.md#"

// A document is a problem document (RFC 9457, section 3).
type document struct {
	Type      string              `json:"type"`
	Title     string              `json:"title"`
	Status    int                 `json:"status"`
	Detail    string              `json:"detail"`
	Code      string              `json:"code"`
	RequestID string              `json:"request_id"`
	Errors    []domain.FieldError `json:"errors,omitempty"`
}

// problem answers an error. What is no *domain.Error with a code of the table
// is a 500 with a fixed text: its own goes to the log only.
func problem(requestID string, err error) events.APIGatewayV2HTTPResponse {
	doc := document{
		Title: "Internal error", Status: http.StatusInternalServerError,
		Detail: "Something went wrong on our side. The request id helps us to find out what.", Code: string(internalError), RequestID: requestID,
	}
	header := map[string]string{"content-type": "application/problem+json", "cache-control": "no-store"}
	var known *domain.Error
	if errors.As(err, &known) {
		if row, ok := statuses[known.Code]; ok {
			doc.Title, doc.Status, doc.Code = row.title, row.status, string(known.Code)
			doc.Detail = known.Detail
			doc.Errors = known.Fields
			if known.RetryAfter > 0 {
				header["retry-after"] = strconv.Itoa(known.RetryAfter)
			}
		}
	}

	doc.Type = types + doc.Code
	body, merr := json.Marshal(doc)
	if merr != nil {
		body = []byte(`{"type":"` + types + string(internalError) + `","title":"Internal error","status":500,"code":"internal_error"}`)
		doc.Status = http.StatusInternalServerError
	}

	return events.APIGatewayV2HTTPResponse{StatusCode: doc.Status, Headers: header, Body: string(body)}
}
