package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/template.json")

const snapshot = "testdata/template.json"

// TestSnapshot keeps every change of the infrastructure visible in a review. The binaries are stubs, so that a change of
// the code alone does not show.
func TestSnapshot(t *testing.T) {
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(shipped().whole); err != nil {
		t.Fatal(err)
	}

	if *update {
		if err := os.WriteFile(snapshot, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	want, err := os.ReadFile(snapshot)
	if err != nil {
		t.Fatal(err)
	}

	if line, was, is := firstDifference(want, got.Bytes()); line > 0 {
		t.Errorf("%s:%d: the template has changed:\n  was %s\n  is  %s\nif this is meant: go test ./infra -run TestSnapshot -update, and review the difference", snapshot, line, was, is)
	}
}

func firstDifference(want, got []byte) (line int, was, is []byte) {
	a := bytes.Split(want, []byte("\n"))
	b := bytes.Split(got, []byte("\n"))
	for i := range max(len(a), len(b)) {
		was = []byte("(end)")
		is = []byte("(end)")
		if i < len(a) {
			was = a[i]
		}

		if i < len(b) {
			is = b[i]
		}

		if !bytes.Equal(was, is) {
			return i + 1, was, is
		}
	}

	return 0, nil, nil
}
