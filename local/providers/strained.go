package providers

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// Strained is in front of a fake server's API. It answers lists as an overloaded
// server or a server behind a proxy does.
type Strained struct {
	Next http.Handler
	// Most is the largest page that is answered. Larger ones are 504. 0: any.
	Most int
	// Host replaces the host in Link and Location, "" leaves it.
	Host string
	// Oversized is how many bytes of white space come before the first list, once.
	Oversized int64

	done    atomic.Bool
	refused atomic.Int64
}

// Refused is how many lists were not answered.
func (s *Strained) Refused() int { return int(s.refused.Load()) }

// pageSizes are the parameters for the size of a page.
var pageSizes = []string{"per_page", "maxResults", "page_size", "limit"}

// PageSize is how many objects a request asks for in one page, 0 if it has no
// such parameter.
func PageSize(r *http.Request) int {
	size := 0
	for _, name := range pageSizes {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil {
			size = n
		}
	}

	return size
}

// ServeHTTP is http.Handler's.
func (s *Strained) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	size := PageSize(r)
	if s.Most > 0 && size > s.Most {
		s.refused.Add(1)
		w.WriteHeader(http.StatusGatewayTimeout)
		return
	}

	oversized := size > 0 && s.Oversized > 0 && s.done.CompareAndSwap(false, true)
	s.Next.ServeHTTP(&strainedWriter{ResponseWriter: w, strained: s, asked: r.Host, oversized: oversized}, r)
}

type strainedWriter struct {
	http.ResponseWriter
	strained  *Strained
	asked     string
	oversized bool
}

// WriteHeader changes the headers before they leave.
func (w *strainedWriter) WriteHeader(status int) {
	if w.strained.Host != "" {
		for _, name := range []string{"Link", "Location"} {
			if value := w.Header().Get(name); value != "" {
				w.Header().Set(name, strings.ReplaceAll(value, "//"+w.asked+"/", "//"+w.strained.Host+"/"))
			}
		}
	}

	if w.oversized {
		w.Header().Del("Content-Length")
	}

	w.ResponseWriter.WriteHeader(status)
}

// Write puts the white space before the body.
func (w *strainedWriter) Write(b []byte) (int, error) {
	if w.oversized {
		w.oversized = false
		block := strings.Repeat(" ", 1<<20)
		for left := w.strained.Oversized; left > 0; left -= int64(len(block)) {
			if _, err := io.WriteString(w.ResponseWriter, block); err != nil {
				return 0, err
			}
		}
	}

	return w.ResponseWriter.Write(b)
}
