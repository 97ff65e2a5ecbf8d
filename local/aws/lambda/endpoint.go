package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
)

// Handler answers Lambda's Invoke call, POST /2015-03-31/functions/{name}/invocations.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", s.serveInvoke)
	return mux
}

func (s *Service) serveInvoke(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, MaxPayload+1))
	if err != nil {
		fault(w, http.StatusBadRequest, "InvalidRequestContentException", err.Error())
		return
	}

	if len(payload) == 0 {
		payload = []byte("{}")
	}

	if !json.Valid(payload) && len(payload) <= MaxPayload {
		fault(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}

	name := s.named(r.PathValue("name"))
	if r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		go func() { _, _ = s.Invoke(context.WithoutCancel(r.Context()), name, payload) }()
		w.WriteHeader(http.StatusAccepted)
		return
	}

	answer, err := s.Invoke(r.Context(), name, payload)
	s.reply(w, answer, err)
}

// named accepts the short name of a function too.
func (s *Service) named(name string) string {
	for full, p := range s.pools {
		if p.function.LogName == name || p.function.ARN == name {
			return full
		}
	}
	return name
}

func (s *Service) reply(w http.ResponseWriter, answer []byte, err error) {
	var failed *Error
	switch {
	case err == nil:
	case errors.Is(err, os.ErrNotExist):
		fault(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+err.Error())
		return
	case errors.Is(err, ErrThrottled):
		fault(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		return
	case errors.As(err, &failed) && failed.Payload == nil:
		fault(w, http.StatusRequestEntityTooLarge, failed.Type, failed.Message)
		return
	case failed != nil:
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		answer = failed.Payload
	default:
		fault(w, http.StatusInternalServerError, "ServiceException", err.Error())
		return
	}

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	_, _ = w.Write(answer)
}

func fault(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "message": message})
}
