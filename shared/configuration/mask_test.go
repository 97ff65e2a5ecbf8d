package configuration

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

const (
	noSecret = "is the mask ********, and no secret is stored for it: give the secret itself"
	ghApp    = `"owner":"o","repo":"r","app_id":1,"installation_id":2,"private_key":`
	jiraHead = `"project_key":"ABC","flavor":"cloud","base_url":`
)

// first accepts a configuration with its secret; patch then sends another with
// the mask.
func patch(t *testing.T, provider domain.Provider, first, second string) (Accepted, error) {
	t.Helper()
	before, err := Accept(provider, fill("{"+first+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return Accept(provider, fill("{"+second+"}"), stored(before))
}

func TestMaskKeepsSecret(t *testing.T) {
	for _, c := range []struct {
		provider      domain.Provider
		first, second string
		kept          string
	}{
		{domain.GitHub, `"owner":"o","repo":"r","token":$TOKEN`, `"owner":"p","repo":"q","token":$MASK,"pull":"all"`, "token"},
		{domain.GitHub, `"owner":"o","repo":"r","token":$TOKEN`, `"owner":"o","repo":"r","token":$MASK,"base_url":"https://API.github.com:443/"`, "token"},
		{domain.GitHub, `"owner":"o","repo":"r","token":$TOKEN,"base_url":"https://api.github.com"`, `"owner":"o","repo":"r","token":$MASK`, "token"},
		{domain.GitHub, ghApp + `$KEY`, `"owner":"o","repo":"x","app_id":"1","installation_id":"2","private_key":$MASK`, "private_key"},
		{domain.GitLab, `"project":1,"token":$TOKEN`, `"project":"a/b","token":$MASK,"base_url":"https://gitlab.com"`, "token"},
		{domain.Jira, jiraHead + `"https://s.atlassian.net","email":"a@b.c","api_token":$TOKEN`, jiraHead + `"https://S.atlassian.net/","email":"a@b.c","api_token":$MASK,"issue_type":"Bug"`, "api_token"},
		{domain.MantisBT, `"base_url":"https://b.example.com","token":$TOKEN,"project":1`, `"base_url":"https://b.example.com/","token":$MASK,"project":2`, "token"},
		{domain.Discord, `"bot_token":$BOT,"channel_id":$CH`, `"bot_token":$MASK,"channel_id":"12345678901234567"`, "bot_token"},
		{domain.Discord, `"webhook_url":$DISCORD`, `"webhook_url":$MASK,"thread_id":$CH`, "webhook_url"},
		{domain.Slack, `"webhook_url":$SLACK`, `"webhook_url":$MASK,"digest_over":3`, "webhook_url"},
		{domain.Slack, `"bot_token":$BOT,"channel":"C0123456789"`, `"bot_token":$MASK,"channel":"G0123456789"`, "bot_token"},
		{domain.Teams, `"workflow_url":$TEAMS`, `"workflow_url":$MASK,"payload":"card"`, "workflow_url"},
	} {
		got, err := patch(t, c.provider, c.first, c.second)
		if err != nil || !reflect.DeepEqual(got.KeptSecrets, []string{c.kept}) || len(got.NewSecrets) != 0 {
			t.Errorf("%s %s: kept %v, %v", c.provider, c.second, got.KeptSecrets, err)
		}
	}
}

func TestMaskRefusedWhereItWouldGoElsewhere(t *testing.T) {
	for _, c := range []struct {
		provider            domain.Provider
		first, second       string
		member, changedWhat string
	}{
		{domain.GitHub, `"owner":"o","repo":"r","token":$TOKEN`, `"owner":"o","repo":"r","token":$MASK,"base_url":"https://ghe.example.com"`, "token", "base_url has changed"},
		{domain.GitHub, ghApp + `$KEY`, `"owner":"o","repo":"r","app_id":3,"installation_id":2,"private_key":$MASK`, "private_key", "app_id has changed"},
		{domain.GitHub, ghApp + `$KEY`, `"owner":"o","repo":"r","app_id":3,"installation_id":4,"private_key":$MASK`, "private_key", "app_id, installation_id have changed"},
		{domain.GitLab, `"project":1,"token":$TOKEN`, `"project":1,"token":$MASK,"base_url":"https://evil.example.com"`, "token", "base_url has changed"},
		{domain.GitLab, `"project":1,"token":$TOKEN,"base_url":"https://g.example.com"`, `"project":1,"token":$MASK`, "token", "base_url has changed"},
		{domain.GitLab, `"project":1,"token":$TOKEN,"base_url":"https://g.example.com"`, `"project":1,"token":$MASK,"base_url":"https://g.example.com:8443"`, "token", "base_url has changed"},
		{domain.GitLab, `"project":1,"token":$TOKEN,"base_url":"https://g.example.com/a"`, `"project":1,"token":$MASK,"base_url":"https://g.example.com/b"`, "token", "base_url has changed"},
		{domain.Jira, jiraHead + `"https://s.atlassian.net","email":"a@b.c","api_token":$TOKEN`, jiraHead + `"https://s.atlassian.net","email":"x@b.c","api_token":$MASK`, "api_token", "email has changed"},
		{domain.Jira, jiraHead + `"https://s.atlassian.net","email":"a@b.c","api_token":$TOKEN`, jiraHead + `"https://t.atlassian.net","email":"x@b.c","api_token":$MASK`, "api_token", "base_url, email have changed"},
		{domain.MantisBT, `"base_url":"https://b.example.com","token":$TOKEN,"project":1`, `"base_url":"https://evil.example.com","token":$MASK,"project":1`, "token", "base_url has changed"},
	} {
		_, err := patch(t, c.provider, c.first, c.second)
		expect(t, err, CodeSecretRequired, map[string]string{root + "." + c.member: "must be given anew: " + c.changedWhat})
		again := strings.ReplaceAll(strings.ReplaceAll(c.second, `private_key":$MASK`, `private_key":$KEY8`), "$MASK", "$BOT")
		got, err := patch(t, c.provider, c.first, again)
		if err != nil || len(got.NewSecrets) != 1 {
			t.Errorf("%s: given anew: %v", c.provider, err)
		}
	}
}

func TestMaskWithNothingStored(t *testing.T) {
	for provider, texts := range good {
		for _, text := range texts {
			_, err := Accept(provider, masks(text), nil)
			for _, detail := range fieldsOf(t, err, CodeInvalid) {
				if detail != noSecret {
					t.Errorf("%s: %v", provider, err)
				}
			}

			before, err := Accept(provider, fill("{"+text+"}"), nil)
			if err != nil {
				t.Fatal(err)
			}

			emptied := stored(before)
			emptied.Secrets = nil
			_, err = Accept(provider, masks(text), emptied)
			fieldsOf(t, err, CodeInvalid)
		}
	}

	_, err := patch(t, domain.Discord, `"webhook_url":$DISCORD`, `"bot_token":$MASK,"channel_id":$CH`)
	expect(t, err, CodeInvalid, map[string]string{"configuration.bot_token": noSecret})
}

// masks puts the mask where fill puts a secret.
func masks(text string) string {
	for _, name := range []string{"$TOKEN", "$APP", "$BOT", "$DISCORD", "$SLACK", "$TEAMS", "$KEY8", "$KEY", `"t"`, `"x="`, `"SIE-glp` + `at-abc.1.xyz"`} {
		text = strings.ReplaceAll(text, name, "$MASK")
	}
	return fill("{" + text + "}")
}

// What is stored should agree with itself. Where it does not, a secret stays
// where it is.
func TestMaskWithStoredThatDisagrees(t *testing.T) {
	text := fill(`{"bot_token":$MASK,"channel_id":$CH}`)
	for name, c := range map[string]struct {
		stored Stored
		want   string
	}{
		"another origin": {Stored{Public: text, Secrets: map[string]string{"bot_token": "https://evil.example.com"}}, "the address it is sent to has changed"},
		"another form":   {Stored{Public: `{"webhook_url":"********"}`, Secrets: map[string]string{"bot_token": "https://discord.com"}}, "the form of authentication has changed"},
		"unreadable":     {Stored{Public: `{`, Secrets: map[string]string{"bot_token": "https://discord.com"}}, "the stored configuration cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Accept(domain.Discord, text, &c.stored)
			expect(t, err, CodeSecretRequired, map[string]string{"configuration.bot_token": "must be given anew: " + c.want})
		})
	}
}

func TestOmittedSecretIsGone(t *testing.T) {
	got, err := patch(t, domain.Discord, `"webhook_url":$DISCORD`, `"bot_token":$BOT,"channel_id":$CH`)
	if err != nil || len(got.KeptSecrets) != 0 || got.NewSecrets["bot_token"] != botToken || got.Destination.WebhookHash != "" {
		t.Errorf("%+v, %v", got.Destination, err)
	}
}

// The URL stays sealed, yet a new thread is a new target and the old thread
// the old one.
func TestWebhookTargetIsCarriedOver(t *testing.T) {
	plain, err := Accept(domain.Discord, fill(`{"webhook_url":$DISCORD}`), nil)
	if err != nil {
		t.Fatal(err)
	}

	kept, err := Accept(domain.Discord, fmt.Sprintf(`{"webhook_url":"********","thread_id":%q}`, channel), stored(plain))
	if err != nil {
		t.Fatal(err)
	}

	whole, err := Accept(domain.Discord, fill(`{"webhook_url":$DISCORD,"thread_id":$CH}`), nil)
	if err != nil {
		t.Fatal(err)
	}

	if kept.Destination != whole.Destination || kept.Destination.Hash() == plain.Destination.Hash() {
		t.Errorf("kept %+v\nwhole %+v\nplain %+v", kept.Destination, whole.Destination, plain.Destination)
	}

	back, err := Accept(domain.Discord, `{"webhook_url":"********"}`, stored(kept))
	if err != nil || back.Destination != plain.Destination {
		t.Errorf("back %+v, %v", back.Destination, err)
	}
}
