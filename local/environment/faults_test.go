package environment

import (
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// sound is a fake server that does nothing wrong, failing one that can be told to.
type sound struct{ closed *int }

func (sound) API() http.Handler   { return http.NotFoundHandler() }
func (sound) Plain() http.Handler { return http.NotFoundHandler() }
func (s sound) Close() error      { *s.closed++; return nil }

type failing struct {
	sound
	kit *faults.Kit
}

func (f failing) Faults() *faults.Kit { return f.kit }

// The faults given at the start are ordered before anything is served; what
// cannot be is told with the fake server's name, and what was opened is closed.
func TestFaultsFromTheStart(t *testing.T) {
	for flag, want := range map[string]string{
		"teams=rate_limited:times=3": "",
		"teams=captcha:times=1":      "faults of teams: fault captcha is not available: a workflow has no captchas",
		"timid=rate_limited:times=1": "faults: the fake server timid cannot fail on purpose",
		"gihub=rate_limited:times=1": `faults: there is no fake server "gihub", only teams, timid`,
	} {
		name, order, err := faults.ParseFlag(flag)
		if err != nil {
			t.Fatal(err)
		}

		closed := 0
		kit := faults.New(faults.Teams(), faults.Hooks{Log: func(*http.Request, providers.Write) {}})
		f := &fakeServers{site: &site{lifecycle: newLifecycle(), state: open(t, t.TempDir()), options: Options{
			Faults: map[string][]faults.Order{name: {order}},
			Sample: Sample{Providers: []Provider{
				{Name: "teams", Open: func(ProviderOptions) (FakeServer, error) { return failing{sound{&closed}, kit}, nil }},
				{Name: "timid", Open: func(ProviderOptions) (FakeServer, error) { return sound{&closed}, nil }},
			}},
		}}}

		err = f.openAll()
		switch active := kit.State().Active; {
		case want == "" && (err != nil || len(active) != 1 || active[0].Fault != faults.RateLimited || active[0].Left != 3):
			t.Errorf("%s: %v, active %+v", flag, err, active)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", flag, err, want)
		}

		for _, stop := range f.stops {
			stop()
		}

		if closed != 2 {
			t.Errorf("%s: %d of 2 fake servers closed", flag, closed)
		}
	}
}
