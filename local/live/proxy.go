package live

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/recording"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A Line is a connector that speaks to its provider through a proxy of ours, which
// is the only way to lose an answer on purpose.
type Line struct {
	Connector connector.Connector
	Wire      *Wire
	// Recorder notes every exchange with the provider.
	Recorder *recording.Recorder

	provider domain.Provider
	public   string // the configuration without its secrets
	host     string
	secrets  []string
	places   map[string]string
	proxy    *proxy
	second   second // what a second account needs
}

// A proxy stands between a client and a provider, whose exchanges pass the wire and are
// recorded.
type proxy struct {
	wire     *Wire
	recorder *recording.Recorder
	server   *http.Server
	client   *outbound.Client
	dir      string                // of the proxy's certificates
	at       string                // where the proxy listens
	failed   atomic.Pointer[error] // why the provider was not reached
}

// An Upstream says how a provider is reached. The zero value is how it is reached
// from everywhere.
type Upstream struct {
	// Dial gives the address at which a host is found, "" for the usual one.
	Dial func(host string) string
	// Call is the longest that a call may last, 0 for as long as in a deployment.
	Call time.Duration
	// CA is a PEM file with the authority to trust, "" for the system's.
	CA string
}

// callTime is the longest that a call may last, as in a deployment.
const callTime = 30 * time.Second

// Open opens the connector of a configuration, as a manager would store it, with
// its secrets in it. What is wrong with it comes as *configuration.Invalid.
func Open(provider domain.Provider, text string, up Upstream) (*Line, error) {
	accepted, err := configuration.Accept(provider, text, nil)
	if err != nil {
		return nil, err
	}

	return openLine(provider, accepted, up, &recording.Recorder{})
}

// openLine opens the connector of an accepted configuration.
func openLine(provider domain.Provider, accepted configuration.Accepted, up Upstream, recorder *recording.Recorder) (*Line, error) {
	origin, err := url.Parse(accepted.Destination.Origin)
	if err != nil || origin.Host == "" {
		return nil, errors.New("the configuration names no server")
	}

	line := &Line{
		Wire: &Wire{}, Recorder: recorder, provider: provider, public: accepted.Public, host: origin.Hostname(),
		secrets: slices.Collect(maps.Values(accepted.NewSecrets)), places: placesIn(accepted.Public),
		second: second{accepted, up},
	}
	line.proxy = &proxy{wire: line.Wire, recorder: recorder}
	if err := line.proxy.listen(origin.Host, up); err != nil {
		return nil, errors.Join(err, line.Close())
	}

	line.Connector, err = factory.New(provider, accepted.Public, accepted.NewSecrets, line.proxy.client, time.Now)
	if err != nil {
		return nil, errors.Join(err, line.Close())
	}

	return line, nil
}

// placesIn are the names of the place in a configuration, with what stands for
// them in a recording: acme/work, the project WORK and the channel C0WORK.
func placesIn(configuration string) map[string]string {
	var members map[string]any
	places := map[string]string{}
	if err := json.Unmarshal([]byte(configuration), &members); err != nil {
		return places
	}

	name := func(member, instead string) {
		if text, ok := members[member].(string); ok && strings.Trim(text, "0123456789") != "" {
			groups := strings.Split(text, "/")
			for _, group := range groups[:len(groups)-1] {
				places[group] = "acme"
			}
			places[groups[len(groups)-1]] = instead
		}
	}

	name("owner", "acme")
	name("repo", "work")
	name("project", "work")
	name("project_key", "WORK")
	name("channel", "C0WORK")

	return places
}

// Save writes what was recorded, without secrets, names and addresses. If one is
// left, nothing is written.
func (l *Line) Save(file io.Writer) error {
	scrubber, err := l.scrubber()
	if err != nil {
		return err
	}

	return l.Recorder.Save(file, scrubber)
}

// CanSave returns why nothing could be written, for example a secret that is too short to be
// found in a text.
func (l *Line) CanSave() error {
	_, err := l.scrubber()

	return err
}

