package outbound

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSecretsInEveryForm(t *testing.T) {
	for _, secret := range []string{
		"p@ss w/örd+&=?x", "S3cr3t-Value_without.pattern", "ab/cd+ef=gh==", "quote\"back\\slash", "abc",
		"-----BEGIN KEY-----\nMIIEowIBAAKCAQEAx1y2z3\nqqqqwwwweeeerrrrtttt\n-----END KEY-----",
	} {
		c := New(Config{Secrets: []string{"", "other-secret", secret}})
		quoted, _ := json.Marshal(secret)
		forms := map[string]string{
			"plain": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "lower": strings.ToLower(url.QueryEscape(secret)),
			"json": string(quoted), "control": strings.Join(strings.Split(secret, ""), "\u200b"), "nul": secret[:2] + "\x00" + secret[2:],
			"base64": base64.StdEncoding.EncodeToString([]byte(secret)), "base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)),
			"basic1": base64.StdEncoding.EncodeToString([]byte("u:" + secret)), "basic2": base64.StdEncoding.EncodeToString([]byte("me@x.org:" + secret)),
			"basic3": base64.StdEncoding.EncodeToString([]byte("usr:" + secret + "tail")), "hex": hex.EncodeToString([]byte(secret)),
		}
		if len(secret) < 6 {
			forms = map[string]string{"plain": secret}
		}

		if secret != strings.ToLower(secret) {
			delete(forms, "lower") // letters change case too: another text
		}

		for name, form := range forms {
			got := c.Clean("before " + form + " after")
			if strings.Contains(got, form) || strings.Contains(got, secret) || !strings.Contains(got, Redacted) || !strings.Contains(got, "before") {
				t.Errorf("%s of %q: %q", name, secret, got)
			}

			// What is left must not decode to most of it.
			if mid := form[len(form)/4 : len(form)*3/4]; len(mid) > 8 && strings.Contains(got, mid) {
				t.Errorf("%s of %q leaves its middle: %q", name, secret, got)
			}
		}
	}
}

func TestTokenPatterns(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x1", n/2) }
	c := New(Config{})
	for _, token := range []string{
		"gh" + "p_" + x(36), "gh" + "o_" + x(36), "gh" + "s_" + "123_" + x(200) + "." + x(100) + "." + x(200), "github" + "_pat_" + x(22) + "_" + x(58),
		"gl" + "pat-" + x(20), "SIE-gl" + "pat-" + x(20), "gl" + "pat-" + x(200) + ".01." + x(8), "gl" + "oas-" + x(64),
		"ATA" + "TT3" + x(150) + "=AB12", "ATS" + "TT" + x(60), "xo" + "xb-" + x(12) + "-" + x(24), "xo" + "xe.xoxp-1-" + x(40), "xap" + "p-1-" + x(30),
		"https://discord.com/api/" + "webhooks/" + strings.Repeat("1", 18) + "/" + x(68),
		"https://canary.discord.com/api/v10/" + "webhooks/" + strings.Repeat("1", 18) + "/" + x(68),
		"https://hooks." + "slack.com/services/" + "T0/B0/" + x(24), x(24) + "." + x(6) + "." + x(38),
		"sig=" + x(40) + "%3D", "ey" + "J" + x(20) + "." + x(40) + "." + x(40), "Bearer " + x(32), "Authorization: " + x(32), "PRIVATE-TOKEN: " + x(20),
		"-----BEGIN RSA " + "PRIVATE KEY-----\n" + x(64) + "\n" + x(64) + "\n-----END RSA " + "PRIVATE KEY-----", "-----BEGIN " + "PRIVATE KEY-----\n" + x(64),
	} {
		got := c.Clean("bad credentials: " + token)
		if strings.Contains(got, "x1x1x1x1") || !strings.HasPrefix(got, "bad credentials") || !strings.Contains(got, Redacted) {
			t.Errorf("%q: %q", token, got)
		}
	}
}

func TestCleanAddresses(t *testing.T) {
	c := New(Config{})
	for text, want := range map[string]string{
		"see https://u:pw@host.test/a/b?key=1&x=2#frag now": "see https://host.test/a/b now",
		"https://host.test?k=v":                             "https://host.test",
		"a\r\nb\tc\x00d\x1b[31m\u202e\u2028":                "a b cd[31m",
		strings.Repeat("ü", 500):                            strings.Repeat("ü", 199) + "…",
		"bad \xff\xfe utf8":                                 "bad utf8",
	} {
		if got := c.Clean(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	const secret = "S3cr3t-Value/+x"
	f.Add("x", "https://a:b@c/?d", 3)
	c := New(Config{Secrets: []string{secret}})
	f.Fuzz(func(t *testing.T, before, after string, _ int) {
		for _, form := range []string{secret, url.QueryEscape(secret)} {
			got := c.Clean(before + form + after)
			if strings.Contains(got, secret) || !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxDetail {
				t.Errorf("%q", got)
			}

			if strings.ContainsFunc(got, unicode.IsControl) {
				t.Errorf("control character in %q", got)
			}
		}
	})
}
