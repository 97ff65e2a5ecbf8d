package faults

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// Errors are reported for each invalid member.
func TestParseOrderNamesWhatIsWrong(t *testing.T) {
	for body, want := range map[string]string{
		``:                                          "body",
		`[]`:                                        "body",
		`null`:                                      "body",
		`{"fault":"rate_limited","times":1} x`:      "body",
		`{"times":1}`:                               "fault",
		`{"fault":"nonsense","times":1}`:            "fault",
		`{"fault":7,"times":1}`:                     "fault",
		`{"fault":"rate_limited"}`:                  "times",
		`{"fault":"rate_limited","times":0}`:        "times",
		`{"fault":"rate_limited","times":-1}`:       "times",
		`{"fault":"rate_limited","times":1.5}`:      "times",
		`{"fault":"rate_limited","times":"1"}`:      "times",
		`{"fault":"rate_limited","times":null}`:     "times",
		`{"fault":"rate_limited","times":10000000}`: "times",
		`{"fault":"rate_limited","times":1,"probability":0.5}`:                  "probability",
		`{"fault":"rate_limited","probability":1.01}`:                           "probability",
		`{"fault":"rate_limited","probability":-0.1}`:                           "probability",
		`{"fault":"rate_limited","times":1,"seed":1}`:                           "seed",
		`{"fault":"rate_limited","probability":1,"seed":-1}`:                    "seed",
		`{"fault":"rate_limited","times":1,"often":2}`:                          "often",
		`{"fault":"rate_limited","times":1,"objects":5}`:                        "objects",
		`{"fault":"rate_limited","times":1,"status":500}`:                       "status",
		`{"fault":"error_before","times":1,"status":404}`:                       "status",
		`{"fault":"error_before","times":1,"status":501}`:                       "status",
		`{"fault":"error_before","times":1,"duration":"1s"}`:                    "duration",
		`{"fault":"slow_answer","times":1,"duration":"fast"}`:                   "duration",
		`{"fault":"slow_answer","times":1,"duration":"-1s"}`:                    "duration",
		`{"fault":"slow_answer","times":1,"duration":5}`:                        "duration",
		`{"fault":"lagging_lists","times":1,"duration":"61m"}`:                  "duration",
		`{"fault":"one_timestamp","times":1,"objects":1}`:                       "objects",
		`{"fault":"rate_limited","times":1,"match":[]}`:                         "match",
		`{"fault":"rate_limited","times":1,"match":{"kind":"move"}}`:            "match.kind",
		`{"fault":"rate_limited","times":1,"match":{"by":"me"}}`:                "match.by",
		`{"fault":"rate_limited","times":1,"match":{"verb":"GET"}}`:             "match.verb",
		`{"fault":"rate_limited","times":1,"match":{"path":1}}`:                 "match.path",
		`{"fault":"lagging_lists","times":1,"match":{"kind":"create"}}`:         "match.kind",
		`{"fault":"blocked_content","times":1,"status":500}`:                    "status",
		`{"fault":"blocked_content","times":1,"pattern":""}`:                    "pattern",
		`{"fault":"blocked_content","times":1,"match":{"kind":"list"}}`:         "match.kind",
		`{"fault":"moved_readonly","times":1,"status":403}`:                     "status",
		`{"fault":"foreign_answer","times":1,"form":"xml"}`:                     "form",
		`{"fault":"foreign_answer","times":1,"form":"http"}`:                    "form",
		`{"fault":"foreign_answer","times":1,"done":"yes"}`:                     "done",
		`{"fault":"wrong_success","times":1,"form":"html"}`:                     "form",
		`{"fault":"slow_list","times":1,"page":0}`:                              "page",
		`{"fault":"slow_list","times":1,"status":504}`:                          "status",
		`{"fault":"forbidden_item","times":1,"nth":1,"pattern":"x"}`:            "nth",
		`{"fault":"nonsense","status":1,"x":1,"match":{"kind":"k","by":false}}`: "fault match.by match.kind status times x",
	} {
		_, err := ParseOrder([]byte(body))
		var refused Refused
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", body, err)
			continue
		}

		var fields []string
		for _, one := range refused {
			fields = append(fields, one.Field)
		}

		if slices.Sort(fields); strings.Join(fields, " ") != want {
			t.Errorf("%s: %s, want %s", body, refused, want)
		}
	}
}

