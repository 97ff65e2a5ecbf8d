package gateway

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"example.com/integrations/local/aws/secrets"
)

const jwksPath = "/.well-known/jwks.json"

// An Issuer signs tokens and serves what is needed to verify them.
type Issuer struct {
	url    string
	keys   jose.JSONWebKeySet
	signer jose.Signer
	mux    *http.ServeMux
}

// OpenIssuer returns the issuer that is reached at url, with the key kept in dir.
// Its tokens name url, byte for byte, as their issuer.
func OpenIssuer(dir, url string) (*Issuer, error) {
	key, err := loadKey(filepath.Join(dir, "issuer.key"))
	if err != nil {
		return nil, fmt.Errorf("issuer in %s: %w", dir, err)
	}

	issuer := &Issuer{url: url}
	if err := issuer.use(key); err != nil {
		return nil, fmt.Errorf("issuer in %s: %w", dir, err)
	}

	return issuer, issuer.route()
}

// URL is the issuer's name, as in the iss claim.
func (i *Issuer) URL() string { return i.url }

// ServeHTTP answers the discovery document and the key set.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// Token signs a token for subject that is valid from now for lifetime. A
// negative lifetime gives one that has expired that long ago. An empty subject
// gives a token without one.
func (i *Issuer) Token(subject, audience string, lifetime time.Duration) (string, error) {
	expiry := time.Now().Add(lifetime)
	issued := time.Now()
	if !issued.Before(expiry) {
		issued = expiry.Add(-time.Hour)
	}

	claims := map[string]any{"iss": i.url, "aud": audience, "iat": issued.Unix(), "exp": expiry.Unix()}
	if subject != "" {
		claims["sub"] = subject
	}

	return i.Sign(claims)
}

// Sign signs exactly these claims.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}

	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}

	return signed.CompactSerialize()
}

func loadKey(path string) (*rsa.PrivateKey, error) {
	content, err := secrets.LoadOrCreate(path, newIssuerKey)
	if err != nil {
		return nil, err
	}

	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}

	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

func newIssuerKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}

	der := x509.MarshalPKCS1PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}), nil
}

// use makes key the one that signs. Its id is its thumbprint (RFC 7638), so
// that it changes with the key and survives a restart.
func (i *Issuer) use(key *rsa.PrivateKey) error {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.RS256), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}

	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	i.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}
	private := jose.JSONWebKey{Key: key, KeyID: public.KeyID, Algorithm: public.Algorithm}
	options := (&jose.SignerOptions{}).WithType("JWT")
	i.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: private}, options)

	return err
}

func (i *Issuer) route() error {
	parsed, err := url.Parse(i.url)
	if err != nil {
		return fmt.Errorf("issuer URL %q: %w", i.url, err)
	}

	base := strings.TrimSuffix(i.url, "/")
	prefix := strings.TrimSuffix(parsed.Path, "/")
	i.mux = http.NewServeMux()
	i.mux.Handle("GET "+prefix+jwksPath, document(i.keys))
	i.mux.Handle("GET "+prefix+"/.well-known/openid-configuration", document(map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              base + jwksPath,
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []jose.SignatureAlgorithm{jose.RS256},
	}))

	return nil
}

func document(value any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	})
}
