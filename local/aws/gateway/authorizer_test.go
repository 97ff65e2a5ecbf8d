package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-jose/go-jose/v4"
)

// published returns the issuer's key as its key set has it.
func published(t *testing.T, s stage) jose.JSONWebKey {
	t.Helper()
	response, err := http.Get(s.issuer.URL() + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}

	defer response.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}

	return set.Keys[0]
}

// forge signs claims with a key of the caller's choice.
func forge(t *testing.T, algorithm jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}

	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}

	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}

	return token
}

func segments(header, payload, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + signature
}

// A tokenCase is an Authorization header and why it is refused: "" not at all,
// "-" for want of a token.
type tokenCase struct{ name, header, reason string }

// signer signs good claims with some of them changed; nil takes one away.
func signer(t *testing.T, s stage) func(changes map[string]any) string {
	good := goodClaims(s)
	return func(changes map[string]any) string {
		claims := maps.Clone(good)
		for name, value := range changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}

		token, err := s.issuer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}

		return token
	}
}

func goodClaims(s stage) map[string]any {
	return map[string]any{
		"iss": s.issuer.URL(), "aud": audience, "sub": "42", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
}

// claimCases are tokens of the right issuer's with good and bad claims.
func claimCases(t *testing.T, s stage) []tokenCase {
	sign := signer(t, s)
	valid := sign(nil)
	later := time.Now().Add(time.Hour).Unix()
	earlier := time.Now().Add(-time.Second).Unix()

	return []tokenCase{
		{"good", "Bearer " + valid, ""},
		{"good, no prefix", valid, ""},
		{"good, lower case", "bearer " + valid, ""},
		{"one of several audiences", sign(map[string]any{"aud": []string{"x", "other"}}), ""},
		{"client_id for aud", sign(map[string]any{"aud": nil, "client_id": audience}), ""},
		{"no iat, no nbf", sign(map[string]any{"iat": nil}), ""},
		{"none", "", "-"},
		{"empty bearer", "Bearer ", "malformed"},
		{"not a token", "Bearer x", "malformed"},
		{"basic", "Basic dXNlcjpwYXNz", "malformed"},
		{"expired", sign(map[string]any{"exp": earlier, "iat": earlier - 60}), "expired"},
		{"no exp", sign(map[string]any{"exp": nil}), "expired"},
		{"exp as text", sign(map[string]any{"exp": "9999999999"}), "expired"},
		{"nbf in the future", sign(map[string]any{"nbf": later}), "not valid yet"},
		{"nbf as text", sign(map[string]any{"nbf": "0"}), "not valid yet"},
		{"iat in the future", sign(map[string]any{"iat": later}), "not valid yet"},
		{"wrong aud", sign(map[string]any{"aud": "elsewhere"}), "the token does not have a valid audience"},
		{"no aud", sign(map[string]any{"aud": nil}), "audience"},
		{"aud before client_id", sign(map[string]any{"aud": "elsewhere", "client_id": audience}), "audience"},
		{"wrong iss", sign(map[string]any{"iss": "https://example.com"}), "issuer"},
		{"iss with a slash more", sign(map[string]any{"iss": s.issuer.URL() + "/"}), "issuer"},
		{"no iss", sign(map[string]any{"iss": nil}), "issuer"},
	}
}

// forgedCases are tokens with good claims that the issuer did not sign.
func forgedCases(t *testing.T, s stage) []tokenCase {
	key := published(t, s)
	good := goodClaims(s)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	curve, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := x509.MarshalPKIXPublicKey(key.Key)
	shared := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	payload, _ := json.Marshal(good)
	sign := signer(t, s)
	parts := strings.Split(sign(nil), ".")
	other := strings.Split(sign(map[string]any{"sub": "1"}), ".")[1]
	none := `{"alg":"none","kid":"` + key.KeyID + `"}`

	return []tokenCase{
		{"two parts", parts[0] + "." + parts[1], "malformed"},
		{"bad signature", parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), "signature"},
		{"changed payload", parts[0] + "." + other + "." + parts[2], "signature"},
		{"another key under our kid", forge(t, jose.RS256, stranger, key.KeyID, good), "signature"},
		{"unknown kid", forge(t, jose.RS256, stranger, "unknown", good), "unknown key id"},
		{"no kid", forge(t, jose.RS256, stranger, "", good), "no key id"},
		{"alg none", segments(none, string(payload), ""), "malformed"},
		{"alg none with our signature", segments(none, string(payload), parts[2]), "malformed"},
		{"HS256 with the public key", forge(t, jose.HS256, shared, key.KeyID, good), "malformed"},
		{"ES256", forge(t, jose.ES256, curve, key.KeyID, good), "malformed"},
		{"PS256", forge(t, jose.PS256, stranger, key.KeyID, good), "malformed"},
	}
}

func TestJWT(t *testing.T) {
	s := start(t, answer(`{"statusCode":200,"body":"in"}`))
	for _, test := range append(claimCases(t, s), forgedCases(t, s)...) {
		response, body := s.send(t, "GET", "/integrations/1", nil, http.Header{"Authorization": {test.header}})
		challenge := response.Header.Get("Www-Authenticate")
		if test.reason == "" {
			if response.StatusCode != 200 || body != "in" || challenge != "" {
				t.Errorf("%s: %s %s %s", test.name, response.Status, body, challenge)
			}
			continue
		}

		if response.StatusCode != 401 || body != `{"message":"Unauthorized"}` {
			t.Errorf("%s: %s %s, want 401", test.name, response.Status, body)
		}

		if test.reason == "-" && challenge != "Bearer" || test.reason != "-" && (!strings.Contains(challenge, test.reason) ||
			!strings.HasPrefix(challenge, `Bearer scope="" error="invalid_token" error_description="`)) {
			t.Errorf("%s: challenge %s", test.name, challenge)
		}
	}
}

