package environment

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// providersTLS is the name of the port that serves all providers.
const providersTLS = "providers_tls"

// fakeServers stand in for the providers.
type fakeServers struct {
	*site
	byName map[string]FakeServer
}

// openAll opens the fake servers and gives them their faults. This comes long before they
// are served, so that an impossible fault is reported at once.
func (f *fakeServers) openAll() error {
	f.byName = map[string]FakeServer{}
	for _, p := range f.options.Sample.Providers {
		one, err := f.openOne(p)
		if err != nil {
			return fmt.Errorf("fake server %s: %w", p.Name, err)
		}

		for _, name := range append([]string{p.Name}, p.Also...) {
			f.byName[name] = one
		}

		f.onStop(func() { _ = one.Close() })
	}

	for _, name := range slices.Sorted(maps.Keys(f.options.Faults)) {
		if err := f.giveFaults(name); err != nil {
			return err
		}
	}

	return nil
}

// faulty is a fake server that can be made to fail on purpose.
type faulty interface{ Faults() *faults.Kit }

func (f *fakeServers) giveFaults(name string) error {
	one, ok := f.byName[name]
	if !ok {
		return fmt.Errorf("faults: there is no fake server %q, only %s", name, strings.Join(slices.Sorted(maps.Keys(f.byName)), ", "))
	}

	kit, ok := one.(faulty)
	if !ok {
		return fmt.Errorf("faults: the fake server %s cannot fail on purpose", name)
	}

	var err error
	for _, order := range f.options.Faults[name] {
		if _, refused := kit.Faults().Add(order); refused != nil {
			err = errors.Join(err, fmt.Errorf("faults of %s: %w", name, refused))
		}
	}

	return err
}

// serveAll serves the fake servers under the providers' real host names.
func (f *fakeServers) serveAll(ca *secrets.CA) error {
	apis := map[string]http.Handler{}
	for _, p := range f.options.Sample.Providers {
		one := f.byName[p.Name]
		f.serve(p.Name, one.Plain())
		for _, host := range p.Hosts {
			apis[host] = one.API()
		}
	}

	certificate, err := ca.Certificate(f.hosts()...)
	if err != nil {
		return err
	}

	f.serveTLS(providersTLS, certificate, providers.ByHost(apis))

	return nil
}

func (f *fakeServers) openOne(p Provider) (FakeServer, error) {
	dir := f.state.path(p.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return p.Open(ProviderOptions{Dir: dir, Specs: f.specs(), Limits: f.options.Limits})
}

// specs is the folder of the providers' own descriptions; it may be absent.
func (f *fakeServers) specs() string { return filepath.Join(f.options.Root, "..", "shared", "specs") }

// hosts are the names that lead to the fake servers.
func (f *fakeServers) hosts() []string {
	var hosts []string
	for _, p := range f.options.Sample.Providers {
		hosts = append(hosts, p.Hosts...)
	}

	slices.Sort(hosts)
	return hosts
}

// overrides leads each of them to the port at which they are served at.
func (f *fakeServers) overrides() map[string]string {
	overrides := map[string]string{}
	for _, host := range f.hosts() {
		overrides[host] = f.open[providersTLS].Addr().String()
	}
	return overrides
}

// pages are where the fake servers show what they hold.
func (f *fakeServers) pages() map[string]string {
	pages := map[string]string{}
	for _, p := range f.options.Sample.Providers {
		for _, name := range append([]string{p.Name}, p.Also...) {
			pages[name] = f.open.url(p.Name)
		}
	}

	return pages
}
