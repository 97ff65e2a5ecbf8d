package markup

import "golang.org/x/net/idna"

var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ASCIIHost turns the name of a host into ASCII as browsers do, an international
// name into punycode (https://www.unicode.org/reports/tr46/). It returns an error
// for a name that cannot stand in the DNS: signs, empty labels, labels that are too
// long.
func ASCIIHost(name string) (string, error) { return names.ToASCII(name) }
