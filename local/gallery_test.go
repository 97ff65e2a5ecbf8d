package main

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"integrations/local/browser"
	"integrations/local/gallery"
)

// The gallery shows ten items at seven providers, and nothing about them is
// wrong.
func TestGallery(t *testing.T) {
	server := httptest.NewServer(gallery.Handler(columns(filepath.Join("..", "..", "shared", "specs"))))
	t.Cleanup(server.Close)
	page := browser.Open(t, server.URL, "gallery")
	if n := page.Count("figure"); n != 70 {
		t.Errorf("%d cards, want 70", n)
	}
	for _, alarm := range page.Alarms() {
		t.Errorf("an alarm: %s", alarm)
	}
	page.Clean()
}
