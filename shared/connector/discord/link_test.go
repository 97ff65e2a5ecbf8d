package discord

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/chat"
)

// C5: which item URLs may stand in embed.url, and in which spelling. They come as
// chat.Address gives them.
func TestEmbedURL(t *testing.T) {
	for given, want := range map[string]string{
		"https://app.example/i/1?a=%28b%29#c":     "https://app.example/i/1?a=%28b%29#c",
		"https://App.Example:8443/i/1":            "https://app.example:8443/i/1",
		"http://items.corp.internal/1":            "http://items.corp.internal/1",
		"http://192.168.1.7:3000/i/1":             "http://192.168.1.7:3000/i/1",
		"http://127.0.0.1/i/1":                    "http://127.0.0.1/i/1",
		"https://münchen.example/":                "https://xn--mnchen-3ya.example/",
		"https://MÜNCHEN.example:8443/straße?x=ü": "https://xn--mnchen-3ya.example:8443/stra%C3%9Fe?x=%C3%BC",
		"https://例え.テスト/1":                        "https://xn--r8jz45g.xn--zckzah/1",
		"https://xn--mnchen-3ya.example/":         "https://xn--mnchen-3ya.example/",

		"http://bugsink:8000/issues/1": "", "http://localhost": "", "http://localhost:3000/1": "", "https://münchen/": "",
		"http://[::1]/": "", "http://[2606:4700::1111]/1": "", "https://a_b.example/1": "", "https://1.2.3/": "", "https://0x7f.1/": "",
		"https://example./": "", "https://example.c/": "", "https://.example.com/": "", "https://a..example.com/": "", "https://-a.example.com/": "",
		"https://" + strings.Repeat("a", 64) + ".example/": "", "https://xn--a.example/": "", "ftp://app.example/1": "", "": "", "app.example/1": "", "https://": "",
	} {
		address, _ := chat.Address(given)
		got, ok := embedURL(address)
		if got != want && ok || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", given, got, ok, want)
		}
	}

	for _, given := range []string{
		"https://user@app.example/1", "https://user:word@app.example/1", "https:app.example/1", "https://app.example/" + strings.Repeat("x", maxURL),
		"http://[::1]/", "http://[2606:4700::1111]:8443/1", "http://a.\xbc0000000000000000000/",
	} {
		if got, ok := embedURL(given); ok || got != "" && len(got) <= maxURL {
			t.Errorf("%q: %q", given, got)
		}
	}

	if got, ok := embedURL("https://app.example/a b"); !ok || got != "https://app.example/a%20b" {
		t.Errorf("%q %v", got, ok)
	}
}

// C5: a message whose item has such a URL leaves without the member; all else of
// it stays.
func TestAddressIsLeftOut(t *testing.T) {
	f, w := startHook(t, "")
	f.answers(200, nil, posted1)
	for address, want := range map[string]string{
		"http://bugsink:8000/issues/1": "", "http://localhost": "", "https://münchen.example/1": "https://xn--mnchen-3ya.example/1", "https://app.test/1": "https://app.test/1",
	} {
		c := w.Render(domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "t", URL: address})
		if _, err := w.Create(t.Context(), c, marker); err != nil {
			t.Fatal(err)
		}

		if _, err := w.Update(t.Context(), sent, c, marker); err != nil {
			t.Fatal(err)
		}

		for _, made := range f.take() {
			var p struct{ Embeds []map[string]any }
			if err := json.Unmarshal([]byte(made.body), &p); err != nil || len(p.Embeds) != 1 {
				t.Fatal(made.body, err)
			}

			got, present := p.Embeds[0]["url"]
			description, _ := p.Embeds[0]["description"].(string)
			shown := strings.Contains(description, "<"+address+">") // where no link leads there
			if present != (want != "") || present && got != want || shown == present || !strings.Contains(made.body, "WI-1 t") {
				t.Errorf("%s: %s: %s", address, made.method, made.body)
			}
		}
	}
}

// FuzzEmbedURL: what is sent is an absolute address of ASCII whose host has a dot,
// and is its own spelling.
func FuzzEmbedURL(f *testing.F) {
	for _, text := range []string{"https://münchen.example/ä?ö#ü", "http://bugsink:8000/", "http://[::1%25eth0]/", "https://a@b.example/", "https://1.2.3.4:5", "https://xn--/", "https://a%2eb/", "http://0.\xbc0000000000000000000"} {
		f.Add(text)
	}

	f.Fuzz(func(t *testing.T, text string) {
		got, ok := embedURL(text)
		if !ok {
			return
		}

		u, err := url.Parse(got)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || !strings.Contains(strings.Trim(u.Hostname(), "."), ".") || !plainASCII(got) || len(got) > maxURL {
			t.Fatalf("%q → %q: %+v %v", text, got, u, err)
		}

		if again, ok := embedURL(got); !ok || again != got {
			t.Fatalf("%q → %q → %q", text, got, again)
		}
	})
}
