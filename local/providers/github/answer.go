package github

import (
	"net/http"
	"strconv"
)

const documentation = "https://docs.github.com/rest"

// An answer to be sent. Its value is written as JSON.
type answer struct {
	status int
	header http.Header
	value  any
	// undescribed says that the description does not have this answer, though
	// the real server gives it.
	undescribed bool
}

// A refusal is GitHub's error body.
type refusal struct {
	Message       string  `json:"message"`
	Errors        []fault `json:"errors,omitempty"`
	Documentation string  `json:"documentation_url"`
	Status        string  `json:"status"`
}

// A fault is one entry of a validation error.
type fault struct {
	Resource string `json:"resource"`
	Code     string `json:"code"`
	Field    string `json:"field"`
	Message  string `json:"message,omitempty"`
	Value    any    `json:"value,omitempty"`
}

func refuse(status int, message string, faults ...fault) *answer {
	return &answer{status: status, value: refusal{
		Message: message, Errors: faults, Documentation: documentation, Status: strconv.Itoa(status),
	}}
}

func notFound() *answer { return refuse(http.StatusNotFound, "Not Found") }

// invalid is the answer to a body of the wrong shape.
func invalid(reason string) *answer {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n"+reason)
}

// unprocessable is the answer to a body with invalid values.
func unprocessable(faults ...fault) *answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed", faults...)
}
