package mantisbt

import (
	"bytes"
	"errors"
	"io"

	"example.com/integrations/shared/jsonstream"
)

const (
	// pageBody bounds an issue with all its notes.
	pageBody = 32 << 20
	// whole is what an object is made of, brief what its place is.
	whole = "id,summary,description,additional_information,project,status,sticky,created_at,updated_at"
	brief = "id,sticky,updated_at"
)

var errNoIssue = errors.New("no issue")

// exhausted reports whether an answer is PHP's error of a page that was too large
// for it, which comes with status 200 where errors are shown
// (https://www.php.net/manual/en/ini.core.php#ini.memory-limit).
func exhausted(body []byte) bool {
	return bytes.Contains(body, []byte("Allowed memory size of")) || bytes.Contains(body, []byte("Maximum execution time of"))
}

// only reads an answer that holds one issue.
func only(body []byte) (issue, error) {
	var all []issue
	err := eachIssue(bytes.NewReader(body), func(i issue) { all = append(all, i) })
	if err != nil || len(all) != 1 || all[0].ID <= 0 {
		return issue{}, errNoIssue
	}
	return all[0], nil
}

// eachIssue reads {"issues": […]} one issue at a time. It holds nothing of the
// members that are not read.
func eachIssue(body io.Reader, each func(issue)) error {
	r := jsonstream.NewReader(body)
	found := false
	err := r.Object(func(name string) error {
		if name != "issues" {
			return nil
		}
		if found {
			return errNoIssue
		}

		found = true

		return jsonstream.Elements(r, each)
	})
	if err != nil {
		return err
	}
	if !found {
		return errNoIssue
	}

	rest, err := r.Rest(maxNotices)
	if err != nil {
		return err
	}
	// PHP's notices behind an answer do no harm. Other text does.
	if string(withoutNotices(append([]byte("}"), rest...))) != "}" {
		return errNoIssue
	}

	return nil
}
