package providers

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The words of a refusal stand on the status line and nowhere else. HTTP/2 does
// not have them.
func TestSendReason(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Mantis-Version", "2.28.4")
		SendReason(w, http.StatusNotFound, "Project '3'\r\nX: y doesn't exist")
	})

	for _, second := range []bool{false, true} {
		server := httptest.NewUnstartedServer(handler)
		server.EnableHTTP2 = second
		server.StartTLS()
		defer server.Close()

		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}

		answer, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}

		answer.Body.Close()

		want := "404 Project '3'  X: y doesn't exist"
		if second {
			want = "404 Not Found"
		}

		if answer.Status != want || answer.ContentLength != 0 || answer.Header.Get("X-Mantis-Version") == "" || answer.Header.Get("X") != "" {
			t.Errorf("HTTP/%d: %q %v", answer.ProtoMajor, answer.Status, answer.Header)
		}

		if !second && answer.Header.Get("Date") == "" {
			t.Error("no Date")
		}
	}
}

// A writer that keeps the answer has no connection to take over.
func TestSendReasonIsKept(t *testing.T) {
	kept := httptest.NewRecorder()
	SendReason(kept, http.StatusUnauthorized, "Valid API token required")

	var text strings.Builder
	if err := kept.Result().Write(&text); err != nil {
		t.Fatal(err)
	}

	read, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text.String())), nil)
	if err != nil {
		t.Fatal(err)
	}

	defer read.Body.Close()
	if read.StatusCode != http.StatusUnauthorized || read.ContentLength != 0 {
		t.Errorf("%v", read)
	}
}
