package secrets

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func open(t *testing.T, dir string) *CA {
	t.Helper()
	ca, err := OpenCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// serve answers "ok" over TLS with a certificate for hosts.
func serve(t *testing.T, ca *CA, hosts ...string) *httptest.Server {
	t.Helper()
	certificate, err := ca.Certificate(hosts...)
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "ok")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)

	return server
}

func handshake(t *testing.T, ca *CA, server *httptest.Server, host string) error {
	t.Helper()
	content, err := os.ReadFile(ca.CertFile())
	if err != nil {
		t.Fatal(err)
	}

	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		t.Fatal("CertFile holds no certificate")
	}

	connection, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: roots, ServerName: host})
	if err != nil {
		return err
	}

	return connection.Close()
}

func TestCertificate(t *testing.T) {
	ca := open(t, t.TempDir())
	server := serve(t, ca, "api.github.com", "127.0.0.1")
	for host, ok := range map[string]bool{"api.github.com": true, "127.0.0.1": true, "github.com": false} {
		if err := handshake(t, ca, server, host); (err == nil) != ok {
			t.Errorf("%s: %v, want accepted %v", host, err, ok)
		}
	}

	stranger := open(t, t.TempDir())
	if err := handshake(t, stranger, server, "api.github.com"); err == nil {
		t.Error("another authority's root accepts the certificate")
	}

	if _, err := ca.Certificate(); err == nil {
		t.Error("a certificate for no host was issued")
	}
}

func TestSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	server := serve(t, first, "api.github.com")
	if err := handshake(t, open(t, dir), server, "api.github.com"); err != nil {
		t.Errorf("after a restart: %v", err)
	}

	info, err := os.Stat(filepath.Join(dir, "ca.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v, want mode 0600", info, err)
	}
}

func TestRepairsACertificate(t *testing.T) {
	dir := t.TempDir()
	other := t.TempDir()
	open(t, dir)
	foreign, err := os.ReadFile(open(t, other).CertFile())
	if err != nil {
		t.Fatal(err)
	}

	for name, content := range map[string][]byte{"of another key": foreign, "garbled": []byte("x"), "empty": nil} {
		if err := os.WriteFile(filepath.Join(dir, "ca.crt"), content, 0o600); err != nil {
			t.Fatal(err)
		}

		ca := open(t, dir)
		if err := handshake(t, ca, serve(t, ca, "api.github.com"), "api.github.com"); err != nil {
			t.Errorf("certificate %s: %v", name, err)
		}
	}
}

func TestBrokenKeyIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := OpenCA(dir); err == nil {
		t.Error("opened with a broken key")
	}
}