func (l *Line) scrubber() (*recording.Scrubber, error) {
	return recording.NewScrubber(recording.Scrub{Secrets: l.secrets, Hosts: []string{l.host}, Places: l.places})
}

// Configuration is the configuration that belongs to the recording: what says which
// place it is, without secrets and with the same names as in the recording.
func (l *Line) Configuration() (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(l.public), &members); err != nil {
		return "", err
	}

	for _, person := range []string{"email", "templates"} {
		delete(members, person)
	}

	kept, err := json.Marshal(members)
	if err != nil {
		return "", err
	}

	scrubber, err := l.scrubber()
	if err != nil {
		return "", err
	}

	clean, err := scrubber.Scrub([]recording.Exchange{{Request: recording.Request{Method: "PATCH", Path: "/", Body: recording.BodyOf(kept)}}})
	if err != nil {
		return "", err
	}

	return string(clean[0].Request.Body.Bytes()), nil
}

// Close stops the proxy.
func (l *Line) Close() error { return l.proxy.close() }

func (p *proxy) close() error {
	var failed []error
	if p.client != nil {
		p.client.CloseIdle()
	}

	if p.server != nil {
		failed = append(failed, p.server.Close())
	}

	if p.dir != "" {
		failed = append(failed, os.RemoveAll(p.dir))
	}

	return errors.Join(failed...)
}

// listen starts the proxy of a host (or host:port), and makes a client that finds
// the host there.
func (p *proxy) listen(host string, up Upstream) error {
	forward, err := p.forward(host, up)
	if err != nil {
		return err
	}

	if p.dir, err = os.MkdirTemp("", "live"); err != nil {
		return err
	}

	ca, err := secrets.OpenCA(p.dir)
	if err != nil {
		return err
	}

	name := (&url.URL{Host: host}).Hostname()
	certificate, err := ca.Certificate(name)
	if err != nil {
		return err
	}

	roots, err := pool(ca.CertFile())
	if err != nil {
		return err
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}

	p.server = &http.Server{
		Handler: p.wire.Around(forward), ReadHeaderTimeout: callTime, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = p.server.ServeTLS(listener, "", "") }()

	p.at = listener.Addr().String()
	at, err := netip.ParseAddrPort(p.at)
	if err != nil {
		return err
	}

	p.client = outbound.New(outbound.Config{RootCAs: roots, Timeout: cmp.Or(up.Call, callTime), Overrides: map[string]netip.AddrPort{name: at}})

	return nil
}

// Failed is why the provider was not reached the last time, nil if it always was.
func (l *Line) Failed() error {
	if err := l.proxy.failed.Load(); err != nil {
		return *err
	}

	return nil
}

// forward is the provider behind the proxy.
func (p *proxy) forward(host string, up Upstream) (http.Handler, error) {
	roots, err := pool(up.CA)
	if err != nil {
		return nil, err
	}

	dialer := &net.Dialer{Timeout: callTime}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if up.Dial != nil {
				named, _, err := net.SplitHostPort(address)
				if to := up.Dial(named); err == nil && to != "" {
					address = to
				}
			}

			return dialer.DialContext(ctx, network, address)
		},
	}

	return &httputil.ReverseProxy{
		Transport: p.recorder.Transport(transport),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "https"
			r.Out.URL.Host = host
			r.Out.Host = r.In.Host
			r.Out.Header.Set("User-Agent", strings.Join(r.In.Header["User-Agent"], " "))
			r.Out.Header.Del("Accept-Encoding") // so that a body is recorded as text
		},
		// A provider that does not answer is seen to do so, and not as a 502.
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // else we hung up
				p.failed.Store(&err)
			}
			panic(http.ErrAbortHandler)
		},
		ErrorLog:      log.New(io.Discard, "", 0),
		FlushInterval: -1,
	}, nil
}

// pool holds the authorities of a PEM file, nil for the system's.
func pool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}

	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}

	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}

	return roots, nil
}
