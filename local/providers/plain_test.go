package providers

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// At its plain address the API takes any caller with a token for the person, and
// knows those it knows.
func TestPlain(t *testing.T) {
	known, api := map[string]string{"bot-token": "bot", "her-token": "maria"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("As", r.Header.Get("Authorization"))
	})
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("As", "a page") })
	for _, tt := range []struct{ path, given, person, as string }{
		{"/api/issues", "Bearer bot-token", "her-token", "Bearer bot-token"},
		{"/api/issues", "Bearer anything", "her-token", "Bearer her-token"},
		{"/api/issues", "anything", "her-token", "her-token"},
		{"/api/issues", "her-token", "her-token", "her-token"},
		{"/api/issues", "", "her-token", ""},
		{"/api/issues", "token ", "her-token", "token "},
		{"/api/issues", "Bearer anything", "", "Bearer anything"},
		{"/apiary", "Bearer anything", "her-token", "a page"},
		{"/", "", "her-token", "a page"},
	} {
		r := httptest.NewRequest(http.MethodPost, tt.path, nil)
		r.Header.Set("Authorization", tt.given)
		w := httptest.NewRecorder()
		Plain(page, "/api/", api, AnyBearer(known, tt.person)).ServeHTTP(w, r)
		if got := w.Header().Get("As"); got != tt.as {
			t.Errorf("%s with %q is %q, want %q", tt.path, tt.given, got, tt.as)
		}

		if r.Header.Get("Authorization") != tt.given {
			t.Error("the caller's own request was changed")
		}
	}

	r := httptest.NewRequest(http.MethodPost, "/api/issues", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	Plain(page, "/api/", api, AnyBearer(known, "her-token")).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("a page of another site is let in: %d", w.Code)
	}
}
