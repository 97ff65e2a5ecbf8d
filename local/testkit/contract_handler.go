package testkit

import (
	"fmt"
	"io"
	"net/http"
)

// ContractHandler is an API of the document's: it answers whatever answer gives, and
// calls wrong for every request that the document does not have.
func ContractHandler(answer func(*Operation, *http.Request) Answer, wrong func(error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o, path := MustContract().Match(r.Method, r.URL.EscapedPath())
		if o == nil {
			wrong(fmt.Errorf("no operation is %s %s", r.Method, r.URL))
			w.WriteHeader(http.StatusNotFound)
			return
		}

		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = o.Request(Request{Path: path, Query: r.URL.Query(), Header: r.Header, Body: body})
		}

		if err != nil {
			wrong(err)
		}

		a := answer(o, r)
		for name, values := range a.Header {
			w.Header()[name] = values
		}

		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	})
}
