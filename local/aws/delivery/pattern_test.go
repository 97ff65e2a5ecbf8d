package delivery

import (
	"encoding/json"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, event string
		want           bool
	}{
		{`{"source":["a","b"]}`, `{"source":"b"}`, true},
		{`{"source":["a"]}`, `{"source":"A"}`, false},
		{`{"source":["a"]}`, `{}`, false},
		{`{"source":["a"]}`, `{"source":["x","a"]}`, true},
		{`{"source":["a"]}`, `{"source":{"a":1}}`, false},
		{`{"source":["a"],"detail":{"n":[1,null,true]}}`, `{"source":"a","detail":{"n":1}}`, true},
		{`{"detail":{"n":[1]}}`, `{"detail":{"n":"1"}}`, false},
		{`{"detail":{"n":[null]}}`, `{"detail":{"n":null}}`, true},
		{`{"detail":{"n":[null]}}`, `{"detail":{}}`, false},
		{`{"detail":{"n":[1]}}`, `{"detail":"n"}`, false},
		{`{"detail":{"a":{"b":["c"]}}}`, `{"detail":{"a":{"b":"c","d":1}}}`, true},
	} {
		p, err := parsePattern(json.RawMessage(tc.pattern))
		if err != nil {
			t.Fatalf("%s: %v", tc.pattern, err)
		}

		value, err := decode([]byte(tc.event))
		if err != nil {
			t.Fatal(err)
		}

		if got := p.matches(value); got != tc.want {
			t.Errorf("%s on %s: %v", tc.pattern, tc.event, got)
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add([]byte(`{"source":["a"]}`), []byte(`{"source":"a"}`))
	f.Fuzz(func(_ *testing.T, pattern, event []byte) {
		p, err := parsePattern(pattern)
		if err != nil {
			return
		}

		if value, err := decode(event); err == nil {
			p.matches(value)
		}
	})
}
