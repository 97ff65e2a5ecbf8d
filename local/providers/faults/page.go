package faults

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed form.html
var formSource string

var formTemplate = template.Must(template.New("form").Parse(formSource))

// Form is the part of a fake server's page that shows the kit and controls it.
func (k *Kit) Form() (template.HTML, error) {
	if k == nil {
		return "", nil
	}

	state := k.State()
	var out bytes.Buffer
	var done []Known
	for _, one := range state.Faults {
		if one.Applied > 0 {
			done = append(done, one)
		}
	}

	err := formTemplate.Execute(&out, map[string]any{"State": state, "Done": done, "Kinds": kinds})

	return template.HTML(out.String()), err
}

// Wanted is what a match selects, in one line.
func (m Match) Wanted() string {
	all := ""
	for _, one := range []string{m.By, string(m.Kind), m.Method, m.Path} {
		if one != "" {
			all += " " + one
		}
	}

	return all
}

// form accepts what the page sends: texts, of which empty ones count as absent.
func (k *Kit) form(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
	if err := r.ParseForm(); err != nil {
		refuseOrder(w, Refused{{Field: "body", Detail: err.Error()}})
		return
	}

	if r.PostForm.Has("off") {
		k.Clear(r.PostForm.Get("off"), "")
		http.Redirect(w, r, "/#faults", http.StatusSeeOther)
		return
	}

	given := map[string]string{}
	for name := range r.PostForm {
		if value := r.PostForm.Get(name); value != "" {
			given[name] = value
		}
	}

	o, err := fromTexts(given)
	if err == nil {
		_, err = k.Add(o)
	}

	if err != nil {
		refuseOrder(w, err)
		return
	}

	http.Redirect(w, r, "/#faults", http.StatusSeeOther)
}
