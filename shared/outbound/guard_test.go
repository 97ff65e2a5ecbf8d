package outbound

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
)

var discard = log.New(io.Discard, "", 0)

// trap counts every connection to this machine's port 443 fake server.
func trap(t *testing.T) (port string, caught *atomic.Int32) {
	t.Helper()
	caught = new(atomic.Int32)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}

			caught.Add(1)
			_ = c.Close()
		}
	}()

	_, port, _ = net.SplitHostPort(l.Addr().String())

	return port, caught
}

// loopback are spellings that lead to this machine on one system or another:
// a connection would be seen at the trap.
var loopback = []string{
	"127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.255.255.254", "0", "0.0.0.0", "0x7f000001", "0x7f.1", "0x7f.0x0.0x0.0x1",
	"2130706433", "017700000001", "0177.0.0.1", "0177.1", "00000177.0.0.1", "127.0.0.1.", "127.0.0.01", "localhost", "localhost.",
	"LOCALHOST", "localhost.localdomain", "ip6-localhost", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
	"[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
	"[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::ffff:0:127.0.0.1]", "[::1%25lo]", "[::1%lo]", "①②⑦.⓪.⓪.①",
	"127。0。0。1", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "127.0.0.1%00.example.org", "example.org%00.127.0.0.1",
	"127.0.0.1\t", " 127.0.0.1", "127.0.0.1\n", "example.org@127.0.0.1", "example.org:443@127.0.0.1", "127.0.0.1#@example.org",
	"127.0.0.1?@example.org", "127.0.0.1\\@example.org", "127.0.0.1/@example.org", "example.org\\.127.0.0.1", "[127.0.0.1]",
	"[::1", "::1", "[::ffff:127.0.0.1%25eth0]", "127.0.0.1:443:80", "0:0", "[0:0:0:0:0:0:0:0]",
}

// internal are addresses that must never be connected to, by literal or by DNS.
var internal = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.0.0.53",
	"169.254.0.1", "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.123", "169.254.169.253", "168.63.129.16", "172.16.0.1", "172.31.255.255",
	"192.0.0.1", "192.0.0.192", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
	"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:192.168.1.1", "::ffff:8.8.8.8", "::127.0.0.1",
	"::8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::8.8.8.8", "64:ff9b:1::10.0.0.1", "100::1",
	"100:0:0:1::1", "2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2001:db8:ffff::1", "2002:7f00:1::",
	"2002:a00:1::", "2002:a9fe:a9fe::", "2002:808:808::", "3fff::1", "3fff:fff::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254",
	"fd00:ec2::23", "fdff::1", "fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1", "ff00::1", "ff02::1", "ff0e::1", "4000::1", "e000::1",
}

func refused(t *testing.T, name string, err error) {
	t.Helper()
	e := failureOf(t, err)
	if e.Class != failure.Final && e.Class != failure.NotSent {
		t.Errorf("%s: %v %v", name, e.Class, e)
	}
}

func TestHostileAddresses(t *testing.T) {
	port, caught := trap(t)
	cases := 0
	any := newClient(t, Config{AnyPublicHost: true, Timeout: 2 * time.Second})
	ask := func(c *Client, u string) {
		t.Helper()
		cases++
		_, err := c.Do(t.Context(), post(u))
		refused(t, u, err)
		if e := failureOf(t, err); !strings.HasPrefix(strings.ToLower(u), "https:") && e.Code != "address_refused" {
			t.Errorf("%s: %v", u, e)
		}
	}
	for _, host := range loopback {
		ask(any, "https://"+host+":"+port+"/")
	}

	for _, ip := range internal {
		addr := netip.MustParseAddr(ip)
		resolving := newClient(t, Config{AnyPublicHost: true, Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{addr}, nil
		}})
		// A name that leads there, and the literal address.
		for _, u := range []string{"https://tracker.example.org/", "https://" + bracketed(addr) + "/", "https://" + bracketed(addr) + ":" + port + "/"} {
			cases++
			_, err := resolving.Do(t.Context(), post(u))
			if e := failureOf(t, err); e.Code != "address_refused" || e.Class != failure.Final {
				t.Errorf("%s by %s: %v %v", ip, u, e.Class, e)
			}
		}
	}

	for _, u := range []string{"http://127.0.0.1:" + port, "HTTP://127.0.0.1:" + port, "ftp://127.0.0.1:" + port, "//127.0.0.1:" + port, "127.0.0.1:" + port,
		"file:///etc/passwd", "https:127.0.0.1:" + port, "https:/127.0.0.1:" + port, "https:///127.0.0.1:" + port, "https://", "", "https://:" + port,
		"gopher://127.0.0.1:" + port, "https://127.0.0.1:" + port + "#x", "https://8.8.8.8:", "javascript:alert(1)"} {
		ask(any, u)
	}

	if cases < 200 || caught.Load() != 0 {
		t.Errorf("%d cases, %d connections arrived, want at least 200 and 0", cases, caught.Load())
	}

	t.Logf("%d hostile addresses, %d connections", cases, caught.Load())
}

