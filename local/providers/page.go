package providers

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
)

//go:embed page.html
var head string

// ParsePages reads templates of pages. They may begin with {{template "head"
// .Title}}, which has their common style.
func ParsePages(source string) *template.Template {
	return template.Must(template.Must(template.New("page").Parse(head)).Parse(source))
}

// Show answers with a page. Nothing on it is loaded from elsewhere, and no
// script runs.
func Show(w http.ResponseWriter, pages *template.Template, name string, data any) {
	var content bytes.Buffer
	if err := pages.ExecuteTemplate(&content, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}

	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	_, _ = w.Write(content.Bytes())
}

// Indent formats JSON for people.
func Indent(body json.RawMessage) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return string(body)
	}
	return text.String()
}
