package lambda

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// runtimeAPI is what a function's runtime talks to: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func (i *instance) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", i.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", i.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", i.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", i.serveInitError)
	return mux
}

func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case i.asked <- struct{}{}:
	default:
	}

	select {
	case inv := <-i.next:
		header := w.Header()
		header.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		header.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		header.Set("Lambda-Runtime-Invoked-Function-Arn", i.pool.function.ARN)
		header.Set("Lambda-Runtime-Trace-Id", inv.trace)
		header.Set("Content-Type", "application/json")
		_, _ = w.Write(inv.payload)

	case <-r.Context().Done():
	case <-i.gone:
	}
}

func (i *instance) serveResponse(w http.ResponseWriter, r *http.Request) {
	inv := i.under(w, r)
	if inv == nil {
		return
	}

	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponse+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidResponse", err.Error())
		return
	}

	if len(body) > MaxResponse {
		failed := failure("Function.ResponseSizeTooLarge",
			fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", MaxResponse))
		inv.answer(outcome{err: failed})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", failed.Message)
		return
	}

	// A function stopped in the middle of its answer has not answered.
	if r.ContentLength >= 0 && int64(len(body)) != r.ContentLength {
		refuse(w, http.StatusBadRequest, "InvalidResponse", "truncated")
		return
	}

	inv.answer(outcome{answer: body})
	accepted(w)
}

func (i *instance) serveError(w http.ResponseWriter, r *http.Request) {
	if inv := i.under(w, r); inv != nil {
		inv.answer(outcome{err: readError(r.Body)})
		accepted(w)
	}
}

func (i *instance) serveInitError(w http.ResponseWriter, r *http.Request) {
	select {
	case i.initErr <- readError(r.Body):
	default:
	}
	accepted(w)
}

// under is the invocation that a request is about.
func (i *instance) under(w http.ResponseWriter, r *http.Request) *invocation {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current == nil || i.current.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}

	return i.current
}

// answer takes the first answer; later ones are dropped.
func (inv *invocation) answer(out outcome) {
	select {
	case inv.answered <- out:
	default:
	}
}

// readError reads what a function reports of its failure.
func readError(body io.Reader) *Error {
	payload, err := io.ReadAll(io.LimitReader(body, MaxResponse))
	var said struct{ ErrorType, ErrorMessage string }
	if err != nil || json.Unmarshal(payload, &said) != nil {
		return failure("Runtime.Unknown", "the function reported an error that cannot be read")
	}
	return &Error{Type: said.ErrorType, Message: said.ErrorMessage, Payload: payload}
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": message})
}
