package address

import (
	"net/url"
	"strings"
	"testing"
)

// The parts of workflow URLs in these tests. The signature is put together here,
// so that no scanner takes it for a real one.
var (
	flowSig   = "&si" + "g=" + strings.Repeat("x", 43)
	flowQuery = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0" + flowSig
	flowID    = strings.Repeat("0a", 16)
)

const (
	flowHost  = "https://default0a1b2c.0f.environment.api.powerplatform.com:443"
	flowRoot  = "/powerautomate/automations/direct"
	flowStart = "/triggers/manual/paths/invoke"
)

// C3: each real form of an Office 365 connector's URL gets the sentence that
// says that connectors are retired, and none that complains about the @ in it.
func TestOfficeConnectorIsNamed(t *testing.T) {
	const (
		guids = "11111111-2222-3333-4444-555555555555@66666666-7777-8888-9999-000000000000"
		tail  = "/IncomingWebhook/0123456789abcdef0123456789abcdef/99999999-8888-7777-6666-555555555555"
	)
	for _, text := range []string{
		"https://contoso.webhook.office.com/webhookb2/" + guids + tail,
		"https://contoso.webhook.office.com/webhookb2/" + guids + tail + "/V2" + strings.Repeat("x", 40),
		"https://CONTOSO.Webhook.Office.com/webhookb2/" + guids + "/JenkinsCI/0123456789abcdef0123456789abcdef/99999999-8888-7777-6666-555555555555",
		"https://contoso.webhook.office.com:443/webhookb2/" + guids + tail,
		"https://contoso.webhook.office.com/webhookb2/x",
		"http://contoso.webhook.office.com/webhookb2/" + guids + tail,
		"https://contoso.webhook.office.com/webhookb2/" + guids + tail + "/",
		"https://contoso.webhook.office.com/webhookb2/" + guids + tail + "?x=1",
		"https://outlook.office.com/webhook/" + guids + tail,
		"https://outlook.office365.com/webhook/" + guids + tail,
		"https://contoso.webhook.office365.us/webhookb2/" + guids + tail,
	} {
		_, err := TeamsWorkflow(text)
		if err == nil || !strings.Contains(err.Error(), "retired") || !strings.Contains(err.Error(), "workflow") {
			t.Errorf("%q: %v", text, err)
		}

		if err != nil && strings.Contains(err.Error(), "contoso") {
			t.Errorf("the error repeats the address: %v", err)
		}
	}

	// What only looks like a connector is refused for what it is.
	for text, why := range map[string]string{
		"https://contoso.webhook.office.com@evil.com/webhookb2/x":                                   "user name",
		"https://contoso.webhook.office.com.evil.com/webhookb2/x":                                   "host",
		"https://evil.com/contoso.webhook.office.com/webhookb2/x":                                   "host",
		"https://xwebhook.office.com/webhookb2/x":                                                   "host",
		"https://evil.com\\@contoso.webhook.office.com/webhookb2/x":                                 "user name",
		"https://outlook.office.com.evil.com/webhook/11111111-2222-3333-4444-555555555555@66666666": "user name",
	} {
		_, err := TeamsWorkflow(text)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want an error about %q", text, err, why)
		}
	}
}

