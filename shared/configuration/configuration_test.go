package configuration

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"example.com/integrations/shared/domain"
)

// Secrets are put together here, so that no scanner takes them for real ones.
var (
	testToken = "gh" + "p_" + strings.Repeat("x", 36)
	appToken  = "gh" + "s_12345_" + strings.Repeat("a.b-c_", 80) // the long form of 2026
	botToken  = "xox" + "b-" + strings.Repeat("1", 12) + "-" + strings.Repeat("a", 24)
	discHook  = "https://discord.com/api/webhooks/" + strings.Repeat("1", 18) + "/" + strings.Repeat("x", 68)
	slackHook = "https://hooks.slack.com/serv" + "ices/T00000000/B00000000/" + strings.Repeat("x", 24)
	teamsHook = "https://default0a1b.0f.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/abc/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + strings.Repeat("s", 43)
	channel   = strings.Repeat("9", 18)
	testKey   = sync.OnceValue(func() string { return pkcs1(2048) })
	pkcs8Key  = sync.OnceValue(func() string {
		block, _ := pem.Decode([]byte(testKey()))
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			panic(err)
		}

		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}

		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	})
)

func pkcs1(bits int) string {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// fill puts a test's values into JSON text: $TOKEN becomes "the token".
func fill(text string) string {
	quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	return strings.NewReplacer("$TOKEN", quote(testToken), "$APP", quote(appToken), "$BOT", quote(botToken), "$DISCORD", quote(discHook),
		"$SLACK", quote(slackHook), "$TEAMS", quote(teamsHook), "$CH", quote(channel), "$KEY8", quote(pkcs8Key()), "$KEY", quote(testKey()),
		"$MASK", quote(domain.Mask)).Replace(text)
}

// good holds accepted configurations, without the braces, by provider.
var good = map[domain.Provider][]string{
	domain.GitHub: {
		`"owner":"octo","repo":"hello","token":$TOKEN`,
		`"token":$APP,"repo":".github","owner":"octo_acme","labels":"none","pull":"all","on_delete":"leave"`,
		`"owner":"o-c","repo":"a.b-c_d","app_id":12,"installation_id":"9007199254740993","private_key":$KEY`,
		`"owner":"o","repo":"r","app_id":"12","installation_id":34,"private_key":$KEY8,"base_url":"https://ghe.example.com/api/v3"`,
		`"owner":"o","repo":"r","token":"t","templates":{"title":"{{formatted_number}} {{title}}","body":"{{description}}\n\n{{url}}"}`,
		`"owner":"o","repo":"r","token":"t","templates":{}`,
	},
	domain.GitLab: {
		`"project":"group/sub/project","token":$TOKEN`,
		`"project":42,"token":$TOKEN,"base_url":"https://git.example.com/gitlab","labels":"sync","pull":"linked"`,
		`"project":"42","token":"SIE-glp` + `at-abc.1.xyz"`,
	},
	domain.Jira: {
		`"flavor":"cloud","base_url":"https://site.atlassian.net","email":"me+jira@example.com","api_token":$TOKEN,"project_key":"ABC"`,
		`"flavor":"cloud","base_url":"https://api.atlassian.com/ex/jira/11111111-2222-3333-4444-555555555555","email":"a@b.c","api_token":"x=","project_key":"A_1"`,
		`"flavor":"datacenter","base_url":"https://jira.example.com/jira","token":$TOKEN,"project_key":"ABC","issue_type":"Sub-task Ü"`,
	},
	domain.MantisBT: {
		`"base_url":"https://bugs.example.com/mantis","token":$TOKEN,"project":"My project"`,
		`"base_url":"https://bugs.example.com:8443","token":$TOKEN,"project":3,"category":"General","pull":"linked"`,
	},
	domain.Discord: {
		`"webhook_url":$DISCORD`,
		`"webhook_url":$DISCORD,"thread_id":$CH,"on_update":"post","digest_over":0`,
		`"bot_token":$BOT,"channel_id":$CH,"digest_over":1000`,
		`"webhook_url":$DISCORD,"thread_name":"{{formatted_number}} {{title}}"`,
	},
	domain.Slack: {
		`"webhook_url":$SLACK`,
		`"bot_token":$BOT,"channel":"C0123456789","on_update":"edit","digest_over":2e1`,
		`"bot_token":$BOT,"channel":"C0123456789","base_url":"https://slack-gov.com"`,
	},
	domain.Teams: {
		`"workflow_url":$TEAMS`,
		`"workflow_url":$TEAMS,"payload":"card","digest_over":5.0,"templates":{"body":"{{ title }}"}`,
	},
}

func TestAcceptGood(t *testing.T) {
	for provider, texts := range good {
		for _, text := range texts {
			text = fill("{" + text + "}")
			got, err := Accept(provider, text, nil)
			if err != nil {
				t.Errorf("%s: %v", provider, err)
				continue
			}

			if len(got.NewSecrets) != 1 || len(got.KeptSecrets) != 0 || got.ContentFingerprint == "" ||
				got.Destination.Origin == "" || got.Destination.Provider != provider {
				t.Errorf("%s: %+v", provider, got.Destination)
			}

			reaccept(t, provider, got)
		}
	}
}

// stored is what a store would keep of an accepted configuration.
func stored(a Accepted) *Stored {
	s := &Stored{Public: a.Public, Secrets: map[string]string{}, WebhookHash: a.Destination.WebhookHash}
	for name := range a.NewSecrets {
		s.Secrets[name] = a.Destination.Origin
	}

	for _, name := range a.KeptSecrets {
		s.Secrets[name] = a.Destination.Origin
	}

	return s
}

// reaccept sends back what is read: nothing may change.
func reaccept(t *testing.T, provider domain.Provider, first Accepted) {
	t.Helper()
	again, err := Accept(provider, first.Public, stored(first))
	if err != nil {
		t.Fatalf("%s: what is read back is refused: %v", provider, err)
	}

	if again.Public != first.Public || again.Destination != first.Destination || again.ContentFingerprint != first.ContentFingerprint ||
		len(again.NewSecrets) != 0 || len(again.KeptSecrets) != len(first.NewSecrets)+len(first.KeptSecrets) {
		t.Fatalf("%s: read back\n%+v\nfirst\n%+v", provider, again, first)
	}

	for _, secret := range first.NewSecrets {
		if len(secret) >= minSecret && (strings.Contains(first.Public, secret) || strings.Contains(first.Destination.Target, secret)) {
			t.Fatalf("%s: a secret in what everybody reads", provider)
		}
	}
}

func TestPublic(t *testing.T) {
	for _, c := range []struct {
		provider   domain.Provider
		text, want string
	}{
		{domain.GitHub, ` { "token" : $TOKEN , "owner":"Octo",` + "\n" + `"repo":"r", "templates":{"title":"<b>&{{title}}\u00e9"} }`, `{"token":"********","owner":"Octo","repo":"r","templates":{"title":"<b>&{{title}}é"}}`},
		{domain.GitLab, `{"base_url":"HTTPS://Git.Example.com:443/Sub/","project":9007199254740993,"token":$TOKEN}`, `{"base_url":"https://git.example.com/Sub","project":9007199254740993,"token":"********"}`},
		{domain.Slack, `{"bot_token":$BOT,"channel":"C0123456789","digest_over":2e1}`, `{"bot_token":"********","channel":"C0123456789","digest_over":20}`},
		{domain.Teams, `{"workflow_url":$TEAMS,"digest_over":-0}`, `{"workflow_url":"********","digest_over":0}`},
		{domain.Teams, `{"workflow_url":$TEAMS,"digest_over":-0.0}`, `{"workflow_url":"********","digest_over":0}`},
	} {
		got, err := Accept(c.provider, fill(c.text), nil)
		if err != nil || got.Public != c.want {
			t.Errorf("%s: %s, %v\nwant %s", c.provider, got.Public, err, c.want)
		}
	}
}

func TestNewSecretsAreVerbatim(t *testing.T) {
	for provider, want := range map[domain.Provider]string{domain.Teams: teamsHook, domain.Slack: slackHook, domain.Discord: discHook} {
		got, err := Accept(provider, fill("{"+good[provider][0]+"}"), nil)
		if err != nil {
			t.Fatal(err)
		}

		for _, secret := range got.NewSecrets {
			if secret != want {
				t.Errorf("%s: %q", provider, secret)
			}
		}
	}
}

func TestFingerprintIgnoresSpelledOutDefaults(t *testing.T) {
	print := func(text string) string {
		got, err := Accept(domain.GitHub, fill(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.ContentFingerprint
	}

	base := print(`{"owner":"o","repo":"r","token":$TOKEN}`)
	for text, same := range map[string]bool{
		`{"owner":"o","repo":"r","token":"another","labels":"sync","pull":"all","on_delete":"leave","templates":{}}`: true,
		`{"owner":"x","repo":"y","token":$TOKEN}`:                                   true, // the target says that
		`{"owner":"o","repo":"r","token":$TOKEN,"labels":"none"}`:                   false,
		`{"owner":"o","repo":"r","token":$TOKEN,"templates":{"title":"{{title}}"}}`: false,
		`{"owner":"o","repo":"r","token":$TOKEN,"templates":{"body":"{{title}}"}}`:  false,
	} {
		if (print(text) == base) != same {
			t.Errorf("%s: same = %v, want %v", text, !same, same)
		}
	}
}

func TestUnknownProvider(t *testing.T) {
	_, err := Accept("svn", "{}", nil)
	if _, bad := IsInvalid(err); err == nil || bad {
		t.Errorf("%v", err)
	}

	if Secrets("svn") != nil {
		t.Error("an unknown provider has secrets")
	}

	if _, err := Schema("svn"); err == nil {
		t.Error("an unknown provider has a schema")
	}
}

// fieldsOf gives field → detail of a refusal.
func fieldsOf(t *testing.T, err error, code string) map[string]string {
	t.Helper()
	bad, ok := IsInvalid(err)
	if !ok {
		t.Errorf("%v is not a refusal", err)
		return nil
	}

	if bad.Code != code {
		t.Errorf("code %s, want %s", bad.Code, code)
	}

	fields := map[string]string{}
	for _, f := range bad.Fields {
		fields[f.Field] = f.Detail
		if !strings.Contains(err.Error(), f.Field) {
			t.Errorf("Error() does not name %s", f.Field)
		}
	}

	return fields
}

func expect(t *testing.T, err error, code string, want map[string]string) {
	t.Helper()
	if got := fieldsOf(t, err, code); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", list(got), list(want))
	}
}

func list(fields map[string]string) string {
	var lines strings.Builder
	for field, detail := range fields {
		fmt.Fprintf(&lines, "  %q: %q\n", field, detail)
	}
	return lines.String()
}
