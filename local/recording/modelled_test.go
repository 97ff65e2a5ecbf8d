package recording

import (
	"io"
	"net/http"
	"testing"
)

// Against a fake server that has a part of the real answers, a difference is one of the
// protocol, and is named once.
func TestDifferencesOfAModel(t *testing.T) {
	const media = "application/json"
	for name, test := range map[string]struct {
		path      string
		want, got string
		status    int
		says      string
	}{
		"a longer list":        {"/issues", `[{"a":1},{"a":2},{"a":3}]`, `[{"a":1}]`, 200, ""},
		"an empty list":        {"/issues", `[]`, `[{"a":1}]`, 200, ""},
		"a list without any":   {"/issues", `[{"a":1}]`, `[]`, 200, ""},
		"another state":        {"/issues", `[{"a":null,"b":"x"},{"a":"x","b":null}]`, `[{"a":"x","b":null},{"a":null,"b":"x"}]`, 200, ""},
		"another order":        {"/config", `[{"option":"b","value":[1]},{"option":"a","value":1}]`, `[{"option":"a","value":1},{"option":"b","value":[1]}]`, 200, ""},
		"ids as strings":       {"/issues", `[{"id":"1"},{"id":"2"},{"id":"3"}]`, `[{"id":1},{"id":2}]`, 200, "c: the member *.id is a number, want a string\nc: the member *.id is a number, want a string\nc: the member *.id is a number, want a string"},
		"a member of elements": {"/issues", `[{"a":{}},{"a":{}}]`, `[{"a":{"b":1}}]`, 200, "c: the member *.a.b is a number, want missing\nc: the member *.a.b is a number, want missing"},
		"an empty place":       {"/channels/7", `{"last":"x"}`, `{"last":null}`, 200, ""},
		"null at the server":   {"/channels/7", `{"last":null}`, `{"last":"x"}`, 200, "c: the member last is a string, want null"},
		"a refusal":            {"/channels/7", `{"a":1}`, `{"message":"no","errors":[]}`, 404, "c: the status is 404, want 200"},
		"an issue of others":   {"/issue/10001/editmeta", `{"a":1}`, `{"message":"no"}`, 404, ""},
		"more of a success":    {"/channels/7", `{"a":1}`, `{"a":1,"b":2}`, 201, "c: the status is 201, want 200\nc: the member b is a number, want missing"},
	} {
		e := exchange("GET", test.path, "", test.want)
		found, err := Replay{Modelled: true}.Against(t.Context(), answering(test.status, media, test.got), []Exchange{e})
		if err != nil || sentences(found) != test.says {
			t.Errorf("%s: %v\n%s\nwant %s", name, err, sentences(found), test.says)
		}
	}
}

// Beside an object of the recording, those of others say nothing: they have other texts.
func TestObjectsOfOthersInAList(t *testing.T) {
	create := exchange("POST", "/issues", "{}", `{"id":"1000001","text":{"bold":"x"}}`)
	list := exchange("GET", "/issues", "", `[{"id":"1000000","text":{"plain":"x"}},{"id":"1000001","text":{"bold":"x"}}]`)
	fake := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer := `[{"id":"2000001","text":{"bold":"x"}},{"id":"2000000","text":{"bold":"y"}}]`
		if r.Method == http.MethodPost {
			answer = `{"id":"2000001","text":{"bold":"x"}}`
		}

		_, _ = io.WriteString(w, answer)
	})

	found, err := Replay{Modelled: true}.Against(t.Context(), fake, []Exchange{create, list})
	if err != nil || len(found) > 0 {
		t.Errorf("%v %s", err, sentences(found))
	}
}
