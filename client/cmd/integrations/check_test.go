package main

import (
	"testing"

	"integrations/client"
)

// B3: the command line shows the verdict, the code and the sentence of each
// check.
func TestCheckText(t *testing.T) {
	no, yes := false, true
	code, detail, open := "role_too_low", "The server lets developer (55) and above change the status.", "not_told"
	lines := checkText(client.CheckResult{OK: &no, Checks: []client.Check{
		{Name: "create", OK: &yes}, {Name: "close", OK: &no, Code: &code, Detail: &detail}, {Name: "reopen", Code: &open},
	}})
	want := [][2]string{{"works", "no"}, {"  create", "yes"}, {"  close", "no: role_too_low. " + detail}, {"  reopen", "cannot be known: not_told"}}
	if len(lines) != len(want) {
		t.Fatal(lines)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("%q, want %q", lines[i], want[i])
		}
	}
}
