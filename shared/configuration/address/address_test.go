package address

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// hostile are addresses no self-hosted server may be named by.
var hostile = []string{
	// not https, or not an address
	"", "https", "https:", "https:/", "https://", "https:///", "https:///path", "http://git.example.com", "HTTP://git.example.com",
	"ftp://git.example.com", "file:///etc/passwd", "gopher://git.example.com", "javascript:alert(1)", "//git.example.com", "git.example.com",
	"https:git.example.com", "https:/git.example.com", "https:\\\\git.example.com", "https://?", "https://:443", "https://:443/x", " https://git.example.com",
	// user information, query, fragment
	"https://user@git.example.com", "https://user:pass@git.example.com", "https://git.example.com@evil.com", "https://@git.example.com",
	"https://git.example.com:pass@evil.com", "https://git.example.com/a@b", "https://git.example.com?x=1", "https://git.example.com/?", "https://git.example.com#x",
	"https://git.example.com/#", "https://evil.com#.git.example.com", "https://evil.com?.git.example.com",
	// two readers, two hosts
	"https://git.example.com\\@evil.com", "https://git.example.com\\.evil.com", "https://evil.com\\", "https://git.example.com%2eevil.com", "https://git.example.com%00.evil.com",
	"https://git.example.com%2fevil.com", "https://git\t.example.com", "https://git.example.com\r\nHost: evil.com", "https://git.example.com\n", "https://git.example.com ", "https://git example.com",
	"https://git.example.com\x00", "https://git.example.com;evil.com", "https://git.example.com,evil.com", "https://[git.example.com]", "https://{git}.example.com", "https://git.example.com|x",
	"https://git.example.com<x>", "https://git.example.com\"", "https://git.example.com`x`", "https://git.example.com^x", "https://$git.example.com", "https://*.example.com", "https://git_lab.example.com",
	// look-alikes and other scripts
	"https://gіtlab.com", "https://gitlab。com", "https://ｇｉｔｌａｂ.com", "https://bücher.example", "https://git.example.com/ü", "https://git.exam\u200bple.com", "https://①②⑦.0.0.1",
	// not full names
	"https://gitlab", "https://git.example.com.", "https://git.example.com./x", "https://git..example.com", "https://.example.com", "https://-git.example.com", "https://git-.example.com", "https://" + strings.Repeat("a", 64) + ".com",
	"https://" + strings.Repeat("a.", 130) + "com", "https://com", "https://.", "https://..",
	// ports
	"https://git.example.com:", "https://git.example.com:0", "https://git.example.com:65536", "https://git.example.com:99999", "https://git.example.com:-1", "https://git.example.com:+443", "https://git.example.com:4 43", "https://git.example.com:https",
	"https://git.example.com:443:443", "https://git.example.com:0x1bb",
	// paths
	"https://git.example.com/..", "https://git.example.com/a/../b", "https://git.example.com/./a", "https://git.example.com//a", "https://git.example.com/a//", "https://git.example.com/%2e%2e/a", "https://git.example.com/a%2fb", "https://git.example.com/a b", "https://git.example.com/a;b", "https://git.example.com/a\\b",
	// the machine itself and its neighbours, by name
	"https://localhost", "https://LOCALHOST", "https://localhost:9001", "https://localhost.", "https://foo.localhost", "https://localhost.localdomain", "https://ip6-localhost", "https://metadata", "https://metadata.google.internal", "https://metadata.goog", "https://metadata.azure.internal", "https://instance-data.ec2.internal",
	// IPv4
	"https://127.0.0.1", "https://127.0.0.1:9001", "https://127.8.8.8", "https://0.0.0.0", "https://10.0.0.1", "https://10.255.255.255", "https://172.16.0.1", "https://172.31.255.255", "https://192.168.1.1", "https://169.254.169.254", "https://169.254.170.2", "https://100.64.0.1", "https://100.127.255.254", "https://100.100.100.200", "https://192.0.0.192", "https://168.63.129.16", "https://198.18.0.1", "https://224.0.0.1", "https://240.0.0.1", "https://255.255.255.255", "https://192.0.2.1", "https://198.51.100.7", "https://203.0.113.9", "https://192.88.99.1",
	// IPv4 in disguise
	"https://127.1", "https://127.0.1", "https://2130706433", "https://0x7f000001", "https://0x7f.0.0.1", "https://0177.0.0.1", "https://127.0.0.01", "https://127.0.0.0x1", "https://017700000001", "https://1.2.3.4.5", "https://foo.1", "https://foo.0x7f", "https://foo.0x", "https://127.0.0.1.", "https://256.1.1.1", "https://8.8.8.8.",
	// IPv6
	"https://::1", "https://[::1]", "https://[::1]:9001", "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:a9fe:a9fe]", "https://[::ffff:8.8.8.8]", "https://[::127.0.0.1]", "https://[64:ff9b::7f00:1]", "https://[64:ff9b::808:808]", "https://[64:ff9b:1::1]", "https://[2002:7f00:1::]", "https://[2001::1]", "https://[2001:db8::1]", "https://[fe80::1]", "https://[fe80::1%25eth0]", "https://[fe80::1%eth0]", "https://[2600::1%eth0]", "https://[fc00::1]", "https://[fd00:ec2::254]", "https://[fec0::1]", "https://[ff02::1]", "https://[100::1]", "https://[3fff::1]", "https://[5f00::1]", "https://[::ffff:0:127.0.0.1]",
	"https://[2606:4700::1", "https://2606:4700::1]", "https://[2606:4700::1]x", "https://[]", "https://[[2606:4700::1]]", "https://[8.8.8.8]",
	"https://git.example.com/" + strings.Repeat("a", 2048),
}