// C4: the forms in which Microsoft shows the URL of a workflow, each as it is
// stored and sent.
func TestWorkflowForms(t *testing.T) {
	for name, c := range map[string]struct{ text, path, query string }{
		"as shown":             {flowHost + flowRoot + "/workflows/" + flowID + flowStart + flowQuery, flowRoot + "/workflows/" + flowID + flowStart, flowQuery[1:]},
		"slash at the end":     {flowHost + flowRoot + "/workflows/" + flowID + flowStart + "/" + flowQuery, flowRoot + "/workflows/" + flowID + flowStart, flowQuery[1:]},
		"with its scale unit":  {flowHost + flowRoot + "/cu/07/workflows/" + flowID + flowStart + flowQuery, flowRoot + "/cu/07/workflows/" + flowID + flowStart, flowQuery[1:]},
		"unescaped permission": {flowHost + flowRoot + "/workflows/" + flowID + flowStart + "?api-version=1&sp=/triggers/manual/run&sv=1.0" + flowSig, flowRoot + "/workflows/" + flowID + flowStart, flowQuery[1:]},
		"tenant in the query": {
			flowHost + flowRoot + "/workflows/" + flowID + flowStart + "/?api-version=1&tenantId=tId&environmentName=Default-0c130962-09bc&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0" + flowSig,
			flowRoot + "/workflows/" + flowID + flowStart, "api-version=1&tenantId=tId&environmentName=Default-0c130962-09bc&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0" + flowSig,
		},
		"Logic Apps": {
			"https://prod-12.westeurope.logic.azure.com:443/workflows/" + flowID + flowStart + "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0" + flowSig,
			"/workflows/" + flowID + flowStart, "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0" + flowSig,
		},
		"another trigger": {
			"https://prod2-09.southafricanorth.logic.azure.com/workflows/" + flowID + "/triggers/When_a_HTTP_request_is_received/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers%2FWhen_a_HTTP_request_is_received%2Frun&sv=1.0" + flowSig,
			"/workflows/" + flowID + "/triggers/When_a_HTTP_request_is_received/paths/invoke",
			"api-version=2016-10-01&sp=%2Ftriggers%2FWhen_a_HTTP_request_is_received%2Frun&sv=1.0" + flowSig,
		},
		"a trigger in French": {
			"https://prod-12.westeurope.logic.azure.com/workflows/" + flowID + "/triggers/R%C3%A9ception_(HTTP)/paths/invoke?api-version=2016-10-01" + flowSig,
			"/workflows/" + flowID + "/triggers/R%C3%A9ception_(HTTP)/paths/invoke", "api-version=2016-10-01" + flowSig,
		},
	} {
		u, err := TeamsWorkflow(c.text)
		if err != nil || u.Path != c.path || u.Query != c.query {
			t.Errorf("%s: %q ? %q, %v", name, u.Path, u.Query, err)
			continue
		}

		again, err := TeamsWorkflow(u.String() + "?" + u.Query)
		if err != nil || again != u {
			t.Errorf("%s: the stored form is read as %v, %v", name, again, err)
		}
	}
}

// C4: the hosts of each cloud, as Microsoft lists them.
func TestWorkflowClouds(t *testing.T) {
	const environment = "default0a1b2c.4.environment."
	for _, host := range []string{
		"0a1b2c0a1b2c0a1b2c0a1b2c0a1b2c.e2.environment.api.powerplatform.com",
		environment + "api.gov.powerplatform.microsoft.us",
		environment + "api.high.powerplatform.microsoft.us",
		environment + "api.appsplatform.us",
		environment + "api.powerplatform.partner.microsoftonline.cn",
		"prod-05.usgovtexas.logic.azure.us",
		"prod-05.chinaeast2.logic.azure.cn",
	} {
		text := "https://" + host + ":443" + flowRoot + "/workflows/" + flowID + flowStart + flowQuery
		if u, err := TeamsWorkflow(text); err != nil || u.Host != host || u.Port != "" {
			t.Errorf("%s: %+v, %v", host, u, err)
		}
	}

	for _, host := range []string{
		"api.gov.powerplatform.microsoft.us", "environment.api.powerplatform.com", "x.api.powerplatform.com", "environment.api.appsplatform.us",
		"default0a.4.environment.api.powerplatform.us", "default0a.4.environment.api.appsplatform.us.evil.com", "default0a.4xenvironment.api.appsplatform.us",
		"default0a.4.environment.api.powerplatform.com.cn", "default0a.4.environment.powerplatform.microsoft.us", "make.gov.powerplatform.microsoft.us",
		"xlogic.azure.us", "logic.azure.us", "prod-05.usgovtexas.logic.azure.de", "evil.azurewebsites.net",
		"default0a.4.environment.api.preprod.powerplatform.com", "a.b.c.environment.api.powerplatform.com", "a.b.c.logic.azure.com", "default0a.4.environment.api.powerplatform.com:8443",
	} {
		text := "https://" + host + flowRoot + "/workflows/" + flowID + flowStart + flowQuery
		if u, err := TeamsWorkflow(text); err == nil || !strings.Contains(err.Error(), "host") {
			t.Errorf("%s: %+v, %v", host, u, err)
		}
	}
}

