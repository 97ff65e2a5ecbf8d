package syncqueue

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A sender keeps what it is given.
type sender struct {
	in  *sqs.SendMessageInput
	err error
}

func (s *sender) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	s.in = in
	return &sqs.SendMessageOutput{}, s.err
}

func TestSend(t *testing.T) {
	s := &sender{}
	if err := New(s, "https://queue").Send(t.Context(), 1001, 501, 9); err != nil {
		t.Fatal(err)
	}

	if *s.in.QueueUrl != "https://queue" || *s.in.MessageGroupId != "1001" || s.in.MessageDeduplicationId != nil ||
		*s.in.MessageBody != `{"v":1,"organisation_id":"1001","integration_id":"501","run_id":"9"}` {
		t.Errorf("%s in group %s", *s.in.MessageBody, *s.in.MessageGroupId)
	}

	if got, err := Parse(*s.in.MessageBody); err != nil || got != (Message{1, 1001, 501, 9}) {
		t.Errorf("%+v, %v", got, err)
	}

	s.err = errors.New("away")
	if err := New(s, "q").Send(t.Context(), 1001, 501, 9); !errors.Is(err, s.err) || !strings.Contains(err.Error(), "run 9") {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, body := range []string{
		``, `x`, `{}`, `null`, `[]`, `{"v":2,"organisation_id":"1","integration_id":"2","run_id":"3"}`,
		`{"v":1,"organisation_id":"1","integration_id":"2"}`, `{"v":1,"integration_id":"2","run_id":"3"}`, `{"v":1,"organisation_id":"1","run_id":"3"}`,
		`{"v":1,"organisation_id":1,"integration_id":"2","run_id":"3"}`, `{"v":1,"organisation_id":"01","integration_id":"2","run_id":"3"}`,
		`{"v":1,"organisation_id":"1","integration_id":"2","run_id":"3","token":"x"}`,
		`{"v":1,"organisation_id":"1","integration_id":"2","run_id":"3"} x`, `{"v":1,"organisation_id":"1","integration_id":"2","run_id":"3"}{}`,
	} {
		if m, err := Parse(body); !errors.Is(err, ErrMalformed) || m != (Message{}) {
			t.Errorf("%s: %+v, %v", body, m, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"v":1,"organisation_id":"1","integration_id":"2","run_id":"3"}`)
	f.Add(`{"v":1}`)
	f.Add(` null `)
	f.Fuzz(func(t *testing.T, body string) {
		m, err := Parse(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}

		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}

		if again, err := Parse(string(b)); err != nil || again != m {
			t.Errorf("%s is %+v, and back %+v, %v", body, m, again, err)
		}
	})
}
