package api

import (
	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/domain"
)

// The sizes of a page, for the tests that hold them against the document.
const (
	DefaultLimit = defaultLimit
	MaxLimit     = maxLimit
)

// Statuses is the one table from error code to HTTP status, with what is no
// *domain.Error.
func Statuses() map[domain.Code]int {
	all := map[domain.Code]int{"internal_error": 500}
	for code, row := range statuses {
		all[code] = row.status
	}
	return all
}

// Title is what a code's problem documents are called.
func Title(code domain.Code) string { return statuses[code].title }

// Problem is the answer to an error.
func Problem(requestID string, err error) events.APIGatewayV2HTTPResponse {
	return problem(requestID, err)
}
