package loader_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"integrations/local/loader"
)

// bus keeps what it takes and refuses some of it the first time.
type bus struct {
	calls  [][]types.PutEventsRequestEntry
	refuse func(call, entry int) bool
}

func (b *bus) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	out := &eventbridge.PutEventsOutput{}
	var taken []types.PutEventsRequestEntry
	for i, entry := range in.Entries {
		var result types.PutEventsResultEntry
		if b.refuse != nil && b.refuse(len(b.calls), i) {
			result.ErrorCode, result.ErrorMessage = aws.String("InternalFailure"), aws.String("again")
			out.FailedEntryCount++
		} else {
			taken = append(taken, entry)
		}
		out.Entries = append(out.Entries, result)
	}
	b.calls = append(b.calls, taken)
	return out, nil
}

func (b *bus) taken() (details []string) {
	for _, call := range b.calls {
		for _, entry := range call {
			details = append(details, *entry.DetailType+" "+*entry.Detail)
		}
	}
	return details
}

func load(t *testing.T, b *bus, lines string) (int, error) {
	t.Helper()
	return loader.Loader{Client: b, Bus: "bus", Source: "platform", DetailType: "item.created"}.Load(t.Context(), strings.NewReader(lines))
}

func TestBatchesOfTen(t *testing.T) {
	b := &bus{}
	sent, err := load(t, b, strings.Repeat("{\"id\":\"1\"}\n\n", 23))
	if err != nil || sent != 23 || len(b.calls) != 3 || len(b.calls[0]) != 10 || len(b.calls[2]) != 3 {
		t.Errorf("%d sent in %d calls, %v", sent, len(b.calls), err)
	}
	if entry := b.calls[0][0]; *entry.EventBusName != "bus" || *entry.Source != "platform" {
		t.Errorf("entry %+v", entry)
	}
}

func TestBatchesStayBelowTheBusLimit(t *testing.T) {
	b := &bus{}
	line := `{"description":"` + strings.Repeat("x", 64<<10) + `"}` + "\n"
	if sent, err := load(t, b, strings.Repeat(line, 10)); err != nil || sent != 10 {
		t.Fatalf("%d, %v", sent, err)
	}
	for _, call := range b.calls {
		if size := len(call) * len(line); size > 256<<10 {
			t.Errorf("a call of %d bytes", size)
		}
	}
}

func TestWhatIsRefusedIsSentAgain(t *testing.T) {
	b := &bus{refuse: func(call, entry int) bool { return call == 0 && entry%2 == 1 }}
	sent, err := load(t, b, "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
	if err != nil || sent != 4 || len(b.taken()) != 4 || len(b.calls) != 2 {
		t.Errorf("%d sent, taken %v, %v", sent, b.taken(), err)
	}
}

func TestWhatIsAlwaysRefusedIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bus{refuse: func(int, int) bool { return true }}
		if sent, err := load(t, b, "{}\n"); err == nil || sent != 0 || err.Error() != "lines 1 to 1: InternalFailure: again" || len(b.calls) != 5 {
			t.Errorf("%d sent in %d calls, %v", sent, len(b.calls), err)
		}
	})
}

func TestLinesMayNameTheirType(t *testing.T) {
	b := &bus{}
	if _, err := load(t, b, `{"detail_type":"item.updated","time":"x","detail":{"id":"2"}}`); err != nil {
		t.Fatal(err)
	}
	if got := b.taken(); got[0] != `item.updated {"id":"2"}` {
		t.Errorf("%v", got)
	}
}

func TestItemsMayChangeTheirOrganisation(t *testing.T) {
	b := &bus{}
	l := loader.Loader{Client: b, DetailType: "item.created", Organisation: "42"}
	if _, err := l.Load(t.Context(), strings.NewReader(`{"id":"9007199254740993","organisation_id":"1","n":1.50}`)); err != nil {
		t.Fatal(err)
	}
	if got := b.taken(); got[0] != `item.created {"id":"9007199254740993","n":1.50,"organisation_id":"42"}` {
		t.Errorf("%v", got)
	}
}

func TestABadLineIsNamed(t *testing.T) {
	if _, err := load(t, &bus{}, "{}\n\nnot json\n"); err == nil || !strings.HasPrefix(err.Error(), "line 3: ") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refusing := &bus{refuse: func(int, int) bool { return true }}
	if _, err := (loader.Loader{Client: refusing}).Load(ctx, strings.NewReader("{}")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
