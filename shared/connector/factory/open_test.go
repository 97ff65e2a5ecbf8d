package factory

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	localkms "example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/sealing"
	"example.com/integrations/shared/store"
)

var dynamoURL string

func TestMain(m *testing.M) { os.Exit(testkit.Main(m, &dynamoURL)) }

const (
	keyARN = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555"
	origin = "https://api.github.com"
)

var (
	who   = credentials.NewStaticCredentialsProvider("local", "local", "")
	token = "gh" + "p_" + strings.Repeat("x", 36)
)

func keys(t *testing.T) *kms.Client {
	t.Helper()
	handler, err := localkms.OpenKMS(t.TempDir(), localkms.Symmetric(keyARN))
	must(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return kms.New(kms.Options{Region: "eu-central-1", BaseEndpoint: aws.String(server.URL), Credentials: who, RetryMaxAttempts: 1})
}

// stored is an integration as it is read, with a blob where its token is.
func storedView(t *testing.T, p domain.Provider, configuration string, blob []byte) store.View {
	t.Helper()
	return holding(t, p, configuration, "token", origin, blob)
}

// holding is stored for a secret of another name and host.
func holding(t *testing.T, p domain.Provider, configuration, member, origin string, blob []byte) store.View {
	t.Helper()
	table := rand.Text()
	must(t, testkit.CreateTable(t.Context(), dynamoURL, table))
	s := store.New(dynamodb.New(dynamodb.Options{Region: "eu-central-1", BaseEndpoint: &dynamoURL, Credentials: who}), table)
	i := store.Integration{
		Integration:   domain.Integration{ID: 501, OrganisationID: 1001, ItemType: "work_item", Provider: p, Configuration: configuration},
		SecretOrigins: map[string]string{member: origin},
	}
	must(t, s.CreateIntegration(t.Context(), i, map[string][]byte{member: blob}))
	v, err := s.View(t.Context(), store.IntegrationRef{ID: 501, OrganisationID: 1001, ItemType: "work_item"}, 0)
	must(t, err)

	return v
}

func TestOpen(t *testing.T) {
	client := keys(t)
	sealed := func(integration domain.Snowflake, origin string) []byte {
		b := sealing.Binding{Organisation: 1001, Integration: integration, Field: "token", Origin: origin}
		blob, err := sealing.Seal(t.Context(), client, keyARN, b, token)
		must(t, err)
		return blob
	}

	const good = `{"owner":"o","repo":"r","token":"********"}`
	for name, c := range map[string]struct {
		configuration string
		blob          []byte
		code          string
	}{
		"good":                                 {good, sealed(501, origin), ""},
		"damaged":                              {good, []byte("x"), SecretUnreadable},
		"another integration's: KMS refuses":   {good, sealed(502, origin), SecretUnreadable},
		"sealed for another host: KMS refuses": {good, sealed(501, "https://elsewhere.example"), SecretUnreadable},
		"configuration":                        {`[]`, sealed(501, origin), ConfigurationUnusable},
	} {
		opened, err := Open(t.Context(), client, outbound.New(outbound.Config{}), storedView(t, domain.GitHub, c.configuration, c.blob))
		var told *failure.Error
		switch {
		case c.code == "" && (err != nil || opened.Connector == nil || opened.Secrets["token"] != token):
			t.Errorf("%s: %v", name, err)
		case c.code != "" && (!errors.As(err, &told) || told.Code != c.code || told.Class != failure.Final || told.Scope != failure.IntegrationScope):
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

// A chat's secret is a whole URL, sealed for its host; which connector it opens
// hangs on what is given.
func TestOpenChats(t *testing.T) {
	client := keys(t)
	for _, tt := range []struct {
		provider                      domain.Provider
		configuration, member, origin string
		secret                        string
		finds                         bool
	}{
		{domain.Discord, `{"webhook_url":"********"}`, "webhook_url", "https://discord.com", "https://discord.com/api/webhooks/123456789012345678/" + token, false},
		{domain.Discord, `{"bot_token":"********","channel_id":"123456789012345678"}`, "bot_token", "https://discord.com", token, true},
		{domain.Slack, `{"webhook_url":"********"}`, "webhook_url", "https://hooks.slack.com", "https://hooks.slack.com/services/T0/B0/" + token, false},
		{domain.Slack, `{"bot_token":"********","channel":"C0123456789"}`, "bot_token", "https://slack.com", token, true},
		{domain.Teams, `{"workflow_url":"********"}`, "workflow_url", "https://prod-1.westeurope.logic.azure.com", "https://prod-1.westeurope.logic.azure.com/workflows/0a/triggers/manual/paths/invoke?sig=" + token, false},
	} {
		b := sealing.Binding{Organisation: 1001, Integration: 501, Field: tt.member, Origin: tt.origin}
		blob, err := sealing.Seal(t.Context(), client, keyARN, b, tt.secret)
		must(t, err)
		opened, err := Open(t.Context(), client, outbound.New(outbound.Config{}), holding(t, tt.provider, tt.configuration, tt.member, tt.origin, blob))
		must(t, err)
		_, finds := opened.Connector.(connector.Finder)
		_, chat := opened.Connector.(connector.Chat)
		if finds != tt.finds || !chat || opened.Secrets[tt.member] != tt.secret {
			t.Errorf("%s %s: %T", tt.provider, tt.member, opened.Connector)
		}
	}
}

// That KMS is away, or forbids it, is ours: it is tried again, and nobody is
// told to give his secret anew.
func TestKMSIsOurs(t *testing.T) {
	blob, err := sealing.Seal(t.Context(), keys(t), keyARN, sealing.Binding{Organisation: 1001, Integration: 501, Field: "token", Origin: origin}, token)
	must(t, err)
	away := kms.New(kms.Options{Region: "eu-central-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), Credentials: who, RetryMaxAttempts: 1})
	_, err = Open(context.Background(), away, outbound.New(outbound.Config{}), storedView(t, domain.GitHub, `{}`, blob))
	var told *failure.Error
	if err == nil || errors.As(err, &told) {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
