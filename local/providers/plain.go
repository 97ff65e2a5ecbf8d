package providers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// Pages serves what tests read from every fake server: the objects and writes, and
// the violations. A fake server adds its pages for people.
func Pages(received http.HandlerFunc, violations func() []string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_/received", received)
	mux.HandleFunc("GET /_/violations", func(w http.ResponseWriter, _ *http.Request) {
		SendJSON(w, map[string][]string{"violations": append([]string{}, violations()...)})
	})
	return mux
}

// SendJSON answers with a value.
func SendJSON(w http.ResponseWriter, value any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // what fake servers hold always marshals
	}

	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// Plain serves pages and, below prefix, the provider's own API at the same address
// without TLS. There person turns an unknown token into that of the person, so that
// people can edit by hand without a token. Requests of pages of other sites are
// refused.
func Plain(pages http.Handler, prefix string, api http.Handler, person func(*http.Request)) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix) {
			pages.ServeHTTP(w, r)
			return
		}

		r = r.Clone(r.Context())
		person(r)
		api.ServeHTTP(w, r)
	}))
}

// AnyBearer replaces an unknown token by the person's, with or without a scheme. It
// does nothing where the person has no token.
func AnyBearer[A any](known map[string]A, person string) func(*http.Request) {
	return func(r *http.Request) {
		scheme, token, two := strings.Cut(r.Header.Get("Authorization"), " ")
		if !two {
			scheme, token = "", scheme
		}

		if _, ok := known[token]; !ok && token != "" && person != "" {
			r.Header.Set("Authorization", strings.TrimSpace(scheme+" "+person))
		}
	}
}

// ByHost sends a request to the API of its host.
func ByHost(apis map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api, ok := apis[strings.ToLower(r.Host)]
		if !ok {
			http.Error(w, "no provider of this name", http.StatusMisdirectedRequest)
			return
		}

		api.ServeHTTP(w, r)
	})
}
