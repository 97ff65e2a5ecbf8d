package configuration

import (
	"fmt"
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
)

func TestStrict(t *testing.T) {
	const ok = `"owner":"o","repo":"r","token":"t"`
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, c := range []struct{ text, field, detail string }{
		{"", "", "must be a JSON object, not an empty text"},
		{" \n", "", "must be a JSON object, not an empty text"},
		{"[]", "", "must be a JSON object"},
		{"null", "", "must be a JSON object"},
		{`"{}"`, "", "must be a JSON object"},
		{"{", "", "is not JSON (it ends too early)"},
		{"{'a':1}", "", "is not JSON (byte 2)"},
		{`{"a":1,}`, "", "is not JSON (byte 8)"},
		{"\ufeff{}", "", "is not JSON (byte 1)"},
		{`{"a":01}`, "", "is not JSON (byte 7)"},
		{"{" + ok + "}{}", "", "must be one JSON object with nothing after it"},
		{"{" + ok + "} x", "", "must be one JSON object with nothing after it"},
		{"{" + ok + "}}", "", "must be one JSON object with nothing after it"},
		{"{" + ok + `,"owner":"x"}`, ".owner", "is given more than once"},
		{"{" + ok + `,"\u006fwner":"x"}`, ".owner", "is given more than once"},
		{"{" + ok + `,"templates":{"body":"a","body":"b"}}`, ".templates.body", "is given more than once"},
		{"{" + ok + `,"x":[{"y":1,"y":2}]}`, ".x.y", "is given more than once"},
		{`{"owner":"o","repo":"` + "\xff" + `","token":"t"}`, ".repo", "is not valid UTF-8"},
		{"{" + ok + `,"templates":{"body":"` + "\xed\xa0\x80" + `"}}`, ".templates.body", "is not valid UTF-8"},
		{`{"` + "\xff" + `":1}`, "", "is not valid UTF-8"},
		{"{" + ok + `,"templates":{"body":"\ud800"}}`, ".templates.body", `has half of a surrogate pair (\ud800 to \udfff)`},
		{"{" + ok + `,"templates":{"body":"\\\ud83d\ud83d\ude00"}}`, ".templates.body", `has half of a surrogate pair (\ud800 to \udfff)`},
		{"{" + ok + `,"templates":{"body":"\ude00"}}`, ".templates.body", `has half of a surrogate pair (\ud800 to \udfff)`},
		{"{" + ok + `,"app_id":1e999999999}`, ".app_id", "is a number out of range"},
		{nested(9), "", "must be nested at most 8 deep"},
		{strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "", "must be a JSON object"},
		{`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}", "", "must be nested at most 8 deep"},
		{`{"a":` + strings.Repeat("[", 11000), "", "is not JSON (byte 10005)"},
		{`{"a":"` + strings.Repeat("x", MaxBytes) + `"}`, "", "must be at most 65536 bytes long"},
	} {
		_, err := Accept(domain.GitHub, c.text, nil)
		got := fieldsOf(t, err, CodeInvalid)
		if len(got) != 1 || got[root+c.field] != c.detail {
			t.Errorf("%.60q: %v, want %s: %s", c.text, got, c.field, c.detail)
		}
	}
}

func TestStrictTakesWhatIsFine(t *testing.T) {
	for _, body := range []string{`\ud83d\ude00`, `\\ud800`, `\\\\ud800 {[ \"`, "😀", `\u0022{`} {
		text := `{"owner":"o","repo":"r","token":"t","templates":{"body":"` + body + `"}}`
		if _, err := Accept(domain.GitHub, text, nil); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}

	full := `{"owner":"o","repo":"r","token":"t"}`
	if _, err := Accept(domain.GitHub, full+strings.Repeat(" ", MaxBytes-len(full)), nil); err != nil {
		t.Errorf("exactly %d bytes: %v", MaxBytes, err)
	}
}

// A secret pasted where a name belongs must not come back in the answer.
func TestNamesThatMayBeSecretsAreNotRepeated(t *testing.T) {
	secret := "abcdefgh12"
	for _, text := range []string{
		`{"` + testToken + `":1}`,
		`{"token":"` + testToken + `","` + testToken + `":1,"` + testToken + `":2}`,
		`{"owner":"o","repo":"r","token":"` + secret + `","` + secret + `":1}`,
		`{"owner":"o","repo":"r","token":"` + secret + `","x` + secret + `":1,"x` + secret + `":2}`,
		`{"owner":"o","repo":"r","token":"` + secret + `","templates":{"` + secret + `":1}}`,
		`{"owner":"o","repo":"r","token":"` + secret + `","templates":{"body":"{{` + secret + `}}"}}`,
		`{"owner":"o","repo":"r","token":{"` + testToken + `":1}}`,
		`{"owner":"o","repo":"r","token":["` + secret + `"],"labels":"` + secret + `"}`,
		`{"owner":"` + secret + `!","repo":"` + secret + `/","token":"` + secret + ` "}`,
	} {
		_, err := Accept(domain.GitHub, text, nil)
		if _, bad := IsInvalid(err); !bad || strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", text, err)
		}
	}

	_, err := Accept(domain.GitHub, `{"owner":"o","repo":"r","token":"t","a b":1}`, nil)
	if got := fieldsOf(t, err, CodeInvalid)[root]; !strings.HasPrefix(got, "has an unknown member (its name is not repeated here)") {
		t.Error(err)
	}
}

func TestAnswerIsBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"owner":"o","repo":"r","token":"t"`)
	for i := range 5000 {
		fmt.Fprintf(&text, `,"m%d":1`, i)
	}

	text.WriteString("}")
	_, err := Accept(domain.GitHub, text.String(), nil)
	bad, ok := IsInvalid(err)
	if !ok || len(bad.Fields) != maxFields+1 || bad.Fields[maxFields].Detail != "has more mistakes than are listed here" {
		t.Errorf("%d fields", len(bad.Fields))
	}
}
