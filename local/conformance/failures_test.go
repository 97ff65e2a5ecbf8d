package conformance

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// statuses are those a provider, or something on the way to it, answers with.
var statuses = []int{
	301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 421, 422, 423, 424, 425, 428,
	429, 431, 451, 500, 501, 502, 503, 504, 505, 507, 520, 521, 522, 523, 524, 525, 526, 530, 599,
}

// Each status has its class: what is known about the request, and so what may
// be done next. A write leaves once, whatever comes of it.
func TestEachStatusHasItsClass(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		status := 0
		header := http.Header{}
		s, c := stage(t, k, func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range header {
				w.Header()[name] = values
			}

			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, `{"message":"words of the provider"}`)
		})

		checked := 0
		for _, op := range operations(c) {
			for _, n := range statuses {
				for _, told := range []bool{false, true} {
					if status, header = n, (http.Header{}); told {
						header.Set("Retry-After", "7")
					}

					_, before := s.counted()
					err := op.do(t.Context(), c, k)
					what := fmt.Sprintf("%s %d (told to wait: %v)", op.name, n, told)
					e := failureOf(t, what, err)
					if want, why := k.class(op.name, n, header); e.Class != want {
						t.Errorf("%s: %s (%s), want %s%s", what, e.Class, e.Code, want, why)
					}

					if e.Class == failure.Retryable && told && e.Wait.Seconds() != 7 && n != 408 && k.waits[n] == "" {
						t.Errorf("%s: waits %s", what, e.Wait)
					}

					if n == 401 && e.Scope != failure.IntegrationScope {
						t.Errorf("%s: concerns one item only", what)
					}

					most := 1
					if k.again[fmt.Sprint(op.name, " ", n)] != "" {
						most = 2
					}

					if _, after := s.counted(); after-before > most {
						t.Errorf("%s: %d writes left", what, after-before)
					}

					checked++
				}
			}
		}

		t.Logf("%d answers classified", checked)
	})
}

// class is what a status means: what HTTP says, unless the provider means
// something else by it.
func (k kit) class(op string, status int, header http.Header) (failure.Class, string) {
	told := ""
	if header.Get("Retry-After") != "" {
		told = " told"
	}

	for _, key := range []string{fmt.Sprint(op, " ", status, told), fmt.Sprint("any ", status, told), fmt.Sprint(op, " ", status), fmt.Sprint("any ", status)} {
		if e, ok := k.classes[key]; ok {
			return e.class, ": " + e.reason
		}
	}

	method := http.MethodGet
	if creates(op) || op == "update" && !k.readsFirst() {
		method = http.MethodPost
	}

	return outbound.Classify(method, status, header), ""
}

// readsFirst says that an update begins with a read, which then is what fails.
func (k kit) readsFirst() bool {
	_, reads := k.classes["update reads first"]
	return reads
}

// A call that is given up ends at once, and nothing is asked after it.
func TestGivenUp(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		arrived := make(chan struct{}, 100)
		s, c := stage(t, k, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			arrived <- struct{}{}
			<-r.Context().Done()
		})
		for _, op := range operations(c) {
			before, _ := s.counted()
			ctx, err := connectortest.GiveUp(t, arrived, func(ctx context.Context) error { return op.do(ctx, c, k) })
			e := failureOf(t, op.name, err)
			if after, _ := s.counted(); after != before+1 {
				t.Errorf("%s: %d requests, the last after it was given up", op.name, after-before)
			}

			if creates(op.name) && e.Class != failure.Ambiguous {
				t.Errorf("a create that had left is %s", e.Class)
			}

			if err := op.do(ctx, c, k); err == nil {
				t.Errorf("%s succeeds in a context that is over", op.name)
			}

			if after, _ := s.counted(); after != before+1 {
				t.Errorf("%s: asks in a context that is over", op.name)
			}
		}
	})
}

// No error shows a secret, however the provider repeats it.
func TestNoSecretInAnyError(t *testing.T) {
	everyKit(t, func(t *testing.T, k kit) {
		for _, secret := range k.secrets {
			forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), strings.ToUpper(secret)}
			body := fmt.Sprintf(`{"message":"you said %[1]s","error":"%[1]s","errorMessages":["%[1]s"],"errors":{"summary":"%[1]s"},"detail":"%[2]s"}`,
				strings.Join(forms, " and "), secret)
			status := 0
			_, c := stage(t, k, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://"+host+"/"+url.PathEscape(secret)+"?token="+url.QueryEscape(secret))
				for _, name := range []string{"X-Request-Id", "X-Github-Request-Id", "Atl-Traceid", "X-Slack-Req-Id", "Cf-Ray", "Retry-After", "Link"} {
					w.Header().Set(name, secret)
				}

				w.WriteHeader(status)
				fmt.Fprint(w, body)
			})
			for _, op := range operations(c) {
				for _, n := range append([]int{200, 201, 204}, statuses...) {
					status = n
					err := op.do(t.Context(), c, k)
					if err == nil {
						continue
					}

					shown := fmt.Sprintf("%v %+v", err, failureOf(t, op.name, err))
					for _, form := range forms[:4] {
						if strings.Contains(shown, form) {
							t.Errorf("%s %d shows the secret: %s", op.name, n, strings.ReplaceAll(shown, form, "(it)"))
						}
					}
				}
			}
		}
	})
}

// Answers that are no answers: each ends in an error that leaves a create open,
// within bounds.
func TestAnswersThatAreNone(t *testing.T) {
	deep := strings.Repeat(`[`, 200_000)
	endless := strings.Repeat("x", 1<<16)
	for name, answer := range map[string]http.HandlerFunc{
		"empty":          func(http.ResponseWriter, *http.Request) {},
		"null":           func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "null") },
		"a word":         func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "maintenance") },
		"HTML":           func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html><title>Log in</title>") },
		"another object": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a":1}`) },
		"wrong types": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"id":[],"number":{},"key":1,"iid":"x","issue":7}`)
		},
		"half an object": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id":1,"number":`) },
		"deeply nested":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, deep) },
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"id":1`)
		},
		"no answer at all": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, endless); err != nil {
					return
				}
			}
		},
		"a bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 1 << 12 { // a quarter of a gigabyte, a few hundred kilobytes on the wire
				if _, err := io.WriteString(z, endless); err != nil {
					return
				}
			}

			_ = z.Close()
		},
	} {
		everyKit(t, func(t *testing.T, k kit) {
			s, c := stage(t, k, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				answer(w, r)
			})
			for _, op := range operations(c) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, wrote := s.counted()
				err := op.do(t.Context(), c, k)
				runtime.ReadMemStats(&after)
				if why := k.proven[name]; err == nil && why != "" {
					continue
				}

				if err == nil {
					t.Errorf("%s: %s passes for an answer", name, op.name)
					continue
				}

				e := failureOf(t, name+": "+op.name, err)
				if creates(op.name) && e.Class != failure.Ambiguous {
					t.Errorf("%s: a create is %s (%s): it may be there", name, e.Class, e.Code)
				}

				if _, now := s.counted(); now-wrote > 1 {
					t.Errorf("%s: %s: %d writes left", name, op.name, now-wrote)
				}

				if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 160 {
					t.Errorf("%s: %s took %d MiB", name, op.name, grown)
				}
			}
		})
	}
}
