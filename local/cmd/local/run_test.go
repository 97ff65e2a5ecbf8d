package main

import (
	"slices"
	"strings"
	"testing"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/providers/faults"
)

// A fault that is written wrong is told before anything starts.
func TestRunRefusesABadFault(t *testing.T) {
	for flag, want := range map[string]string{
		"github=rate_limitd:times=1":           "fault must be one of rate_limited",
		"github=rate_limited":                  "times or probability must be given",
		"github=rate_limited:times=1:objects=": "objects",
		"rate_limited:times=1":                 "is not of the form fake server=fault:times=3",
	} {
		err := run(t.Context(), []string{"run", "-dir", t.TempDir(), "-fault", "gitlab=captcha:times=1", "-fault", flag})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
	}
}

// A user who starts the sample can make each of its fake servers fail, by the name
// that endpoints.json gives it.
func TestEveryFakeServerOfTheSampleTakesFaults(t *testing.T) {
	var names []string
	for _, p := range sampleOrganisation().Providers {
		one, err := p.Open(environment.ProviderOptions{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { _ = one.Close() })
		kit, ok := one.(interface{ Faults() *faults.Kit })
		if !ok {
			t.Errorf("%s cannot fail on purpose", p.Name)
			continue
		}

		name, order, err := faults.ParseFlag(p.Name + "=lost_answer:probability=0.1:kind=create")
		if err == nil {
			_, err = kit.Faults().Add(order)
		}

		if err != nil || name != p.Name {
			t.Errorf("%s: %v", p.Name, err)
		}

		names = append(names, name)
	}

	for _, wanted := range []string{"github", "gitlab", "jira", "jira_datacenter", "mantisbt"} {
		if !slices.Contains(names, wanted) {
			t.Errorf("no %s among %q", wanted, names)
		}
	}
}
