package recording

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// realExchanges are those with a real MantisBT.
func realExchanges(t *testing.T) []Exchange {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "recordings", "mantisbt-2.28.4.jsonl"))
	if err != nil {
		t.Skip("the recordings of a real MantisBT are absent: ", err)
	}

	defer file.Close()

	all, err := Read(file)
	if err != nil || len(all) != 150 {
		t.Fatalf("%d exchanges, %v", len(all), err)
	}

	return all
}

// Each exchange with a real MantisBT is read, and says what it says in the file.
func TestReadOfRealExchanges(t *testing.T) {
	all := realExchanges(t)

	cases := map[string]Exchange{}
	for _, e := range all {
		cases[e.Case] = e
	}

	if len(cases) != len(all) {
		t.Errorf("%d names of %d exchanges", len(cases), len(all))
	}

	long := cases["create-description-65536"]
	if got := strings.Count(string(long.Request.Body.Bytes()), "x"); got < 65536 {
		t.Errorf("the run of one character is %d long", got)
	}

	if got := string(cases["create-invalid-json"].Request.Body.Bytes()); got != `{"summary": "x",` {
		t.Errorf("a body that is no JSON is %q", got)
	}

	absent := cases["token-absent"].Response
	if absent.Status != 401 || absent.Reason != "Valid API token required" || len(absent.Body.Bytes()) != 0 {
		t.Errorf("%+v", absent)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	accept := "application/json"
	all := []Exchange{
		{
			Case: "one", Role: "updater", Note: "<b>", Seq: 3,
			Request:  Request{Method: "POST", Path: "/issues?a=%20b", Header: map[string]*string{"Accept": &accept, "User-Agent": nil}, Body: BodyOf([]byte(`{"a":1}`))},
			Response: Response{Status: 201, Reason: "Issue Created", Header: map[string]string{"Content-Type": "application/json"}, Body: BodyOf([]byte(`{"b":"<&>"}`))},
		},
		{Case: "no JSON", Request: Request{Method: "GET", Path: "/"}, Response: Response{Status: 200, Body: BodyOf([]byte("<html>"))}},
		{Case: "a string", Request: Request{Method: "GET", Path: "/"}, Response: Response{Status: 200, Body: BodyOf([]byte(`"text"`))}},
		{Case: "empty", Request: Request{Method: "GET", Path: "/"}, Response: Response{Status: 204}},
	}

	var file bytes.Buffer
	for _, e := range all {
		if err := Write(&file, e); err != nil {
			t.Fatal(err)
		}
	}

	got, err := Read(&file)
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("%+v, %v", got, err)
	}

	for _, sent := range []string{``, `{"a":1}`, `[]`, `"text"`, `<html>`, `{"cut":`, `null`, `7`} {
		if got := string(BodyOf([]byte(sent)).Bytes()); got != sent && !(sent == "null" && got == "") {
			t.Errorf("%q is read as %q", sent, got)
		}
	}
}

func TestALineThatIsNoExchange(t *testing.T) {
	_, err := Read(strings.NewReader("{\"case\":\"a\"}\n{\"case\":\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "line 2:") {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"case":"a","request":{"method":"GET","path":"/","body":"{{x*300}}"},"response":{"status":200,"body":{"a":[1]}}}`))
	f.Add([]byte(`{"case":"a","response":{"body":null}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		all, err := Read(bytes.NewReader(line))
		if err != nil {
			return
		}

		for _, e := range all {
			e.Request.Body.Bytes()
			e.Response.Body.Bytes()
			var file bytes.Buffer
			if err := Write(&file, e); err != nil {
				t.Fatal(err)
			}

			if again, err := Read(&file); err != nil || len(again) != 1 || again[0].Case != e.Case {
				t.Errorf("%+v is read as %+v, %v", e, again, err)
			}
		}
	})
}
