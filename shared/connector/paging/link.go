package paging

import "strings"

// NextLink finds the address of the next page: the target of rel="next" in a Link
// header (https://www.rfc-editor.org/rfc/rfc8288).
func NextLink(value string) (string, bool) {
	for value != "" {
		_, rest, ok := strings.Cut(value, "<")
		if !ok {
			return "", false
		}

		target, rest, ok := strings.Cut(rest, ">")
		if !ok {
			return "", false
		}

		var parameters string
		parameters, value = untilComma(rest)
		if relNext(parameters) {
			return target, true
		}
	}

	return "", false
}

// untilComma cuts at the first comma that is not in quotes.
func untilComma(text string) (before, after string) {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			return text[:i], text[i+1:]
		}
	}

	return text, ""
}

func relNext(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			for rel := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
				if strings.EqualFold(rel, "next") {
					return true
				}
			}
		}
	}

	return false
}
