package live

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"integrations/local/devca"
	standin "integrations/local/standin/github"
	"integrations/shared/configuration"
	"integrations/shared/domain"
)

const server = "github.company.example"

// serve is a GitHub server of a company, and how it is reached.
func serve(t *testing.T, token string) Upstream {
	t.Helper()
	s, err := standin.Open(standin.Config{Dir: t.TempDir(), Tokens: map[string]string{token: "sync-bot"},
		Repositories: []standin.Repository{{Owner: "acme", Name: "work"}}})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := devca.Open(t.TempDir())
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
	config := `{"owner":"acme","repo":"work","base_url":"https://` + server + `/api/v3","token":"` + token + `"}`
	line, err := Open(domain.GitHub, config, serve(t, token))
	if err != nil {
		t.Fatal(err)
	}

	trial := &Trial{Connector: line.Connector, Wire: line.Wire, Clock: &waiting{}}
	rows, err := trial.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		byPerson := r.Promise == "a person's edit is seen" || r.Promise == "the place is known again under a new name"
		if r.Outcome == Broken || r.Outcome == NotTried && !byPerson {
			t.Errorf("%s: %s %s", r.Promise, r.Outcome, r.Detail)
		}
	}

	dir := line.dir
	at := line.at
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