func bracketed(ip netip.Addr) string {
	if ip.Is6() {
		return "[" + ip.String() + "]"
	}
	return ip.String()
}

func TestPins(t *testing.T) {
	port, caught := trap(t)
	here := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	n, _ := ParseAllowDial("127.0.0.1/32:443,127.0.0.1/32:" + port) // the pin alone must hold
	c := newClient(t, Config{Hosts: []string{"api.github.com"}, Lookup: here, AllowDial: n})
	for _, host := range []string{
		"api.github.com.evil.org", "evilapi.github.com", "api-github.com", "github.com", "api.github.com.", "api.github.co", "xn--pi-7ka.github.com",
		"api.github.com:" + port, "api.github.com@127.0.0.1:" + port, "127.0.0.1:" + port, "a.api.github.com", "api.github.com%2eevil.org",
		"аpi.github.com", "u:p@api.github.com", "u@api.github.com", "api.github.com\\.evil.org:" + port, "api.gıthub.com", "api.github.com/../@127.0.0.1:" + port + "/#", "api.github.com:0443",
	} {
		_, err := c.Do(t.Context(), post("https://"+host+"/"))
		if e := failureOf(t, err); e.Code != "address_refused" || e.Class != failure.Final {
			if !strings.HasPrefix(host, "api.github.com/") {
				t.Errorf("%s: %v %v", host, e.Class, e)
			}
		}
	}

	if caught.Load() != 0 {
		t.Errorf("%d connections arrived", caught.Load())
	}
}

// A name whose answer changes between check and dial gains nothing: the check
// is on the address of the socket itself.
func TestRebinding(t *testing.T) {
	port, caught := trap(t)
	var asked atomic.Int32
	c := newClient(t, Config{AnyPublicHost: true,
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			asked.Add(1)
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}, nil
		}})
	for range 5 {
		_, err := c.Do(t.Context(), get("https://tracker.example.org:"+port+"/"))
		refused(t, "rebinding", err)
	}

	if asked.Load() != 5 || caught.Load() != 0 {
		t.Errorf("asked %d, caught %d", asked.Load(), caught.Load())
	}
}

func TestOddPorts(t *testing.T) {
	n := newDialer(Config{AllowDial: []Allow{{netip.MustParsePrefix("8.8.8.0/24"), 8443}}}, nil)
	for addr, want := range map[string]bool{
		"8.8.8.8:443": true, "8.8.8.8:8443": true, "8.8.4.4:8443": false, "8.8.8.8:22": false, "[2606:4700::1111]:443": true, "[2606:4700::1111]:8443": false,
	} {
		network := "tcp4"
		if addr[0] == '[' {
			network = "tcp6"
		}

		if got := n.check(network, addr, nil) == nil; got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}

	for _, network := range []string{"udp4", "unix", "tcp"} {
		if n.check(network, "8.8.8.8:443", nil) == nil {
			t.Errorf("%s is admitted", network)
		}
	}
}

