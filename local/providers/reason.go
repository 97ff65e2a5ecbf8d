package providers

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// SendReason sends an answer without a body and with a reason on the
// status line, where some servers say why they refuse. net/http cannot do that,
// so the connection is taken over and closed. HTTP/2 has no reason: there,
// and where the connection cannot be taken over, the answer has none.
func SendReason(w http.ResponseWriter, status int, reason string) {
	header := w.Header()
	header.Set("Content-Length", "0")

	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(status)
		return
	}

	defer conn.Close()

	if header.Get("Date") == "" {
		header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}

	header.Set("Connection", "close")

	_, _ = fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\n", status, oneLine(reason))
	_ = header.Write(buffered)
	_, _ = buffered.WriteString("\r\n")
	_ = buffered.Flush()
}

// oneLine replaces characters that would end the status line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}

		return r
	}, text)
}
