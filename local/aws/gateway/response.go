package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// response is a function's answer in payload format 2.0.
type response struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// parseResponse understands an answer. JSON without a statusCode is the body
// of a 200, as on AWS; what is not JSON is an error.
func parseResponse(answer []byte) (*response, error) {
	if !json.Valid(answer) {
		return nil, errors.New("the function did not answer JSON")
	}

	var members map[string]json.RawMessage
	if json.Unmarshal(answer, &members) != nil || members["statusCode"] == nil {
		return &response{
			status: http.StatusOK, headers: map[string]string{"content-type": "application/json"}, body: bytes.TrimSpace(answer),
		}, nil
	}

	return parseStructured(answer)
}

func parseStructured(answer []byte) (*response, error) {
	var parsed struct {
		StatusCode      int             `json:"statusCode"`
		Headers         map[string]any  `json:"headers"`
		Cookies         []string        `json:"cookies"`
		Body            *string         `json:"body"`
		IsBase64Encoded bool            `json:"isBase64Encoded"`
		Multi           json.RawMessage `json:"multiValueHeaders"` // format 1.0's, ignored
	}
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return nil, fmt.Errorf("malformed answer: %w", err)
	}

	if parsed.StatusCode < 200 || parsed.StatusCode > 599 {
		return nil, fmt.Errorf("malformed answer: status %d", parsed.StatusCode)
	}

	out := &response{status: parsed.StatusCode, cookies: parsed.Cookies, headers: map[string]string{"content-type": "text/plain;charset=UTF-8"}}
	for name, value := range parsed.Headers {
		text, err := headerText(value)
		if err != nil {
			return nil, fmt.Errorf("malformed answer: header %s: %w", name, err)
		}
		out.headers[strings.ToLower(name)] = text
	}

	if parsed.Body == nil {
		return out, nil
	}

	out.body = []byte(*parsed.Body)
	if parsed.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(*parsed.Body)
		if err != nil {
			return nil, fmt.Errorf("malformed answer: body: %w", err)
		}
		out.body = decoded
	}

	return out, nil
}

func headerText(value any) (string, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(value), nil
	}

	return "", fmt.Errorf("a %T is no text", value)
}

// write sends the answer and returns its status. The gateway frames the body
// itself, so what the function says of the connection is dropped.
func (r *response) write(w http.ResponseWriter) int {
	for name, value := range r.headers {
		if name != "content-length" && !slices.Contains(hopByHop, name) {
			w.Header().Set(name, value)
		}
	}

	for _, cookie := range r.cookies {
		w.Header().Add("Set-Cookie", cookie)
	}

	if len(r.body) == 0 && (r.status == http.StatusNoContent || r.status == http.StatusNotModified) {
		w.Header().Del("Content-Type")
	}

	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)

	return r.status
}