func TestBaseRefuses(t *testing.T) {
	if len(hostile) < 80 {
		t.Fatalf("only %d hostile addresses", len(hostile))
	}

	for _, text := range hostile {
		u, err := Base(text)
		if err == nil {
			t.Errorf("Base(%q) = %q, want an error", text, u)
			continue
		}

		if len(text) > 24 && strings.Contains(err.Error(), text[8:]) {
			t.Errorf("Base(%q): the error repeats the address: %v", text, err)
		}
	}
}

func TestBaseSaysWhy(t *testing.T) {
	for text, want := range map[string]error{
		"http://git.example.com":      errScheme,
		"https://a@git.example.com":   errUser,
		"https://git.example.com?x":   errQuery,
		"https://git.example.com#x":   errFragment,
		"https://gіt.example.com":     errChars,
		"https://gitlab":              errHost,
		"https://git.example.com.":    errDot,
		"https://git.example.com:0":   errPort,
		"https://git.example.com/../": errPath,
		"https://localhost":           errPrivate,
		"https://[::1]":               errPrivate,
		"https://10.1.2.3":            errPrivate,
		"https://2130706433":          errHost,
		"https://foo.0x7f":            errHost,
		"https://[2600::1%eth0]":      errHost,
	} {
		if _, err := Base(text); err != want {
			t.Errorf("Base(%q): %v, want %v", text, err, want)
		}
	}
}

func TestBaseCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"https://git.example.com":               "https://git.example.com",
		"https://git.example.com/":              "https://git.example.com",
		"HTTPS://Git.EXAMPLE.com:443/Sub/Path/": "https://git.example.com/Sub/Path",
		"https://git.example.com:8443/x":        "https://git.example.com:8443/x",
		"https://git.example.com:08443":         "https://git.example.com:8443",
		"https://xn--bcher-kva.example":         "https://xn--bcher-kva.example",
		"https://8.8.8.8":                       "https://8.8.8.8",
		"https://[2606:4700:0:0::1111]:8443":    "https://[2606:4700::1111]:8443",
		"https://jira.corp.internal/jira":       "https://jira.corp.internal/jira",
		"https://0x7f.example.com":              "https://0x7f.example.com",
	} {
		u, err := Base(text)
		if err != nil || u.String() != want {
			t.Errorf("Base(%q) = %q, %v; want %q", text, u, err, want)
		}
	}
}

func TestInternal(t *testing.T) {
	for text, want := range map[string]bool{
		"100.63.255.255": false, "100.64.0.0": true, "100.128.0.0": false, "172.15.255.255": false, "172.32.0.0": false,
		"168.63.129.15": false, "168.63.129.16": true, "168.63.129.17": false, "1.1.1.1": false, "2606:4700::1111": false, "2a00:1450::1": false, "2001:4860:4860::8888": false, "2001:1ff::1": true,
	} {
		if got := Internal(netip.MustParseAddr(text)); got != want {
			t.Errorf("Internal(%s) = %v", text, got)
		}
	}
}

// FuzzBase: what is accepted is read the same way by net/url, which the client
// uses, and is its own canonical form.
func FuzzBase(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}

	f.Add("https://git.example.com:8443/a/b")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Base(text)
		if err != nil {
			return
		}

		parsed, err := url.Parse(u.String())
		if err != nil || parsed.Scheme != "https" || parsed.User != nil || parsed.Port() != u.Port || parsed.Path != u.Path ||
			parsed.RawQuery != "" || parsed.Fragment != "" || parsed.Hostname() != strings.Trim(u.Host, "[]") {
			t.Fatalf("%q: ours %+v, net/url's %+v %v", text, u, parsed, err)
		}

		if again, err := Base(u.String()); err != nil || again != u {
			t.Fatalf("%q → %q → %q, %v", text, u, again, err)
		}

		if ip, err := netip.ParseAddr(parsed.Hostname()); err == nil && Internal(ip) {
			t.Fatalf("%q: internal", text)
		}
	})
}