// The two notations say the same.
func TestFlagAndBodyAreOne(t *testing.T) {
	for flag, body := range map[string]string{
		"github=rate_limited:times=3":                                                               `{"fault":"rate_limited","times":3}`,
		"slack=lost_answer:probability=0.1:seed=7":                                                  `{"fault":"lost_answer","probability":0.1,"seed":7}`,
		"jira=error_before:times=2:status=504:kind=create:by=any":                                   "",
		"jira=error_before:times=2:status=504:kind=create:by=anyone:method=POST:path=/rest/*/issue": `{"fault":"error_before","times":2,"status":504,"match":{"kind":"create","by":"anyone","method":"POST","path":"/rest/*/issue"}}`,
		"gitlab=lagging_lists:times=2:duration=1m30s":                                               `{"fault":"lagging_lists","times":2,"duration":"1m30s"}`,
		"gitlab=foreign_answer:times=2:form=login:done=true":                                        `{"fault":"foreign_answer","times":2,"form":"login","done":true}`,
		"gitlab=slow_list:times=2:page=25":                                                          `{"fault":"slow_list","times":2,"page":25}`,
		"gitlab=forbidden_item:probability=1:nth=3":                                                 `{"fault":"forbidden_item","probability":1,"nth":3}`,
		"gitlab=blocked_content:times=2:pattern=/etc/*":                                             `{"fault":"blocked_content","times":2,"pattern":"/etc/*"}`,
		"github=rate_limited":                                                                       "",
		"github=rate_limited:times=many":                                                            "",
		"github=rate_limited:times":                                                                 "",
		"github=rate_limited:times=1:times=2":                                                       "",
		"github=rate_limited:times=1:fault=captcha":                                                 "",
		"github=rate_limitd:times=1":                                                                "",
		"rate_limited:times=3":                                                                      "",
		"=rate_limited:times=3":                                                                     "",
		"":                                                                                          "",
	} {
		fakeServer, got, err := ParseFlag(flag)
		if body == "" {
			if err == nil {
				t.Errorf("%q is taken: %+v", flag, got)
			} else if !strings.Contains(err.Error(), `"`+flag+`"`) {
				t.Errorf("%q: the error does not say which flag: %v", flag, err)
			}

			continue
		}

		want, wrong := ParseOrder([]byte(body))
		if err != nil || wrong != nil || !reflect.DeepEqual(got, want) || !strings.HasPrefix(flag, fakeServer+"=") {
			t.Errorf("%q: %s %+v, %v; want %+v, %v", flag, fakeServer, got, err, want, wrong)
		}
	}
}

// FuzzParseOrder: whatever is taken can be written down and read again as the
// same, and keeps to its bounds.
func FuzzParseOrder(f *testing.F) {
	f.Add(`{"fault":"rate_limited","times":3,"duration":"5s","match":{"kind":"create","path":"/a/*"}}`)
	f.Add(`{"fault":"lost_answer","probability":0.25,"seed":1}`)
	f.Add(`{"fault":"one_timestamp","times":1,"objects":300}`)
	f.Add(`{"fault":"blocked_content","times":1,"pattern":"a*b","status":406}`)
	f.Add(`{"fault":"foreign_answer","times":1,"form":"empty","done":true}`)
	f.Fuzz(func(t *testing.T, body string) {
		o, err := ParseOrder([]byte(body))
		if err != nil {
			if o != (Order{}) {
				t.Errorf("refused, and yet %+v", o)
			}
			return
		}

		if (o.Probability == nil) == (o.Times == 0) || o.Times < 0 || o.Times > maxTimes || o.Duration.long() < 0 || o.Duration.long() > 24*time.Hour {
			t.Errorf("%+v", o)
		}

		written, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}

		again, err := ParseOrder(written)
		if err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%s becomes %s: %+v, %+v, %v", body, written, o, again, err)
		}
	})
}

func FuzzParseFlag(f *testing.F) {
	f.Add("github=rate_limited:times=3")
	f.Add("slack=lost_answer:probability=0.1:path=/a=b/*")
	f.Fuzz(func(t *testing.T, text string) {
		fakeServer, o, err := ParseFlag(text)
		if _, known := define(o.Fault); err == nil && (fakeServer == "" || !known) {
			t.Errorf("%q: %q %+v", text, fakeServer, o)
		}
	})
}
