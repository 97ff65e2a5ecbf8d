package lambdaapp

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func reader(env map[string]string) *Settings {
	return NewSettings(func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	})
}

func TestReads(t *testing.T) {
	r := reader(map[string]string{"TEXT": "a", "EMPTY": "", "SECONDS": "90", "DAY": "86400"})
	if got := r.Text("TEXT"); got != "a" {
		t.Errorf("%q", got)
	}

	if a, b, c := r.TextOr("TEXT", "x"), r.TextOr("NONE", "x"), r.TextOr("EMPTY", "x"); a != "a" || b != "x" || c != "x" {
		t.Errorf("%q, %q, %q", a, b, c)
	}

	if a, b, c, d := r.Seconds("SECONDS", 1), r.Seconds("NONE", time.Minute), r.Seconds("EMPTY", time.Hour), r.Seconds("DAY", 1); a != 90*time.Second || b != time.Minute || c != time.Hour || d != 24*time.Hour {
		t.Errorf("%s, %s, %s, %s", a, b, c, d)
	}

	count := func(s string) (int, error) { return len(s), nil }
	if a, b := Parsed(r, "TEXT", count), Parsed(r, "NONE", count); a != 1 || b != 0 {
		t.Errorf("%d, %d", a, b)
	}

	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

// Everything wrong is told at once: an operator mends it in one go.
func TestReportsAllThatIsWrong(t *testing.T) {
	r := reader(map[string]string{"EMPTY": "", "A": "0", "B": "-1", "C": "1.5", "D": "1m", "E": "86401", "F": "99999999999999999999"})
	r.Text("NONE")
	r.Text("EMPTY")
	for _, name := range []string{"A", "B", "C", "D", "E", "F"} {
		if got := r.Seconds(name, time.Minute); got != time.Minute {
			t.Errorf("%s: %s", name, got)
		}
	}

	bad := errors.New("is not a list")
	Parsed(r, "LIST", func(string) (int, error) { return 0, bad })
	err := r.Err()
	if !errors.Is(err, bad) || strings.Count(err.Error(), "\n") != 8 {
		t.Errorf("%v", err)
	}

	for _, want := range []string{"NONE is not set", "EMPTY is not set", `A is "0"`, `B is "-1"`, `C is "1.5"`, `D is "1m"`, `E is "86401"`, `F is "9999`, "LIST: is not a list"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told in\n%v", want, err)
		}
	}
}