func TestAllowDial(t *testing.T) {
	s, cfg := server(t, nil)
	cfg.Overrides = nil
	cfg.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for allow, want := range map[string]bool{
		"": false, "127.0.0.0/8:" + port: true, "127.0.0.1/32:" + port: true, "127.0.0.0/8:1": false, "10.0.0.0/8:" + port: false,
		"10.0.0.0/8:443, [fd12::/16]:443,127.0.0.1/32:" + port: true, "96.0.0.0/3:" + port: false, // holds 127/8 without meaning it
	} {
		var err error
		if cfg.AllowDial, err = ParseAllowDial(allow); err != nil {
			t.Fatal(err)
		}

		cfg.Hosts = []string{host + ":" + port}
		_, err = newClient(t, cfg).Do(t.Context(), get("https://"+host+":"+port+"/"))
		if got := err == nil; got != want {
			t.Errorf("%q: %v", allow, err)
		}
	}

	all, _ := ParseAllowDial("169.254.0.0/16:80,[fe80::/10]:80,[fd00::/8]:80,0.0.0.0/8:80,100.64.0.0/10:80,192.0.0.0/24:80,168.63.129.0/24:80")
	n := newDialer(Config{AllowDial: all}, nil)
	for addr, want := range map[string]bool{"169.254.169.254:80": false, "[fe80::1]:80": false, "[fd00:ec2::254]:80": false, "0.0.0.0:80": false, "[fd12::1]:80": true,
		"100.100.100.200:80": false, "100.100.100.201:80": true, "192.0.0.192:80": false, "168.63.129.16:80": false, "[fd20:ce::254]:80": false} {
		if got := n.check("tcp"+map[bool]string{true: "6", false: "4"}[addr[0] == '['], addr, nil) == nil; got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// An override leads an exact, pinned name elsewhere, and nothing else.
func TestOverrides(t *testing.T) {
	_, cfg := server(t, nil)
	cfg.AnyPublicHost = true
	c := newClient(t, cfg)
	if _, err := c.Do(t.Context(), get("https://example.com/")); err != nil {
		t.Error(err)
	}

	for _, u := range []string{"https://example.com.evil.invalid/", "https://evil.example.com.invalid/"} {
		_, err := c.Do(t.Context(), get(u))
		refused(t, u, err)
	}

	_, err := c.For([]string{"other.test"}, false, nil).Do(t.Context(), get("https://example.com/"))
	if e := failureOf(t, err); e.Code != "address_refused" {
		t.Errorf("an override went round the pin: %v", e)
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{"10.0.0.0/8", "10.0.0.0:443", "10.0.0.1/8:443", "0.0.0.0/0:443", "[::/0]:443", "fd00::/8:443", "[fd00::/8:443",
		"10.0.0.0/8:0", "10.0.0.0/8:65536", "10.0.0.0/8:x", "x/8:1", "[::ffff:10.0.0.0/104]:1", "10.0.0.0/33:1", ":1"} {
		entry := "172.16.0.0/12:443," + text
		if _, err := ParseAllowDial(entry); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("ParseAllowDial(%q): %v", entry, err)
		}
	}

	for _, text := range []string{"a.test", "a.test=127.0.0.1", "a.test=localhost:1", "=127.0.0.1:1", "a b=127.0.0.1:1", "a.test=127.0.0.1:0",
		"a.test=[fe80::1%lo]:1", "*.test=127.0.0.1:1", "ok.test=127.0.0.1:9", "a.test:443=127.0.0.1:1"} {
		entry := "OK.test=127.0.0.1:1," + text
		if _, err := ParseOverrides(entry); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
			t.Errorf("ParseOverrides(%q): %v", entry, err)
		}
	}

	hosts, err := ParseOverrides(" API.github.com=127.0.0.1:8443 , b.test=[::1]:2,")
	if err != nil || len(hosts) != 2 || hosts["api.github.com"].String() != "127.0.0.1:8443" || hosts["b.test"].String() != "[::1]:2" {
		t.Error(hosts, err)
	}

	if list, err := ParseAllowDial(""); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}

func FuzzTarget(f *testing.F) {
	for _, host := range loopback {
		f.Add("https://" + host + "/")
	}

	c := New(Config{Hosts: []string{"api.github.com"}})
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := c.target(raw)
		if err == nil && (u.Host != "api.github.com" || u.Scheme != "https" || u.User != nil) {
			t.Errorf("%q is admitted as %v", raw, u)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("10.0.0.0/8:443,[fd00::/8]:1")
	f.Add("a.test=127.0.0.1:1,b.test=[::1]:2")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseAllowDial(text)
		for _, a := range list {
			if err != nil || a.Port == 0 || !a.Prefix.IsValid() || a.Prefix.Bits() == 0 {
				t.Errorf("%q: %v", text, a)
			}
		}

		hosts, _ := ParseOverrides(text)
		for host, to := range hosts {
			if !plainHost(host) || !to.IsValid() {
				t.Errorf("%q: %s %v", text, host, to)
			}
		}
	})
}

func TestBelow(t *testing.T) {
	for address, want := range map[string]bool{
		"https://a.test/api/v4/x": true, "https://a.test/api/v4/x/../y": false, "https://a.test/api/v4/..": false, "https://a.test/api/v4": false,
		"https://a.test/api/v4evil": false, "https://a.test/users/sign_in": false, "https://a.test/api/v4/a%2Fb": true, ":": false,
	} {
		if got := Below("https://a.test/api/v4", address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
