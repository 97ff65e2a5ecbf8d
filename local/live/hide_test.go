package live

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// The names that only the provider shows beside its id stay out of a recording:
// those of the groups of a place, and those that it had before.
func TestNamesThatTheProviderShows(t *testing.T) {
	for name, body := range map[string]string{
		"groups of GitLab": `{"id":7,"name":"Plans","name_with_namespace":"Big Bank / Tresor / Plans","namespace":{"id":3,"name":"Tresor","path":"acme"}}`,
		"a former name":    `{"ok":true,"channel":{"id":"7","name":"plans","previous_names":["tresor","big bank"]}}`,
		"a usual word":     `{"id":7,"name":"Plans","namespace":{"id":3,"name":"Projects"},"projects":[]}`,
		"a category":       `{"id":"7","key":"WORK","name":"Plans","projectCategory":{"id":"1","name":"Tresor"}}`,
	} {
		line := &Line{provider: domain.GitLab, public: "{}", host: "git.test", places: map[string]string{}, Recorder: &recording.Recorder{}}
		answers := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		})
		line.Recorder.Handler(answers).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/a", nil))
		line.Hide([]connector.Place{{ID: "7", Name: "acme/plans"}})

		var file strings.Builder
		if err := line.Save(&file); err != nil {
			t.Fatal(err)
		}

		if name == "a usual word" && !strings.Contains(file.String(), `"projects":[]`) {
			t.Error(file.String())
		}

		for _, gone := range []string{"big bank", "tresor", "plans"} {
			if strings.Contains(strings.ToLower(file.String()), gone) {
				t.Errorf("%s: %q is left in %s", name, gone, file.String())
			}
		}
	}
}
