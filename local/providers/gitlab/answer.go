package gitlab

import "net/http"

// An answer to be sent. Its value is written as JSON, a text as it is.
type answer struct {
	status int
	header http.Header
	value  any
}

// text is an answer from before the application, in plain text.
type text string

// refuse is what the application says where it has a single sentence.
func refuse(status int, message string) *answer {
	return &answer{status: status, value: map[string]any{"message": message}}
}

// mistaken is what the API's own parameter checks say.
func mistaken(status int, what string) *answer {
	return &answer{status: status, value: map[string]any{"error": what}}
}

// invalid is a validation error of a field.
func invalid(field, what string) *answer {
	return &answer{status: http.StatusBadRequest, value: map[string]any{"message": map[string][]string{field: {what}}}}
}

func notFound(what string) *answer { return refuse(http.StatusNotFound, "404 "+what+"Not Found") }

// revoked is what is said of a token that was good once.
func revoked() *answer {
	return &answer{status: http.StatusUnauthorized, value: map[string]any{"error": "invalid_token", "error_description": "Token was revoked. You have to re-authorize from the user."}}
}

func forbidden() *answer { return refuse(http.StatusForbidden, "403 Forbidden") }
