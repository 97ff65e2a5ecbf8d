package gitlab

import (
	"fmt"
	"strings"
	"testing"
)

// Owners and planners may delete an issue, also of others. A role between them may
// not, nor may the author.
func TestDelete(t *testing.T) {
	for role, want := range map[int]int{Guest: 403, Planner: 204, Reporter: 403, Developer: 403, 40: 403, Owner: 204} {
		t.Run(fmt.Sprint(role), func(t *testing.T) {
			d := start(t, nil)
			d.create(`{"title":"her own"}`, "PRIVATE-TOKEN", person)
			d.create(`{"title":"another one's"}`)
			d.find("acme/sub/work").Roles = map[string]int{"maria": role, "sync-bot": Developer}

			for _, iid := range []string{"1", "2"} {
				at := work + "/issues/" + iid
				answer := d.send("DELETE", at, "", "PRIVATE-TOKEN", person)
				refused := answer.text == `{"message":"403 Forbidden"}`
				if answer.status != want || want == 204 && answer.text != "" || want == 403 && !refused {
					t.Fatalf("issue %s: %d %s, want %d", iid, answer.status, answer.text, want)
				}

				if want == 403 {
					d.do(200, "GET", at, "")
					continue
				}

				d.do(404, "GET", at, "")
				again := d.send("DELETE", at, "", "PRIVATE-TOKEN", person)
				if again.status != 404 || again.text != `{"message":"404 Issue Not Found"}` {
					t.Errorf("deleted twice: %d %s", again.status, again.text)
				}
			}

			d.noViolations()
		})
	}
}

// Nothing is deleted in an archived project, nor with a token that only reads.
func TestDeleteIsRefused(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"x"}`)
	if answer := d.send("DELETE", work+"/issues/1", "", "PRIVATE-TOKEN", reader); answer.status != 403 || !strings.Contains(answer.text, "insufficient_scope") {
		t.Errorf("%d %s", answer.status, answer.text)
	}

	d.find("acme/sub/work").Roles = map[string]int{"olga": Owner}
	d.find("acme/sub/work").Archived = true
	if answer := d.send("DELETE", work+"/issues/1", "", "PRIVATE-TOKEN", owner); answer.status != 403 {
		t.Errorf("%d %s", answer.status, answer.text)
	}
}