func TestScopes(t *testing.T) {
	var event events.APIGatewayV2HTTPRequest
	var raw []byte
	s := start(t, capture(&event, &raw))
	for _, test := range []struct {
		claim  string
		value  any
		status int
	}{
		{"scope", "write read", 200}, {"scp", []string{"admin"}, 200}, {"scp", "read", 200},
		{"scope", "write", 403}, {"scope", "readonly", 403}, {"x", "read", 403}, {"scope", 1, 403},
	} {
		token, err := s.issuer.Sign(map[string]any{"iss": s.issuer.URL(), "aud": audience, "exp": time.Now().Add(time.Hour).Unix(), test.claim: test.value})
		if err != nil {
			t.Fatal(err)
		}

		response, body := s.send(t, "GET", "/scoped", nil, http.Header{"Authorization": {token}})
		if response.StatusCode != test.status || test.status == 403 && body != `{"message":"Forbidden"}` {
			t.Errorf("%s %v: %s %s, want %d", test.claim, test.value, response.Status, body, test.status)
		}

		if test.status == 403 && !strings.Contains(response.Header.Get("Www-Authenticate"), `scope="read admin" error="insufficient_scope"`) {
			t.Errorf("challenge %s", response.Header.Get("Www-Authenticate"))
		}

		if test.status == 200 && len(event.RequestContext.Authorizer.JWT.Scopes) == 0 {
			t.Errorf("event %s", raw)
		}
	}
}

func TestClaimsAreText(t *testing.T) {
	parsed, err := parseClaims([]byte(`{"s":"a","big":175928847299117063,"f":1.5,"t":true,"l":["a","b"],"o":{"k":1},"n":null}`))
	if err != nil {
		t.Fatal(err)
	}

	want := map[string]string{"s": "a", "big": "175928847299117063", "f": "1.5", "t": "true", "l": "[a b]", "o": `{"k":1}`}
	if got := parsed.texts(); !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestKeysAreCached: the issuer is asked once, then again for a key it did not
// have, but not at every made-up key id, and again when the keys are old.
func TestKeysAreCached(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	asked := 0
	published := []string{"one"}
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwks" {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": server.URL, "jwks_uri": server.URL + "/jwks"})
			return
		}

		asked++
		var set jose.JSONWebKeySet
		for _, kid := range published {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid})
		}

		_ = json.NewEncoder(w).Encode(set)
	}))

	defer server.Close()
	now := time.Now()
	keys := newKeys(server.URL)
	keys.now = func() time.Time { return now }
	for _, step := range []struct {
		after time.Duration
		kid   string
		ok    bool
		asked int
	}{
		{0, "one", true, 1}, {0, "one", true, 1}, {0, "two", false, 1}, {askAgain, "two", false, 2}, {0, "three", false, 2},
		{keptFor, "one", true, 3},
	} {
		now = now.Add(step.after)
		if _, err := keys.find(context.Background(), step.kid); (err == nil) != step.ok || asked != step.asked {
			t.Errorf("%s after %v: %v, asked %d times, want %d", step.kid, step.after, err, asked, step.asked)
		}
	}

	published = []string{"one", "two"}
	now = now.Add(askAgain)
	if _, err := keys.find(context.Background(), "two"); err != nil {
		t.Errorf("a new key: %v", err)
	}
}

func TestIssuerOutOfReach(t *testing.T) {
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": "https://example.com"})
	}))
	defer wrong.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, url := range map[string]string{"gone": closed.URL, "another's": wrong.URL, "none": ""} {
		if _, err := newKeys(url).find(context.Background(), "x"); err == nil || !strings.Contains(err.Error(), "OIDC discovery") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzToken: nothing that the issuer did not sign gets in.
func FuzzToken(f *testing.F) {
	f.Add("Bearer x.y.z")
	f.Add(segments(`{"alg":"none"}`, `{"sub":"1"}`, ""))
	f.Add(segments(`{"alg":"RS256","kid":"k"}`, `{"exp":1e999}`, "AAAA"))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}

	held := &keys{now: time.Now, fetched: time.Now(), byID: map[string]*rsa.PublicKey{"k": &key.PublicKey}, client: http.DefaultClient}
	guard := &authorizer{audience: []string{audience}, keys: held}
	f.Fuzz(func(t *testing.T, header string) {
		held.fetched = time.Now()
		if who, denied := guard.authorize(t.Context(), header, nil); denied == nil {
			t.Fatalf("%q gets in as %v", header, who)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"iss":"i","aud":["api"],"exp":1e300,"nbf":-1,"scope":"a b"}`))
	guard := &authorizer{issuer: "i", audience: []string{audience}}
	f.Fuzz(func(t *testing.T, payload []byte) {
		parsed, err := parseClaims(payload)
		if err != nil {
			return
		}

		parsed.texts()
		parsed.scopes()
		if guard.check(parsed, time.Now()) == nil && (parsed["iss"] != "i" || parsed["exp"] == nil) {
			t.Fatalf("%s is accepted", payload)
		}
	})
}
