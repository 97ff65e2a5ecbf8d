package environment

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"
)

// A site is what the parts of an environment share: its options, the state folder, the
// log, the open ports and the servers on them.
type site struct {
	*lifecycle
	options Options
	state   *state
	open    listeners
	log     *slog.Logger
}

func newSite(o Options) *site { return &site{lifecycle: newLifecycle(), options: o} }

// openSite takes the state folder and opens the log and the ports.
func (s *site) openSite() error {
	var err error
	if s.state, err = openState(s.options.Dir); err != nil {
		return err
	}

	s.onStop(func() { _ = s.state.close() })
	if err := s.openLog(); err != nil {
		return err
	}

	s.open, err = s.state.listen(s.options.Ports.named(s.options.Sample.Providers))
	if err != nil {
		return err
	}

	s.onStop(s.open.close)

	return nil
}

func (s *site) openLog() error {
	if s.log = s.options.Log; s.log != nil {
		return nil
	}

	file, err := os.OpenFile(s.state.path("logs", "environment.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}

	s.onStop(func() { _ = file.Close() })
	s.log = slog.New(slog.NewTextHandler(file, nil))

	return nil
}

// serve answers HTTP on one of the open ports.
func (s *site) serve(name string, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.onStop(func() { _ = server.Close() })
	s.serveOn(name, func() error { return server.Serve(s.open[name]) })
}

func (s *site) serveOn(name string, serve func() error) {
	s.busy.Go(func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) && s.ctx.Err() == nil {
			s.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

func (s *site) serveTLS(name string, certificate tls.Certificate, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		// A worker that is killed in a handshake is not worth a line on the console.
		ErrorLog: log.New(io.Discard, "", 0),
	}

	s.onStop(func() { _ = server.Close() })
	s.serveOn(name, func() error { return server.ServeTLS(s.open[name], "", "") })
}

func (s *site) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.options.Out, format+"\n", args...)
}

// timed reports a step that took over two seconds.
func (s *site) timed(what string, step func() error) error {
	began := time.Now()
	err := step()
	if took := time.Since(began); err == nil && took > 2*time.Second {
		s.say("%s in %.1f s", what, took.Seconds())
	}
	return err
}
