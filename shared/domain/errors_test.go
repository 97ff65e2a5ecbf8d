package domain

import "testing"

func TestErrorText(t *testing.T) {
	for want, e := range map[string]Error{
		"forbidden":                           {Code: CodeForbidden},
		"forbidden: No.":                      {Code: CodeForbidden, Detail: "No."},
		"invalid_body: No.; a: is x; b: is y": {Code: CodeInvalidBody, Detail: "No.", Fields: []FieldError{{"a", "is x"}, {"b", "is y"}}},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
