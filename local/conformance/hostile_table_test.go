package conformance

import (
	"net/netip"
	"strings"
)

// A section is a kind of addresses that must not be asked. All but the last
// are hosts, with or without a port.
type section struct {
	kind string
	// plain says that a server of one's own could be called so: what is wrong is
	// seen only where it leads. Any other text no configuration may have.
	plain bool
	texts []string
}

// schemes is the kind of those that are whole addresses.
const schemes = "other schemes, and none"

var sections = []section{
	{"this machine in the forms of IPv4", false, []string{
		"127.0.0.1", "127.0.0.2", "127.8.8.8", "127.0.0.53", "127.255.255.254", "127.1", "127.0.1", "127.1.1", "0", "0.0", "0.0.0.0", "0.1.2.3",
		"2130706433", "2130706434", "0x7f000001", "0X7F000001", "0x7f.1", "0x7f.0.1", "0x7f.0x0.0x0.0x1", "0x7f.0.0.01", "017700000001", "0177.1",
		"0177.0.1", "0177.0.0.1", "0177.0x0.0.1", "00000177.0.0.1", "0x00007f.0.0.1", "127.0.0.01", "127.0.0.0x1", "127.00.00.01", "127.0x1", "127.65535",
		"4294967297", "0x17f000001", "127.0.0.1.", "127.1.", "127.0.0.1..", ".127.0.0.1", "127..0.0.1", "127.0.0.1.0", "256.0.0.1", "383.0.0.1", "-1", "1e3", "0x",
	}},
	{"other places in the forms of IPv4", false, []string{
		"2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "025177524776", "169.254.43518", "169.16689662", "0xa9.254.0251.254",
		"169.254.169.254.", "167772161", "0x0a000001", "10.1", "012.0.0.1", "3232235777", "0xc0a80101", "192.168.257", "0300.0250.1.1", "2886729729", "0xac100001",
	}},
	{"private and shared networks", false, []string{
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.255",
		"169.254.0.1", "169.254.255.254", "192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
		"203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "247.1.2.3", "255.255.255.254", "255.255.255.255",
	}},
	{"what hands out credentials in a cloud", false, []string{
		"169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.123", "169.254.169.249", "169.254.169.253", "169.254.0.23", "169.254.10.10",
		"100.100.100.200", "192.0.0.192", "168.63.129.16", "[fd00:ec2::254]", "[fd00:ec2::23]", "[fd00:ec2::123]", "[fd00:ec2::253]", "[fd20:ce::254]",
		"[fe80::a9fe:a9fe]", "metadata", "metadata.google.internal", "METADATA.google.internal", "metadata.google.internal.", "metadata.goog",
		"metadata.azure.internal", "instance-data", "instance-data.ec2.internal",
		"rancher-metadata", "127.0.0.1:9001", "localhost:9001", "169.254.169.254:80",
	}},
	{"IPv6 that is not public", false, []string{
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[0:0:0:0:0:0:0:0]", "[::0.0.0.1]", "[::2]", "[fc00::1]", "[fd00::1]",
		"[fdff:ffff::1]", "[fe80::1]", "[febf::1]", "[fec0::1]", "[ff00::1]", "[ff02::1]", "[ff0e::1]", "[100::1]", "[100:0:0:1::1]", "[2001:2::1]", "[2001:10::1]",
		"[2001:20::1]", "[2001:db8::1]", "[3fff::1]", "[3fff:fff::1]", "[5f00::1]", "[4000::1]", "[e000::1]", "[1fff::1]",
	}},
	{"IPv4 within IPv6", false, []string{
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]",
		"[::ffff:192.168.1.1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[::7f00:1]", "[::169.254.169.254]", "[::8.8.8.8]", "[::ffff:0:127.0.0.1]", "[::ffff:0:8.8.8.8]",
		"[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b::10.0.0.1]", "[64:ff9b::8.8.8.8]", "[64:ff9b:1::7f00:1]", "[64:ff9b:1::a9fe:a9fe]",
		"[2002:7f00:1::]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::]", "[2002:a00:1::]", "[2002:c0a8:101::1]", "[2002:808:808::]", "[2001::1]", "[2001:0:7f00:1::]",
		"[2001:0:a9fe:a9fe::]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
	}},
	{"zones and brackets", false, []string{
		"[::1%25lo]", "[::1%lo]", "[fe80::1%25lo]", "[fe80::1%lo]", "[fe80::a9fe:a9fe%25eth0]", "[2600::1%25lo]", "[2600::1%lo]", "[::ffff:127.0.0.1%25lo]", "[127.0.0.1]",
		"[127.0.0.1%25lo]", "[localhost]", "[::1", "::1", "::1]", "[[::1]]", "[::1]]", "[::1].", "[::1].example.org", "[::1]x", "[]", "[%25lo]", "[::1]@[::1]", "127.0.0.1%lo",
		"127.0.0.1%25lo", "[v1.127.0.0.1]",
	}},
	{"names of this machine", false, []string{
		"localhost", "LOCALHOST", "LocalHost", "localhost.", "foo.localhost", "foo.localhost.", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback",
		"broadcasthost", "local", "internal", "tracker",
	}},
	{"names that lead inside", true, []string{
		"127.0.0.1.nip.io", "169.254.169.254.nip.io", "7f000001.nip.io", "localtest.me", "lvh.me", "metadata.azure.com", "metadata.packet.net", "metadata.tencentyun.com",
		"kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "consul.service.consul", "jenkins.corp.internal",
	}},
	{"signs that two readers take differently", false, []string{
		"127.0.0.1\t", "\t127.0.0.1", " 127.0.0.1", "127.0.0.1 ", "127.0.0.1\n", "127.0.0.1\r\nHost: api.github.com", "127.0.0.1\x00", "127.0.0.1\x00.example.org", "127.0.0.1%00",
		"127.0.0.1%00.example.org", "example.org%00.127.0.0.1", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "%6cocalhost", "local%68ost", "127.0.0.1%2f", "127.0.0.1%23.example.org",
		"127.0.0.1%3f.example.org", "127.0.0.1\\", "127.0.0.1\\.example.org", "example.org\\.127.0.0.1", "example.org\\@127.0.0.1", "127.0.0.1\\@example.org", "\\127.0.0.1",
		"127.0.0.1;example.org", "127.0.0.1,example.org", "127.0.0.1|example.org", "127.0.0.1^", "127.0.0.1`", "<127.0.0.1>", "\"127.0.0.1\"", "{127.0.0.1}", "127.0.0.1\u200b", "127.0.0.1\u00ad",
		"127.0.0.1?.example.org", "127.0.0.1#.example.org", "127.0.0.1/.example.org", "127.0.0.1/../x", "127.0.0.1//x", "127.0.0.1/;@example.org", "127.0.0.1&@example.org",
	}},
	{"user information", false, []string{
		"user@127.0.0.1", "user:word@127.0.0.1", "@127.0.0.1", ":@127.0.0.1", "example.org@127.0.0.1", "example.org:443@127.0.0.1", "api.github.com@127.0.0.1", "api.github.com:443@127.0.0.1",
		"api.github.com%40127.0.0.1", "api.github.com%2f@127.0.0.1", "127.0.0.1#@api.github.com", "127.0.0.1?@api.github.com", "127.0.0.1/@api.github.com", "127.0.0.1:@api.github.com",
		"a@b@127.0.0.1", "api.github.com@[::1]", "acme.atlassian.net@169.254.169.254", "gitlab.com@metadata.google.internal",
	}},
	{"other scripts", false, []string{
		"①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "１２７.0.0.1", "１２７．０．０．１", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ", "localhoſt", "loc\u0430lhost", "[∷1]", "١٢٧.0.0.1",
		"１６９.254.169.254", "api.gıthub.com", "аpi.github.com", "api.gith\u200bub.com", "api。github。com", "api.github．com", "acme.аtlassian.net",
	}},
	{"look-alikes of the hosts that are pinned", true, []string{
		"xn--pi-7ka.github.com", "api.github.com.evil.example", "api.github.com-evil.example", "evilapi.github.com", "evil-api.github.com", "api-github.com", "api.github.co", "api.github.com.", "api.github.com..",
		"api.github.comm", "apigithub.com", "a.api.github.com", "API.GITHUB.COM.EVIL.EXAMPLE", "api.github.com:8443", "api.github.com:80", "api.github.com:0443", "api.github.com:443:443",
		"api.ghe.com", "acme.ghe.com", "api.a.b.ghe.com", "api.acme.ghe.com.evil.example", "api.acmeghe.com", "gitlab.com.evil.example", "evilgitlab.com", "www.gitlab.com", "gitlab.com.",
		"gitlab.co", "acme.atlassian.net.evil.example", "acmeatlassian.net", "a.b.atlassian.net", "atlassian.net", "acme.atlassian.net.", "acme.atlassian.net:8443", "evil.example/acme.atlassian.net",
		"api.atlassian.com", "api.atlassian.com.evil.example", "discord.com.evil.example", "evildiscord.com", "cdn.discord.com", "hooks.slack.com.evil.example", "evilhooks.slack.com",
		"logic.azure.com", "prod.logic.azure.com.evil.example", "evil.example/.logic.azure.com", "evil.example?.logic.azure.com",
	}},
	{"ports", true, []string{
		"127.0.0.1:22", "127.0.0.1:80", "127.0.0.1:443", "127.0.0.1:8080", "127.0.0.1:8443", "10.0.0.1:2375", "10.0.0.1:6379", "10.0.0.1:10250", "8.8.8.8:22", "8.8.8.8:80", "8.8.8.8:8443",
		"8.8.8.8:6379", "example.com:22", "example.com:80", "example.com:8443", "[2606:4700::1111]:8443", "[2606:4700::1111]:22", "example.com:", "example.com:0", "example.com:65536", "example.com:-1",
		"example.com:+443", "example.com:0x1bb", "example.com:https", "example.com:44 3", "example.com:443:80", ":443", ":80", ":",
	}},
	{schemes, false, []string{
		"http://127.0.0.1", "HTTP://127.0.0.1", "http://example.com", "http://169.254.169.254/latest/meta-data/", "ftp://127.0.0.1:80", "gopher://127.0.0.1:6379/_x", "file:///etc/passwd", "file://127.0.0.1/x",
		"unix:///run/docker.sock", "dict://127.0.0.1:6379/", "ws://127.0.0.1:80", "https+unix://127.0.0.1", "jar:https://127.0.0.1!/x", "url:https://127.0.0.1", "https:127.0.0.1", "https:/127.0.0.1",
		"https:///127.0.0.1", "https:////127.0.0.1", "https:\\\\127.0.0.1", "https:/\\127.0.0.1", "https://https://127.0.0.1", "://127.0.0.1", "hтtps://127.0.0.1", " https://127.0.0.1", "https ://127.0.0.1",
		"https://", "https:", "javascript://127.0.0.1/%0aalert(1)",
	}},
}

