package sealing

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	localkms "example.com/integrations/local/aws/secrets"
)

const keyARN = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555"

var bound = Binding{Organisation: 1001, Integration: 501, Field: "token", Origin: "https://api.github.com"}

func client(t *testing.T) *kms.Client {
	t.Helper()
	handler, err := localkms.OpenKMS(t.TempDir(), localkms.Symmetric(keyARN))
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	return kms.New(kms.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

func seal(t *testing.T, keys *kms.Client, secret string) []byte {
	t.Helper()
	blob, err := Seal(t.Context(), keys, keyARN, bound, secret)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestSealedOpens(t *testing.T) {
	keys := client(t)
	for _, secret := range []string{"", "s", "pässwörd 🔑", strings.Repeat("x", 64<<10)} {
		blob := seal(t, keys, secret)
		if len(secret) > 1 && bytes.Contains(blob, []byte(secret)) {
			t.Error("the secret is in plain sight")
		}

		if got, err := Open(t.Context(), keys, bound, blob); err != nil || got != secret {
			t.Errorf("%d bytes of %d, %v", len(got), len(secret), err)
		}
	}

	if bytes.Equal(seal(t, keys, "same"), seal(t, keys, "same")) {
		t.Error("the same secret is sealed the same way twice")
	}
}

// elsewhere is what a secret must not open under.
var elsewhere = map[string]Binding{
	"another organisation": {1002, 501, "token", "https://api.github.com"},
	"another integration":  {1001, 502, "token", "https://api.github.com"},
	"another field":        {1001, 501, "private_key", "https://api.github.com"},
	"another origin":       {1001, 501, "token", "https://evil.example"},
	"no origin":            {1001, 501, "token", ""},
	"ids changed over":     {501, 1001, "token", "https://api.github.com"},
}

func TestOpensUnderItsBindingAlone(t *testing.T) {
	keys := client(t)
	blob := seal(t, keys, "secret")
	for name, b := range elsewhere {
		// KMS itself refuses: the key never leaves it under another binding.
		if got, err := Open(t.Context(), keys, b, blob); err == nil || got != "" || errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// anyKey decrypts whatever the encryption context: a key policy or a grant
// gone wrong. The secret itself is bound too.
type anyKey struct{ keys *kms.Client }

func (k anyKey) Decrypt(ctx context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	right := *in
	right.EncryptionContext = bound.context()
	return k.keys.Decrypt(ctx, &right)
}

func TestCiphertextIsBoundToo(t *testing.T) {
	keys := client(t)
	blob := seal(t, keys, "secret")
	if got, err := Open(t.Context(), anyKey{keys}, bound, blob); err != nil || got != "secret" {
		t.Fatalf("%q, %v", got, err)
	}

	for name, b := range elsewhere {
		if _, err := Open(t.Context(), anyKey{keys}, b, blob); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenRefusesWhatWasChanged(t *testing.T) {
	keys := client(t)
	blob := seal(t, keys, "secret")
	for n := range blob { // every byte counts
		bad := bytes.Clone(blob)
		bad[n] ^= 1
		if got, err := Open(t.Context(), keys, bound, bad); err == nil {
			t.Errorf("opens to %q with byte %d changed", got, n)
		}
	}

	for n := range blob {
		if _, err := Open(t.Context(), keys, bound, blob[:n]); err == nil {
			t.Errorf("opens when cut to %d bytes", n)
		}
	}

	for name, bad := range map[string][]byte{"nothing": nil, "another format": append([]byte{2}, blob[1:]...), "header only": {1, 0, 0}, "key too long": {1, 255, 255, 0}} {
		if _, err := Open(t.Context(), keys, bound, bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	keys := client(t)
	const secret = "a-secret-to-look-for"
	_, err := Seal(t.Context(), keys, keyARN+"0", bound, secret)
	if err == nil || strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "seal token of integration 501: ") {
		t.Error(err)
	}

	blob := seal(t, keys, secret)
	blob[len(blob)-1] ^= 1
	if _, err = Open(t.Context(), keys, bound, blob); err == nil || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
}

// noKeys answers with a key of its own, so that the fuzzer gets past KMS.
type noKeys struct{}

func (noKeys) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	if len(in.CiphertextBlob) == 0 {
		return nil, errors.New("no key")
	}
	return &kms.DecryptOutput{Plaintext: bytes.Repeat(in.CiphertextBlob[:1], int(in.CiphertextBlob[0]%40))}, nil
}

func FuzzOpen(f *testing.F) {
	for _, seed := range [][]byte{nil, {1}, {1, 0, 0}, {1, 0, 1, 32}, append([]byte{1, 0, 1, 32}, make([]byte, 28)...), {1, 255, 255}} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, blob []byte) {
		if got, err := Open(t.Context(), noKeys{}, bound, blob); err == nil {
			t.Errorf("%x opens to %q", blob, got)
		}
	})
}