func TestWorkflowsRefused(t *testing.T) {
	good := flowHost + flowRoot + "/workflows/" + flowID + flowStart
	for text, why := range map[string]string{
		good + "//" + flowQuery: "path",
		good + "/x" + flowQuery: "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/../paths/invoke" + flowQuery:                               "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/%2e%2e/paths/invoke" + flowQuery:                           "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/a%2Fb/paths/invoke" + flowQuery:                            "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/a%5Cb/paths/invoke" + flowQuery:                            "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/a%00b/paths/invoke" + flowQuery:                            "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/a%FFb/paths/invoke" + flowQuery:                            "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/a%zzb/paths/invoke" + flowQuery:                            "path",
		flowHost + flowRoot + "/workflows/" + flowID + "/triggers/" + strings.Repeat("a", 300) + "/paths/invoke" + flowQuery: "path",
		flowHost + flowRoot + "/workflows/%30a/triggers/manual/paths/invoke" + flowQuery:                                     "path",
		flowHost + flowRoot + "/cu/x/workflows/" + flowID + flowStart + flowQuery:                                            "path",
		flowHost + "/cu/07/workflows/" + flowID + flowStart + flowQuery:                                                      "path",
		good + "?api-version=1": "sig=",
		good + "/?api-version=1&tenantId=tId&environmentName=Default-0c130962": "Anyone",
		good + "?api-version=1&si" + "g=":                                      "sig=",
	} {
		u, err := TeamsWorkflow(text)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %+v, %v; want an error about %q", text, u, err, why)
		}
	}
}

// FuzzTeamsWorkflow: what is accepted leads to a pinned host, is read the same
// way by net/url, and is its own stored form.
func FuzzTeamsWorkflow(f *testing.F) {
	f.Add(flowHost + flowRoot + "/workflows/" + flowID + flowStart + "/" + flowQuery)
	f.Add(flowHost + flowRoot + "/cu/07/workflows/" + flowID + flowStart + flowQuery)
	f.Add("https://prod-12.westeurope.logic.azure.com/workflows/0a/triggers/R%C3%A9ception_(x)/paths/invoke?sp=/triggers/manual/run" + flowSig)
	f.Add("https://contoso.webhook.office.com/webhookb2/1@2/IncomingWebhook/3/4")
	f.Add("https://a.b.environment.api.powerplatform.com@evil.com/workflows/0a/triggers/manual/paths/invoke" + flowQuery)
	f.Fuzz(func(t *testing.T, text string) {
		u, err := TeamsWorkflow(text)
		if err != nil {
			return
		}

		stored := u.String() + "?" + u.Query
		read, err := url.Parse(stored)
		if err != nil || read.Scheme != "https" || read.User != nil || read.Host != u.Host || read.EscapedPath() != u.Path || read.RawQuery != u.Query || read.Fragment != "" {
			t.Fatalf("%q: ours %+v, net/url's %+v %v", text, u, read, err)
		}

		if !teamsHost(u.Host) || u.Port != "" || strings.Contains(read.Path, "..") {
			t.Fatalf("%q leads to %q", text, stored)
		}

		if again, err := TeamsWorkflow(stored); err != nil || again != u {
			t.Fatalf("%q → %q → %+v, %v", text, stored, again, err)
		}
	})
}
