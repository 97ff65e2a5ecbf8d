package configuration

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

// C4: the spellings of one workflow's URL are stored as one, and lead to one
// place.
func TestWorkflowHasOneSpelling(t *testing.T) {
	want, err := Accept(domain.Teams, fill(`{"workflow_url":$TEAMS}`), nil)
	if err != nil || want.NewSecrets["workflow_url"] == "" {
		t.Fatal(err)
	}

	for _, pasted := range []string{
		strings.Replace(teamsHook, "/invoke?", "/invoke/?", 1),
		strings.Replace(teamsHook, "sp=%2Ftriggers%2Fmanual%2Frun", "sp=/triggers/manual/run", 1),
	} {
		got, err := Accept(domain.Teams, `{"workflow_url":"`+pasted+`"}`, nil)
		if err != nil || got.NewSecrets["workflow_url"] != want.NewSecrets["workflow_url"] || got.Destination.Hash() != want.Destination.Hash() {
			t.Errorf("%s\n%s\n%v", pasted, got.NewSecrets["workflow_url"], err)
		}
	}
}

// The port of https, which Microsoft writes out, does not make another place.
func TestWorkflowPortIsNoOtherPlace(t *testing.T) {
	for _, text := range []string{teamsHook, strings.Replace(teamsHook, ":443/", "/", 1)} {
		got, err := Accept(domain.Teams, `{"workflow_url":"`+text+`"}`, nil)
		if err != nil || got.NewSecrets["workflow_url"] != text || got.Destination.Origin != "https://default0a1b.0f.environment.api.powerplatform.com" {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// C3: a manager reads the promised sentence.
func TestOfficeConnectorRefused(t *testing.T) {
	_, err := Accept(domain.Teams, `{"workflow_url":"https://contoso.webhook.office.com/webhookb2/11111111-2222-3333-4444-555555555555@66666666-7777-8888-9999-000000000000/IncomingWebhook/0123456789abcdef0123456789abcdef/99999999-8888-7777-6666-555555555555"}`, nil)
	expect(t, err, CodeInvalid, map[string]string{
		root + ".workflow_url": "is an Office 365 connector, and Microsoft has retired those: make a workflow in Teams (“Send webhook alerts to a channel”) and give its URL",
	})
}

const aThread = "1234567890123456789"

// C11: the thread in a pasted webhook URL becomes the member thread_id.
func TestPastedThread(t *testing.T) {
	named, err := Accept(domain.Discord, fill(`{"webhook_url":$DISCORD,"thread_id":"`+aThread+`"}`), nil)
	if err != nil {
		t.Fatal(err)
	}

	for _, text := range []string{
		`{"webhook_url":"` + discHook + `?thread_id=` + aThread + `"}`,
		`{"webhook_url":"` + discHook + `?thread_id=` + aThread + `","thread_id":"` + aThread + `"}`,
		`{"webhook_url":"` + strings.Replace(discHook, "/api/", "/api/v10/", 1) + `?thread_id=` + aThread + `"}`,
	} {
		got, err := Accept(domain.Discord, text, nil)
		if err != nil || got.Public != named.Public || got.Destination.Hash() != named.Destination.Hash() || strings.Contains(got.NewSecrets["webhook_url"], "thread_id") {
			t.Errorf("%s\n%+v\n%v", text, got, err)
		}

		if err == nil {
			reaccept(t, domain.Discord, got)
		}
	}
}

// C11: two threads are a conflict, whose error names the member.
func TestPastedThreadConflicts(t *testing.T) {
	pasted := `"webhook_url":"` + discHook + `?thread_id=` + aThread + `"`
	for text, want := range map[string]map[string]string{
		`{` + pasted + `,"thread_id":"9999999999999999999"}`:                                         {"thread_id": "is another thread than webhook_url names: give one of them only"},
		`{` + pasted + `,"thread_id":"12"}`:                                                          {"thread_id": "is another thread than webhook_url names: give one of them only"},
		`{` + pasted + `,"thread_id":12}`:                                                            {"thread_id": "must be a string (in quotation marks)", "webhook_url": "must end after the webhook's token; a thread is named in thread_id, or by ?thread_id= and its 17 to 20 digits"},
		`{` + pasted + `,"thread_name":"{{title}}"}`:                                                 {"thread_name": "must not be given together with a thread (in thread_id or in webhook_url): a forum's thread is named, or made for each item"},
		`{"webhook_url":"` + discHook + `?thread_id=12"}`:                                            {"webhook_url": "must end after the webhook's token; a thread is named in thread_id, or by ?thread_id= and its 17 to 20 digits"},
		`{"webhook_url":"` + discHook + `?thread_id=` + aThread + `&thread_id=9999999999999999999"}`: {"webhook_url": "must end after the webhook's token; a thread is named in thread_id, or by ?thread_id= and its 17 to 20 digits"},
		`{"webhook_url":"` + discHook + `?wait=true"}`:                                               {"webhook_url": "must end after the webhook's token; a thread is named in thread_id, or by ?thread_id= and its 17 to 20 digits"},
	} {
		_, err := Accept(domain.Discord, text, nil)
		fields := map[string]string{}
		for name, detail := range want {
			fields[root+"."+name] = detail
		}

		expect(t, err, CodeInvalid, fields)
	}
}

// C11: thread_name is a template over the items' fields, for webhooks alone.
func TestThreadName(t *testing.T) {
	for _, text := range []string{`{"webhook_url":$DISCORD,"thread_name":"{{formatted_number}} {{title}}"}`, `{"webhook_url":$DISCORD,"thread_name":"All","on_update":"post"}`} {
		if _, err := Accept(domain.Discord, fill(text), nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}

	for text, want := range map[string]map[string]string{
		`{"webhook_url":$DISCORD,"thread_name":"{{nothing}}"}`:          {"thread_name": "names the unknown field {{nothing}}: " + fieldList},
		`{"webhook_url":$DISCORD,"thread_name":"a\nb"}`:                 {"thread_name": "must be one line"},
		`{"webhook_url":$DISCORD,"thread_name":" "}`:                    {"thread_name": "must not be empty: leave it out for the usual text"},
		`{"webhook_url":$DISCORD,"thread_name":"x","thread_id":$CH}`:    {"thread_name": "must not be given together with a thread (in thread_id or in webhook_url): a forum's thread is named, or made for each item"},
		`{"bot_token":$BOT,"channel_id":$CH,"thread_name":"{{title}}"}`: {"thread_name": "goes with webhook_url only: a bot posts into one channel or thread"},
	} {
		_, err := Accept(domain.Discord, fill(text), nil)
		fields := map[string]string{}
		for name, detail := range want {
			fields[root+"."+name] = detail
		}

		expect(t, err, CodeInvalid, fields)
	}
}

// A GovSlack bot's token goes to slack-gov.com, and a token that was given for
// one of the two hosts is never sent to the other.
func TestGovSlackBot(t *testing.T) {
	usual, err := Accept(domain.Slack, fill(`{"bot_token":$BOT,"channel":"C0123456789"}`), nil)
	if err != nil || usual.Destination.Origin != "https://slack.com" {
		t.Fatal(usual.Destination, err)
	}

	for _, base := range []string{"https://slack-gov.com", "https://slack-gov.com/", "https://slack-gov.com/api", "https://SLACK-GOV.com:443/api/"} {
		got, err := Accept(domain.Slack, fill(`{"bot_token":$BOT,"channel":"C0123456789","base_url":"`+base+`"}`), nil)
		if err != nil || got.Destination.Origin != "https://slack-gov.com" || got.Destination.Hash() == usual.Destination.Hash() {
			t.Errorf("%s: %+v, %v", base, got.Destination, err)
		}
	}

	for _, base := range []string{"https://slack.com", "https://slack.com/api/"} {
		got, err := Accept(domain.Slack, fill(`{"bot_token":$BOT,"channel":"C0123456789","base_url":"`+base+`"}`), nil)
		if err != nil || got.Destination.Hash() != usual.Destination.Hash() {
			t.Errorf("%s: %+v, %v", base, got.Destination, err)
		}
	}

	const rule = "must be https://slack.com, or https://slack-gov.com for GovSlack"
	for _, base := range []string{
		"https://slack-gov.com.evil.com", "https://evil.com/slack-gov.com", "https://api.slack-gov.com", "https://agency.slack-gov.com", "https://slack-gov.com/apix",
		"https://slack-gov.com:8443", "https://hooks.slack-gov.com", "https://xslack-gov.com", "https://slack-gov.com/api/chat.postMessage",
	} {
		_, err := Accept(domain.Slack, fill(`{"bot_token":$BOT,"channel":"C0123456789","base_url":"`+base+`"}`), nil)
		expect(t, err, CodeInvalid, map[string]string{root + ".base_url": rule})
	}

	_, err = Accept(domain.Slack, fill(`{"webhook_url":$SLACK,"base_url":"https://slack-gov.com"}`), nil)
	expect(t, err, CodeInvalid, map[string]string{root + ".base_url": "goes with bot_token only: the host of a webhook is in webhook_url"})

	_, err = Accept(domain.Slack, fill(`{"bot_token":$MASK,"channel":"C0123456789","base_url":"https://slack-gov.com"}`), stored(usual))
	expect(t, err, CodeSecretRequired, map[string]string{root + ".bot_token": "must be given anew: base_url has changed"})
	kept, err := Accept(domain.Slack, fill(`{"bot_token":$MASK,"channel":"C0123456789","base_url":"https://slack.com"}`), stored(usual))
	if err != nil || len(kept.KeptSecrets) != 1 {
		t.Errorf("the usual address, spelled out: %+v, %v", kept, err)
	}
}
