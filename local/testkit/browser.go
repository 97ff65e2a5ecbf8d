package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long the browser may take: longer than on a slow machine.
const patience = 10 * time.Minute

// A Page is what the browser made of a page.
type Page struct {
	t *testing.T
	// DOM is the document as it stands, Console what the browser complained of.
	DOM     string
	Console []string
	report  report
}

// report is what the probe in the page sends once it is laid out.
type report struct {
	Text  string   `json:"text"`  // what a person can read
	Wide  []string `json:"wide"`  // elements that stick out of the page
	Alarm []string `json:"alarm"` // the texts of alarms
}

// probe measures the page. It is added on the way to the browser, since the
// pages themselves run no scripts.
const probe = `<script nonce="probe">addEventListener("load", () => {
  const wide = [], root = document.documentElement;
  for (const e of document.body.querySelectorAll("*")) {
    const box = e.getBoundingClientRect();
    let clipped = false;
    for (let p = e.parentElement; p; p = p.parentElement) { if (getComputedStyle(p).overflowX !== "visible") clipped = true; }
    const sticks = e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline" && e.clientWidth > 0;
    if (box.width > 0 && (!clipped && box.right > root.clientWidth + 1 || sticks)) wide.push(e.tagName + "." + e.className + ": " + e.textContent.slice(0, 60));
  }
  const out = document.createElement("script");
  out.type = "application/json"; out.id = "probe";
  out.textContent = JSON.stringify({text: document.body.innerText, wide, alarm: [...document.querySelectorAll(".alarm")].map(e => e.innerText)}).replaceAll("<", "\\u003c");
  root.append(out);
})</script>`

// OpenPage opens a page as a person would, and keeps a picture of it where
// SCREENSHOTS names a folder. Without a browser the test is skipped.
func OpenPage(t *testing.T, address, name string) *Page {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium in PATH: what pages look like is not tested")
	}

	seen := address
	measured := probed(t, address)
	if folder := os.Getenv("SCREENSHOTS"); folder != "" {
		run(t, program, "--screenshot="+filepath.Join(folder, name+".png"), "--window-size=1900,12000", seen)
	}

	dom, complaints := run(t, program, "--dump-dom", "--window-size=1280,1000", measured)
	p := &Page{t: t, DOM: dom}
	for line := range strings.SplitSeq(complaints, "\n") {
		if strings.Contains(line, ":CONSOLE") {
			p.Console = append(p.Console, line)
		}
	}

	groups := regexp.MustCompile(`(?s)<script type="application/json" id="probe">(.*?)</script>`).FindStringSubmatch(dom)
	if groups == nil || json.Unmarshal([]byte(groups[1]), &p.report) != nil {
		t.Fatalf("%s: the page was not measured: %.400s", address, dom)
	}

	return p
}

// probed serves a page with the probe in it.
func probed(t *testing.T, address string) string {
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}

	origin := *to
	origin.Path = ""
	origin.RawQuery = ""
	proxy := httputil.NewSingleHostReverseProxy(&origin)
	proxy.ModifyResponse = func(r *http.Response) error {
		policy := r.Header.Get("Content-Security-Policy")
		r.Header.Set("Content-Security-Policy", policy+"; script-src 'nonce-probe'")
		return appendTo(r, probe)
	}

	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)

	return server.URL + to.RequestURI()
}

// appendTo puts something behind what an answer holds.
func appendTo(r *http.Response, more string) error {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}

	content = append(content, more...)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	r.Header.Set("Content-Length", strconv.Itoa(len(content)))

	return nil
}

// run runs the browser with a profile of its own.
func run(t *testing.T, program string, args ...string) (out, complaints string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--enable-logging=stderr", "--virtual-time-budget=5000",
		"--user-data-dir=" + t.TempDir(),
	}, args...)
	command := exec.CommandContext(ctx, program, all...)
	var stdout, stderr strings.Builder
	command.Stdout = &stdout
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.String())
	}

	return stdout.String(), stderr.String()
}

// Text is what a person can read.
func (p *Page) Text() string { return p.report.Text }

// Count is how many elements of a kind there are.
func (p *Page) Count(tag string) int {
	return len(regexp.MustCompile(`<`+tag+`[ >]`).FindAllString(p.DOM, -1))
}

// Alarms are the texts of what the page warns of.
func (p *Page) Alarms() []string { return p.report.Alarm }

// Clean fails the test if the browser complained of anything, or something
// sticks out of where it belongs.
func (p *Page) Clean() {
	p.t.Helper()
	for _, line := range p.Console {
		p.t.Errorf("the browser says: %s", html.UnescapeString(line))
	}

	for _, one := range p.report.Wide {
		p.t.Errorf("it sticks out: %s", one)
	}
}
