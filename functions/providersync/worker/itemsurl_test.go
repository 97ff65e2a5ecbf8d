package worker

import "testing"

// The address of the list of items is a web page's. What a chat could not show as a
// link, or would show as another host, is refused when the service starts.
func TestParseItemsURL(t *testing.T) {
	for _, good := range []string{
		"",
		"https://app.example/{organisation_id}/{item_type}",
		"https://{organisation_id}.app.example/items?type={item_type}#all",
		"http://app.example/",
	} {
		got, err := ParseItemsURL(good)
		if err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}

	for _, bad := range []string{
		"javascript:alert(1)", "//app.example", "app.example", "ftp://app.example/", "https://", "https://user:pw@app.example/",
		"https://app.example/{organisation}", "https://app.example/{organisation_id", "https://app.example/ a", "https://app.example/\n", "https://app.example/\"><b>", "https://app.example/|x>",
	} {
		if got, err := ParseItemsURL(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}
