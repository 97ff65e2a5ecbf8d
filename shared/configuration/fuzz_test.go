package configuration

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

// FuzzAccept: nothing panics; what is accepted, read and sent back is the same
// configuration; a secret appears neither in what everybody reads nor in a
// refusal. SECRET in a text becomes a recognisable one.
func FuzzAccept(f *testing.F) {
	canary := strings.Repeat("k7Qz", 10)
	for i, provider := range domain.Providers {
		for _, text := range good[provider] {
			text = strings.NewReplacer("$TOKEN", `"SECRET"`, "$APP", `"SECRET"`, "$BOT", `"SECRET"`).Replace(text)
			f.Add(byte(i), fill("{"+text+"}"))
		}
	}

	for _, text := range []string{
		`{"SECRET":1,"token":"SECRET","SECRET":2}`, `{"token":["SECRET"],"templates":{"body":"{{SECRET}}","SECRET":0}}`, `{"owner":"SECRET","repo":"r","token":"SECRET"}`,
		`{"token":"\ud800SECRET"}`, `{"token":1e99999999999,"digest_over":-0.0e-0}`, `[[[[`, "\xff", `{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}`,
		`{"webhook_url":"https://discord.com/api/webhooks/111111111111111111/SECRET"}`, `{"webhook_url":"https://discord.com@SECRET"}`,
		`{"webhook_url":"https://discord.com/api/webhooks/111111111111111111/SECRET?thread_id=1234567890123456789"}`,
	} {
		f.Add(byte(0), text)
		f.Add(byte(1), text)
	}

	f.Fuzz(func(t *testing.T, which byte, text string) {
		provider := domain.Providers[int(which)%len(domain.Providers)]
		text = strings.ReplaceAll(text, "SECRET", canary)
		got, err := Accept(provider, text, nil)
		if err != nil {
			if bad, ok := IsInvalid(err); !ok || len(bad.Fields) == 0 {
				t.Fatalf("%q: %v", text, err)
			}

			if strings.Contains(err.Error(), canary) {
				t.Fatalf("the refusal holds the secret: %v", err)
			}

			return
		}

		for _, secret := range got.NewSecrets {
			if strings.Contains(secret, canary) && strings.Contains(got.Public+got.Destination.Target+got.Destination.Origin, canary) {
				t.Fatalf("a secret in %s", got.Public)
			}
		}

		reaccept(t, provider, got)
	})
}
