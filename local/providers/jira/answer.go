package jira

import (
	"net/http"
	"time"
)

// An answer to be sent. Its value is written as JSON, nil as nothing.
type answer struct {
	status int
	header http.Header
	value  any
	// used is the number a refused create has used up.
	used int
}

// A refusal is Jira's error body.
type refusal struct {
	Messages []string          `json:"errorMessages"`
	Errors   map[string]string `json:"errors"`
}

func refuse(status int, messages ...string) *answer {
	return &answer{status: status, value: refusal{Messages: append([]string{}, messages...), Errors: map[string]string{}}}
}

// invalid is the answer to invalid fields.
func invalid(errors map[string]string) *answer {
	return &answer{status: http.StatusBadRequest, value: refusal{Messages: []string{}, Errors: errors}}
}

func badField(name, message string) *answer { return invalid(map[string]string{name: message}) }

func notFound() *answer {
	return refuse(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
}

// stamp is a time as Jira writes it.
func stamp(at time.Time, zone *time.Location) string {
	return at.In(zone).Format("2006-01-02T15:04:05.000-0700")
}
