package recording

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kinds gives the kinds of all values in a JSON text by the path that leads to
// them: "" is the whole text, "user.login" a member of a member, "labels[]" the
// elements of a list. Several kinds at one path stand in alphabetical order with
// a bar between them: "null|string". The kinds are array, boolean, null, number,
// object and string.
func Kinds(text []byte) (map[string]string, error) {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, fmt.Errorf("kinds of a JSON text: %w", err)
	}

	found := map[string]map[string]bool{}
	collect(found, "", value)

	kinds := map[string]string{}
	for path, set := range found {
		kinds[path] = strings.Join(slices.Sorted(maps.Keys(set)), "|")
	}

	return kinds, nil
}

// collect notes the kind of a value and of all values within it.
func collect(found map[string]map[string]bool, path string, value any) {
	if found[path] == nil {
		found[path] = map[string]bool{}
	}

	found[path][KindOf(value)] = true

	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			collect(found, strings.TrimPrefix(path+"."+name, "."), member)
		}
	case []any:
		for _, element := range value {
			collect(found, path+"[]", element)
		}
	}
}

// KindOf is the kind of a value that encoding/json has decoded.
func KindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}

	return "object"
}

// KindsDiffer lists, in alphabetical order, the paths that two JSON texts both
// have and at which their values are of different kinds. Members that only one
// of them has are left out.
func KindsDiffer(recorded, answered []byte) ([]string, error) {
	want, err := Kinds(recorded)
	if err != nil {
		return nil, err
	}

	got, err := Kinds(answered)
	if err != nil {
		return nil, err
	}

	var differences []string
	for _, path := range slices.Sorted(maps.Keys(want)) {
		kind, both := got[path]
		if both && kind != want[path] {
			differences = append(differences, fmt.Sprintf("%q is %s, recorded %s", path, kind, want[path]))
		}
	}

	return differences, nil
}
