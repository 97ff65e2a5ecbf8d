package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// startIssuer serves the issuer kept in dir and returns it with its address.
func startIssuer(t *testing.T, dir, path string) *Issuer {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	issuer, err := OpenIssuer(dir, server.URL+path)
	if err != nil {
		t.Fatal(err)
	}

	handler = issuer

	return issuer
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}

	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", url, response.Status)
	}

	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// publishedKeys follows discovery to the key set, as a verifier does.
func publishedKeys(t *testing.T, issuer *Issuer) jose.JSONWebKeySet {
	t.Helper()
	var discovery struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	get(t, strings.TrimSuffix(issuer.URL(), "/")+"/.well-known/openid-configuration", &discovery)
	if discovery.Issuer != issuer.URL() {
		t.Fatalf("issuer %q, want %q", discovery.Issuer, issuer.URL())
	}

	var keys jose.JSONWebKeySet
	get(t, discovery.JWKS, &keys)

	return keys
}

func verify(t *testing.T, keys jose.JSONWebKeySet, token string) jwt.Claims {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}

	var claims jwt.Claims
	if err := parsed.Claims(keys, &claims); err != nil {
		t.Fatal(err)
	}

	return claims
}

func TestToken(t *testing.T) {
	for _, path := range []string{"", "/", "/tenant"} {
		issuer := startIssuer(t, t.TempDir(), path)
		token, err := issuer.Token("42", "api", time.Minute)
		if err != nil {
			t.Fatal(err)
		}

		claims := verify(t, publishedKeys(t, issuer), token)
		expected := jwt.Expected{Issuer: issuer.URL(), Subject: "42", AnyAudience: jwt.Audience{"api"}}
		if err := claims.ValidateWithLeeway(expected, 0); err != nil {
			t.Errorf("path %q: %v", path, err)
		}
	}
}

func TestExpiredToken(t *testing.T) {
	issuer := startIssuer(t, t.TempDir(), "")
	token, err := issuer.Token("42", "api", -time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	claims := verify(t, publishedKeys(t, issuer), token)
	if err := claims.ValidateWithLeeway(jwt.Expected{}, 0); err != jwt.ErrExpired {
		t.Errorf("got %v, want %v", err, jwt.ErrExpired)
	}

	if !claims.IssuedAt.Time().Before(claims.Expiry.Time()) {
		t.Error("issued after it expired")
	}
}

func TestNoSubject(t *testing.T) {
	issuer := startIssuer(t, t.TempDir(), "")
	token, err := issuer.Token("", "api", time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	if claims := verify(t, publishedKeys(t, issuer), token); claims.Subject != "" {
		t.Errorf("subject %q", claims.Subject)
	}
}

func TestKeySurvivesARestartAndStaysPrivate(t *testing.T) {
	dir := t.TempDir()
	token, err := startIssuer(t, dir, "").Token("42", "api", time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	keys := publishedKeys(t, startIssuer(t, dir, ""))
	verify(t, keys, token)
	for _, key := range keys.Keys {
		if !key.IsPublic() {
			t.Error("a private key is published")
		}
	}

	info, err := os.Stat(filepath.Join(dir, "issuer.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file %v, %v, want mode 0600", info, err)
	}
}

func TestBrokenKeyIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "issuer.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := OpenIssuer(dir, "http://127.0.0.1"); err == nil {
		t.Error("opened with a broken key")
	}
}
