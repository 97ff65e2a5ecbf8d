package providers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func replayed(t *testing.T, path string) ([]string, *Journal) {
	t.Helper()
	var lines []string
	journal, err := OpenJournal(path, func(line []byte) error { lines = append(lines, string(line)); return nil })
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { journal.Close() })

	return lines, journal
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "journal.jsonl")
	_, journal := replayed(t, path)
	for i := range 3 {
		if err := journal.Append(i); err != nil {
			t.Fatal(err)
		}
	}

	if lines, _ := replayed(t, path); !slices.Equal(lines, []string{"0", "1", "2"}) {
		t.Errorf("replayed %q", lines)
	}
}

// TestJournalDropsATornLine: what a crash cut short does not stop the next
// start, nor spoil the line written after it.
func TestJournalDropsATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	if err := os.WriteFile(path, []byte("{\"a\":1}\n{\"a\":2,\"text\":\"cut sh"), 0o600); err != nil {
		t.Fatal(err)
	}

	lines, journal := replayed(t, path)
	if !slices.Equal(lines, []string{`{"a":1}`}) {
		t.Fatalf("replayed %q", lines)
	}

	if content, err := os.ReadFile(path); err != nil || string(content) != "{\"a\":1}\n" {
		t.Errorf("left in the file: %q, %v", content, err)
	}

	if err := journal.Append(map[string]int{"a": 3}); err != nil {
		t.Fatal(err)
	}

	if lines, _ := replayed(t, path); !slices.Equal(lines, []string{`{"a":1}`, `{"a":3}`}) {
		t.Errorf("replayed %q", lines)
	}
}

func TestJournalReportsADamagedLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	if err := os.WriteFile(path, []byte("1\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	_, err := OpenJournal(path, func(line []byte) error { return json.Unmarshal(line, new(int)) })
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestLogKeepsTheOrderOfArrival(t *testing.T) {
	var log Log[string]
	first := log.Arrive()
	second := log.Arrive()
	log.Add(second, "second")
	log.Add(first, "first")
	log.Add(10, "replayed")
	log.Add(log.Arrive(), "last")
	if got := log.All(); !slices.Equal(got, []string{"first", "second", "replayed", "last"}) {
		t.Errorf("got %q", got)
	}
}

func TestJSONBody(t *testing.T) {
	for body, want := range map[string]string{"": "null", `{"a":1}`: `{"a":1}`, "{": `"{"`, "\xff": `"` + "\uFFFD" + `"`, "\"\xff\"": `"\"` + "\uFFFD" + `\""`} {
		if got := string(JSONBody([]byte(body))); got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
	}
}

const description = `{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{
 "/things/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"integer"}}],
  "post":{"requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object","required":["a"],"properties":{"a":{"type":"string","maxLength":3}}}}}},
   "responses":{"201":{"description":"d","content":{"application/json":{"schema":{"type":"object","required":["b"]}}}}}}},
 "/things/special":{"get":{"parameters":[{"name":"state","in":"query","schema":{"type":"string","enum":["on","off"]}}],"responses":{"200":{"description":"d"}}}}}}`

func contract(t *testing.T) *Contract {
	t.Helper()
	path := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(path, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}

	loaded, err := LoadContract(path)
	if err != nil {
		t.Fatal(err)
	}

	return loaded
}

func TestContract(t *testing.T) {
	loaded := contract(t)
	for _, test := range []struct{ method, target, media, body, want string }{
		{"POST", "/things/1", "application/json", `{"a":"b"}`, ""},
		{"POST", "/things/1", "application/json", `{}`, `/a: property "a" is missing`},
		{"POST", "/things/1", "application/json", `{"a":"long"}`, "/a: maximum string length is 3"},
		{"POST", "/things/1", "application/json", ``, "required"},
		{"POST", "/things/1", "text/plain", `{"a":"b"}`, "Content-Type"},
		{"POST", "/things/x", "application/json", `{"a":"b"}`, "id"},
		{"GET", "/things/special?state=on", "", "", ""},
		{"GET", "/things/special?state=maybe", "", "", "allowed values"},
		{"GET", "/things/1", "", "", ErrNoOperation.Error()},
		{"GET", "/elsewhere", "", "", ErrNoOperation.Error()},
	} {
		request := httptest.NewRequest(test.method, test.target, nil)
		if test.media != "" {
			request.Header.Set("Content-Type", test.media)
		}

		err := loaded.CheckRequest(request, []byte(test.body))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %s %s: %v, want %q", test.method, test.target, test.body, err, test.want)
		}

		if err != nil && strings.Contains(err.Error(), "Schema:") {
			t.Errorf("%s: long-winded: %v", test.target, err)
		}
	}
}

func TestContractChecksAnswers(t *testing.T) {
	loaded := contract(t)
	request := httptest.NewRequest("POST", "/things/1", nil)
	header := http.Header{"Content-Type": {"application/json"}}
	if err := loaded.CheckResponse(request, 201, header, []byte(`{"b":1}`)); err != nil {
		t.Error(err)
	}

	if err := loaded.CheckResponse(request, 201, header, []byte(`{}`)); err == nil {
		t.Error("an answer without a required member passes")
	}
}

// A description is parsed once, also when several fake servers ask at a time.
func TestADescriptionIsReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(path, []byte(description), 0o600); err != nil {
		t.Fatal(err)
	}

	contracts := make([]*Contract, 4)
	var all sync.WaitGroup
	for n := range contracts {
		all.Go(func() {
			var err error
			if contracts[n], err = LoadContract(path); err != nil {
				t.Error(err)
			}
		})
	}

	all.Wait()

	for _, one := range contracts[1:] {
		if one == nil || one != contracts[0] {
			t.Error("the description was read again")
		}
	}
}

func TestNoContract(t *testing.T) {
	none, err := LoadContract("")
	if none != nil || err != nil || none.CheckRequest(nil, nil) != nil || none.CheckResponse(nil, 0, nil, nil) != nil {
		t.Errorf("got %v, %v", none, err)
	}

	if _, err := LoadContract(filepath.Join(t.TempDir(), "gone.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func ExampleJSONBody() {
	fmt.Printf("%s %s", JSONBody([]byte(`{"title":"x"}`)), JSONBody([]byte("{broken")))
	// Output: {"title":"x"} "{broken"
}
