package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"integrations/local/devca"
	"integrations/local/environment"
	"integrations/local/live"
	"integrations/local/recording"
	"integrations/local/sample"
	"integrations/local/standin"
	"integrations/shared/connector"
	"integrations/shared/domain"
)

// jumping is a clock in which waiting takes no time.
type jumping struct{ off time.Duration }

func (j *jumping) Now() time.Time { return time.Now().Add(j.off) }

func (j *jumping) Sleep(ctx context.Context, d time.Duration) error {
	j.off += d

	return ctx.Err()
}

// atEachAddress tries something at each of the ten stand-ins of the local
// environment, over HTTPS and through the proxy of `make live`.
func atEachAddress(t *testing.T, test func(t *testing.T, i domain.Integration, line *live.Line, clock *jumping)) {
	t.Helper()
	named := map[domain.Snowflake]bool{sample.Documents: true, sample.Disabled: true, sample.Orphan: true}
	for name, id := range sample.Integrations {
		for _, i := range sample.List() {
			if i.ID.String() != id || named[i.ID] {
				continue
			}
			t.Run(name, func(t *testing.T) {
				clock := &jumping{}
				line, err := live.Open(i.Provider, i.Configuration, standIns(t, clock))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = line.Close() })
				test(t, i, line, clock)
			})
		}
	}
}

// standIns serves new stand-ins of the sample under their real host names.
func standIns(t *testing.T, clock *jumping) live.Upstream {
	t.Helper()
	ca, err := devca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	apis := map[string]http.Handler{}
	var hosts []string
	for _, p := range sampleOrganisation().Providers {
		one, err := p.Open(environment.ProviderOptions{Dir: t.TempDir(), Now: clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = one.Close() })
		for _, host := range p.Hosts {
			apis[host] = one.API()
			hosts = append(hosts, host)
		}
	}

	certificate, err := ca.Certificate(hosts...)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: standin.ByHost(apis), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = web.Serve(listener) }()
	t.Cleanup(func() { _ = errors.Join(web.Close()) })

	return live.Upstream{CA: ca.CertFile(), Dial: func(string) string { return listener.Addr().String() }}
}

// At each address every promise that can be tried is kept. The recording holds no
// secret, no name and no address, and a new stand-in answers it alike.
func TestLiveAtTheTenAddresses(t *testing.T) {
	tried := 0
	atEachAddress(t, func(t *testing.T, i domain.Integration, line *live.Line, clock *jumping) {
		tried++
		trial := &live.Trial{Connector: line.Connector, Wire: line.Wire, Recorder: line.Recorder, Clock: clock, Yes: true}
		rows, err := trial.Run(t.Context())
		line.Hide(trial.Places())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Outcome == live.Broken {
				t.Errorf("%s: %s", r.Promise, r.Detail)
			}
		}

		var file bytes.Buffer
		if err := line.Save(&file); err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{
			sample.Token(i.Provider), base64.StdEncoding.EncodeToString([]byte(sample.Token(i.Provider))), sample.HookToken(), sample.SlackHook(),
			sample.Email, sample.Login, sample.RepoOwner, sample.RepoWork, sample.TeamsHost, sample.JiraServer, sample.MantisServer,
			sample.ProjectName, sample.SlackChannel,
		} {
			if hidden != "" && strings.Contains(file.String(), hidden) {
				t.Errorf("%q is in the recording", hidden)
			}
		}

		found, err := line.Differences(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if i.Provider == domain.Jira && strings.HasPrefix(d.What, "the number of elements of the member issues") {
				continue // the search of the one recorded lags behind
			}
			t.Error(d)
		}
	})
	if tried != 10 {
		t.Errorf("%d addresses", tried)
	}
}

// What differs from the stand-in is printed as sentences, each once.
func TestLivePrintsDifferences(t *testing.T) {
	var all []recording.Difference
	for n := range 5 {
		all = append(all, recording.Difference{Case: fmt.Sprint("create-", n), What: "the status", Want: "202", Got: "201"})
	}
	all = append(all, recording.Difference{Case: "list", What: "the member 0.id", Want: "a string", Got: "a number"})

	got := live.Grouped(all)
	want := []string{
		"the status is 202, the stand-in's is 201 (create-0, create-1, create-2 and 2 more)",
		"the member 0.id is a string, the stand-in's is a number (list)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A provider that answers in another way than the stand-in is noticed, and members
// that the stand-in does not have are not.
func TestLiveSeesDifferences(t *testing.T) {
	atEachAddress(t, func(t *testing.T, i domain.Integration, line *live.Line, clock *jumping) {
		if _, tracker := line.Connector.(connector.Puller); !tracker {
			t.Skip("one kind of provider is enough")
		}
		trial := &live.Trial{Connector: line.Connector, Wire: line.Wire, Recorder: line.Recorder, Clock: clock, Yes: true}
		if _, err := trial.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		line.Hide(trial.Places())

		line.Recorder.Case("another", "ours", "")
		answer := `{"id":"1","extra":1}`
		other := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, answer)
		})
		first := line.Recorder.Exchanges()[0].Request
		line.Recorder.Handler(other).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(first.Method, first.Path, nil))

		found, err := line.Differences(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(live.Grouped(found), "\n")
		if !strings.Contains(said, "the status is 202, the stand-in's is 200") || strings.Contains(said, "extra") {
			t.Errorf("%s", said)
		}
	})
}
