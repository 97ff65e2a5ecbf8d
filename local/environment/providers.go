package environment

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// providersTLS is the name of the port that serves all providers.
const providersTLS = "providers_tls"

// openProviders opens the fake servers, and tells them what to do wrong: long before
// they are served, so that what cannot be is known at once.
func (e *Environment) openProviders() error {
	e.standins = map[string]FakeServer{}
	for _, p := range e.options.Sample.Providers {
		one, err := e.openProvider(p)
		if err != nil {
			return fmt.Errorf("fake server %s: %w", p.Name, err)
		}

		for _, name := range append([]string{p.Name}, p.Also...) {
			e.standins[name] = one
		}

		e.onStop(func() { _ = one.Close() })
	}

	for _, name := range slices.Sorted(maps.Keys(e.options.Faults)) {
		if err := e.orderFaults(name); err != nil {
			return err
		}
	}

	return nil
}

// faulty is a fake server that can be made to fail on purpose.
type faulty interface{ Faults() *faults.Kit }

func (e *Environment) orderFaults(name string) error {
	one, ok := e.standins[name]
	if !ok {
		return fmt.Errorf("faults: there is no fake server %q, only %s", name, strings.Join(slices.Sorted(maps.Keys(e.standins)), ", "))
	}

	kit, ok := one.(faulty)
	if !ok {
		return fmt.Errorf("faults: the fake server %s cannot fail on purpose", name)
	}

	var err error
	for _, order := range e.options.Faults[name] {
		if _, refused := kit.Faults().Add(order); refused != nil {
			err = errors.Join(err, fmt.Errorf("faults of %s: %w", name, refused))
		}
	}

	return err
}

// wireProviders serves the fake servers under the providers' real host names.
func (e *Environment) wireProviders() error {
	apis := map[string]http.Handler{}
	for _, p := range e.options.Sample.Providers {
		one := e.standins[p.Name]
		e.serve(p.Name, one.Plain())
		for _, host := range p.Hosts {
			apis[host] = one.API()
		}
	}

	certificate, err := e.ca.Certificate(e.providerHosts()...)
	if err != nil {
		return err
	}

	e.serveTLS(providersTLS, certificate, providers.ByHost(apis))

	return nil
}

func (e *Environment) openProvider(p Provider) (FakeServer, error) {
	dir := e.state.path(p.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return p.Open(ProviderOptions{Dir: dir, Specs: e.specs(), Limits: e.options.Limits})
}

// specs is the folder of the providers' own descriptions; it may be absent.
func (e *Environment) specs() string { return filepath.Join(e.options.Root, "..", "shared", "specs") }

// providerHosts are the names that lead to the fake servers.
func (e *Environment) providerHosts() []string {
	var hosts []string
	for _, p := range e.options.Sample.Providers {
		hosts = append(hosts, p.Hosts...)
	}

	slices.Sort(hosts)
	return hosts
}

// dialOverrides leads each of them to the port they are served at.
func (e *Environment) dialOverrides() map[string]string {
	overrides := map[string]string{}
	for _, host := range e.providerHosts() {
		overrides[host] = e.open[providersTLS].Addr().String()
	}
	return overrides
}

// FakeServer is the fake server of a provider, by its name; nil where there is none.
func (e *Environment) FakeServer(name string) FakeServer { return e.standins[name] }

func (e *Environment) serveTLS(name string, certificate tls.Certificate, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		// A worker that is killed in a handshake is not worth a line on the console.
		ErrorLog: log.New(io.Discard, "", 0),
	}

	e.onStop(func() { _ = server.Close() })
	e.serveOn(name, func() error { return server.ServeTLS(e.open[name], "", "") })
}
