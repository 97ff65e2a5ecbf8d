package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/aws/secrets"
	fake "example.com/integrations/local/providers/github"
	"example.com/integrations/local/recording"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/domain"
)

const server = "github.company.example"

// serve is a GitHub server of a company, and how it is reached.
func serve(t *testing.T, token string) Upstream {
	t.Helper()
	s, err := fake.Open(fake.Config{Dir: t.TempDir(), Tokens: map[string]string{token: "sync-bot"},
		Repositories: []fake.Repository{{Owner: "real-company", Name: "secret-plans"}}})
	if err != nil {
		t.Fatal(err)
	}

	ca, err := secrets.OpenCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}

	certificate, err := ca.Certificate(server)
	if err != nil {
		t.Fatal(err)
	}

	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}

	web := &http.Server{Handler: http.StripPrefix("/api/v3", s.API()), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = web.Serve(listener) }()
	t.Cleanup(func() { _ = errors.Join(web.Close(), s.Close()) })

	return Upstream{CA: ca.CertFile(), Dial: func(host string) string {
		if host != server {
			t.Errorf("%s is asked", host)
		}

		return listener.Addr().String()
	}}
}

// waiting is a clock in which waiting takes no time.
type waiting struct{ off time.Duration }

func (w *waiting) Now() time.Time { return time.Now().Add(w.off) }

func (w *waiting) Sleep(ctx context.Context, d time.Duration) error {
	w.off += d

	return ctx.Err()
}

// A trial through the proxy keeps all promises, an answer that the proxy loses
// included. The proxy is gone afterwards.
func TestThroughTheProxy(t *testing.T) {
	token := "gh" + "p_" + strings.Repeat("s", 36)
	config := `{"owner":"real-company","repo":"secret-plans","base_url":"https://` + server + `/api/v3","token":"` + token + `"}`
	line, err := Open(domain.GitHub, config, serve(t, token))
	if err != nil {
		t.Fatal(err)
	}

	trial := &Trial{Connector: line.Connector, Wire: line.Wire, Recorder: line.Recorder, Clock: &waiting{}}
	rows, err := trial.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	for _, r := range rows {
		cannot := r.Promise == editPromise || r.Promise == "the place is known again under a new name" || r.Promise == deletedPromise
		if r.Outcome == Broken || r.Outcome == NotTried && !cannot {
			t.Errorf("%s: %s %s", r.Promise, r.Outcome, r.Detail)
		}
	}

	replays(t, line, token)

	dir := line.proxy.dir
	at := line.proxy.at
	if err := line.Close(); err != nil {
		t.Fatal(err)
	}

	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the proxy's key is still there: %v", err)
	}

	if conn, err := net.Dial("tcp", at); err == nil {
		_ = conn.Close()
		t.Error("the proxy still listens")
	}
}

// replays saves what was recorded and sends it to a new fake server, which answers
// alike. No secret is in it.
func replays(t *testing.T, line *Line, token string) {
	t.Helper()
	var file bytes.Buffer
	if err := line.Save(&file); err != nil {
		t.Fatal(err)
	}

	for _, hidden := range []string{token, server, "real-company", "secret-plans", base64.StdEncoding.EncodeToString([]byte(token))} {
		if strings.Contains(file.String(), hidden) {
			t.Errorf("%s is in the recording", hidden)
		}
	}

	all, err := recording.Read(&file)
	if err != nil || len(all) < 15 {
		t.Fatalf("%d exchanges, %v", len(all), err)
	}

	again, err := fake.Open(fake.Config{Dir: t.TempDir(), Tokens: map[string]string{token: "sync-bot"},
		Repositories: []fake.Repository{{Owner: "acme", Name: "work"}}})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = again.Close() })
	replay := recording.Replay{
		Authorize: func(_ string, r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("User-Agent", "a replay")
		},
		Values: []string{"state", "title", "*.state", "*.title"},
	}

	differences, err := replay.Against(t.Context(), http.StripPrefix("/api/v3", again.API()), all)
	if err != nil {
		t.Fatal(err)
	}

	for _, d := range differences {
		t.Error(d)
	}
}

func TestOpenRefuses(t *testing.T) {
	var invalid *configuration.Invalid
	if _, err := Open(domain.GitHub, `{"owner":"acme"}`, Upstream{}); !errors.As(err, &invalid) {
		t.Errorf("%v", err)
	}

	config := `{"owner":"acme","repo":"work","token":"` + "gh" + "p_" + strings.Repeat("s", 36) + `"}`
	if _, err := Open(domain.GitHub, config, Upstream{CA: "/no/such/file"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestPlacesInAConfiguration(t *testing.T) {
	for configuration, want := range map[string]string{
		`{"owner":"real","repo":"plans"}`:          "map[plans:work real:acme]",
		`{"project":"real/below/plans"}`:           "map[below:acme plans:work real:acme]",
		`{"project":"4711"}`:                       "map[]",
		`{"project":"Real Plans"}`:                 "map[Real Plans:work]",
		`{"project_key":"PLANS","flavor":"cloud"}`: "map[PLANS:WORK]",
		`{"channel":"C1"}`:                         "map[C1:C0WORK]",
		`x`:                                        "map[]",
	} {
		if got := fmt.Sprint(placesIn(configuration)); got != want {
			t.Errorf("%s: %s, want %s", configuration, got, want)
		}
	}
}

// A provider that is not reached is no answer, and the line says why. The proxy
// answers nothing in its place.
func TestAProviderThatIsNotReached(t *testing.T) {
	token := "gh" + "p_" + strings.Repeat("s", 36)
	config := `{"owner":"real-company","repo":"secret-plans","base_url":"https://` + server + `/api/v3","token":"` + token + `"}`
	line, err := Open(domain.GitHub, config, Upstream{Dial: func(string) string { return "127.0.0.1:1" }})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = line.Close() })
	if line.Failed() != nil {
		t.Errorf("before any call: %v", line.Failed())
	}

	trial := &Trial{Connector: line.Connector, Wire: line.Wire, Clock: &waiting{}}
	rows, err := trial.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	if rows[0].Outcome != Broken || !strings.Contains(rows[0].Detail, "no_answer") {
		t.Errorf("%+v", rows[0])
	}

	if err := line.Failed(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}
