package environment

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"integrations/local/standin/github"
)

const githubHost = "api.github.com"

// wireProviders serves the stand-ins under the providers' real host names.
func (e *Environment) wireProviders() error {
	dir := e.state.path("github")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	spec := filepath.Join(e.options.Root, "..", "shared", "specs", "derived", "github-issues-subset.json")
	if _, err := os.Stat(spec); err != nil {
		spec = ""
	}
	sample := e.options.Sample
	var err error
	e.GitHub, err = github.Open(github.Config{
		Dir: dir, SpecPath: spec, Limits: e.options.Limits,
		Tokens: sample.GitHubTokens, PersonToken: sample.GitHubPerson, Repositories: sample.GitHubRepositories,
	})
	if err != nil {
		return err
	}
	e.onStop(func() { _ = e.GitHub.Close() })
	certificate, err := e.ca.Certificate(githubHost)
	if err != nil {
		return err
	}
	e.serve("github", e.GitHub.Plain())
	e.serveTLS("github_tls", certificate, e.GitHub.API())
	return nil
}

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
