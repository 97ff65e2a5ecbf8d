package environment

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"example.com/integrations/docs/openapi"
)

//go:embed reference.html
var referencePage []byte

//go:embed reference.js
var referenceScript []byte

// swaggerLibrary is the npm package that draws the page, files what is taken of it.
const swaggerLibrary = "node_modules/swagger-ui-dist"

var swaggerFiles = []string{"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}

// referencePolicy lets the page use what is served beside it and nothing else. The
// library styles some of its elements in place.
const referencePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// newReference serves the API document (/openapi.json) and a page that shows it
// (/reference/), which loads nothing from elsewhere. root is the folder that npm has
// installed its packages in, api the address that the document names.
func newReference(root, api string) (http.Handler, error) {
	document, err := locatedDocument(api)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	give := func(path, media string, content []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			w.Header().Set("Content-Security-Policy", referencePolicy)
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Referrer-Policy", "no-referrer")
			_, _ = w.Write(content)
		})
	}

	give("/openapi.json", "application/json", document)
	give("/reference/{$}", "text/html; charset=utf-8", referencePage)
	give("/reference/start.js", "text/javascript; charset=utf-8", referenceScript)
	for _, name := range swaggerFiles {
		content, err := os.ReadFile(filepath.Join(root, swaggerLibrary, name))
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%s is missing: run `npm ci --ignore-scripts`", filepath.Join(swaggerLibrary, name))
		}
		if err != nil {
			return nil, err
		}

		give("/reference/"+name, mediaOf[filepath.Ext(name)], content)
	}

	return mux, nil
}

var mediaOf = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}

// locatedDocument is the document with the address at which the API is to be found.
func locatedDocument(api string) ([]byte, error) {
	document, err := openapi.Document()
	if err != nil {
		return nil, err
	}

	parsed, err := openapi.Parse(document)
	if err != nil {
		return nil, err
	}

	parsed["servers"] = []any{map[string]any{"url": api}}

	return json.Marshal(parsed)
}