// A leading is a name that resolves to forbidden addresses: each question gets the next
// answer, and all later ones the last.
type leading struct {
	name    string
	answers [][]netip.Addr
}

// leadings are names that are in order themselves. What they lead to is not,
// or not always, or not all of it.
func leadings() []leading {
	var list []leading
	for _, ip := range []string{
		"127.0.0.1", "127.0.0.2", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254",
		"fd20:ce::254", "fc00::1", "fe80::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:7f00:1::",
		"198.18.0.1", "240.0.0.1", "255.255.255.255", "2001:db8::1",
	} {
		label := strings.NewReplacer(".", "-", ":", "-").Replace(ip)
		to := addresses(ip)
		public := addresses(public4.Addr().String())
		list = append(list,
			leading{"to" + label + "x.example.com", [][]netip.Addr{to}},
			leading{"also" + label + "x.example.com", [][]netip.Addr{append(append([]netip.Addr{}, to...), public...)}},
			leading{"then" + label + "x.example.com", [][]netip.Addr{public, to}},
		)
	}

	return list
}

// An entry is an address as a manager types it.
type entry struct {
	text  string
	plain bool
}

// all are the addresses, each once.
func all() []entry {
	seen := map[string]bool{}
	list := []entry{}
	add := func(text string, plain bool) {
		if !seen[text] {
			seen[text] = true
			list = append(list, entry{text, plain})
		}
	}
	for _, s := range sections {
		for _, text := range s.texts {
			if s.kind != schemes {
				text = "https://" + text
			}
			add(text, s.plain)
		}
	}

	for _, l := range leadings() {
		add("https://"+l.name, true)
	}

	return list
}
