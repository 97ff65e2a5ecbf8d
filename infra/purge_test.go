package main

import "testing"

// TestIngestIsToldWhenToErase: D8, the setting reaches the one function that schedules an erasure.
func TestIngestIsToldWhenToErase(t *testing.T) {
	for name, c := range map[string]struct {
		of   func() template
		want string
	}{"shipped": {shipped, "30"}, "complete": {complete, "90"}, "local": {onLoopback, "30"}} {
		for function, f := range c.of().functions() {
			got := text(f.at("Environment", "Variables", "PURGE_AFTER_DAYS"))
			want := ""
			if function == "ingest" {
				want = c.want
			}

			if got != want {
				t.Errorf("%s: %s is told %q, want %q", name, function, got, want)
			}
		}
	}
}
