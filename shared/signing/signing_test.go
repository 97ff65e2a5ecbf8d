package signing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	localkms "example.com/integrations/local/aws/secrets"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

const (
	keyARN  = "arn:aws:kms:eu-central-1:000000000000:key/99999999-2222-3333-4444-555555555555"
	otherID = "99999999-2222-3333-4444-666666666666"
	sealARN = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555"
)

var marker = connector.Marker{Integration: 1190000000000001027, Item: 4711, Attempt: 2}

// at is when the attempt is made.
var at = time.Date(2026, 11, 28, 9, 30, 15, 0, time.UTC)

// server is a client of a KMS over its real protocol. The same directory holds
// the same keys.
func server(t *testing.T, dir string) *kms.Client {
	t.Helper()
	handler, err := localkms.OpenKMS(dir, localkms.Symmetric(sealARN), localkms.HMAC256(keyARN), localkms.HMAC256(strings.Replace(keyARN, "555555555555", "666666666666", 1)))
	if err != nil {
		t.Fatal(err)
	}

	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)

	return kms.New(kms.Options{
		Region: "eu-central-1", BaseEndpoint: &s.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

func keyOf(t *testing.T, client MacGenerator, id string) Key {
	t.Helper()
	key, err := NewMarkers(client, id).MarkerKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return key
}

func fixed(t testing.TB) Key {
	t.Helper()
	key, err := NewKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}

	return key
}

// there is the signer of the place of most tests.
func there(k Key) Signer { return k.At("1296269", "2011-01-26T19:01:12Z") }

// Every instance of an installation derives the same key, today and after a
// restart; another key of KMS makes another one.
func TestTheSameKeyEverywhere(t *testing.T) {
	dir := t.TempDir()
	first := there(keyOf(t, server(t, dir), keyARN)).Sign(marker, at)
	again := there(keyOf(t, server(t, dir), keyARN))
	if !connector.IsTag(first.Tag) || again.Sign(marker, at) != first || !again.Valid(first) {
		t.Errorf("%+v, then %+v", first, again.Sign(marker, at))
	}

	for name, other := range map[string]Signer{
		"another KMS key": there(keyOf(t, server(t, dir), otherID)),
		"another account": there(keyOf(t, server(t, t.TempDir()), keyARN)),
	} {
		if other.Valid(first) || other.Sign(marker, at).Tag == first.Tag {
			t.Errorf("%s: the same signature", name)
		}
	}
}

// A known answer, computed with another implementation of RFC 5869: a change of
// the derivation would make all markers out there invalid.
func TestTheDerivationStays(t *testing.T) {
	if got := there(fixed(t)).Sign(marker, at).Tag; got != "abvqvhzhxlikuatpopiuazqk" {
		t.Errorf("the tag is %s", got)
	}
}

func TestEachPartIsSigned(t *testing.T) {
	key := there(fixed(t))
	signed := key.Sign(marker, at)
	if !key.Valid(signed) || !signed.NotBefore().Equal(at) || signed.Integration != marker.Integration || signed.Item != marker.Item || signed.Attempt != marker.Attempt {
		t.Fatalf("%+v", signed)
	}

	if key.Sign(signed, at) != signed {
		t.Error("a tag that is there counts")
	}

	for name, change := range map[string]func(*connector.Marker){
		"integration": func(m *connector.Marker) { m.Integration++ },
		"item":        func(m *connector.Marker) { m.Item++ },
		"attempt":     func(m *connector.Marker) { m.Attempt++ },
		"time": func(m *connector.Marker) {
			m.Tag = key.Sign(*m, at.Add(time.Second)).Tag[:connector.TagTimeSize] + m.Tag[connector.TagTimeSize:]
		},
		"swapped":       func(m *connector.Marker) { m.Integration, m.Item = m.Item, m.Integration },
		"no tag":        func(m *connector.Marker) { m.Tag = "" },
		"a short tag":   func(m *connector.Marker) { m.Tag = m.Tag[:connector.TagSize-1] },
		"a longer tag":  func(m *connector.Marker) { m.Tag += "a" },
		"in upper case": func(m *connector.Marker) { m.Tag = strings.ToUpper(m.Tag) },
	} {
		m := signed
		change(&m)
		if key.Valid(m) {
			t.Errorf("%s: valid", name)
		}
	}

	for n := range signed.Tag {
		for _, letter := range "abcdefghijklmnopqrstuvwxyz234567" {
			m := signed
			m.Tag = signed.Tag[:n] + string(letter) + signed.Tag[n+1:]
			if key.Valid(m) != (m.Tag == signed.Tag) {
				t.Errorf("letter %d as %c: valid %v", n, letter, key.Valid(m))
			}
		}
	}
}

// A marker is valid at its own place alone, also where the texts of id and time
// together are the same. A place without a time is signed too.
func TestThePlaceIsSigned(t *testing.T) {
	key := fixed(t)
	places := []Signer{
		key.At("1296269", "2011-01-26T19:01:12Z"),
		key.At("1296269", "2011-01-26T19:01:13Z"),
		key.At("1296269", ""),
		key.At("129626", "92011-01-26T19:01:12Z"),
		key.At("", "1296269"),
		key.At("", ""),
		key.At(strings.Repeat("1", 1<<16), ""),
	}

	for i, here := range places {
		signed := here.Sign(marker, at)
		for j, other := range places {
			if other.Valid(signed) != (i == j) {
				t.Errorf("signed at place %d: valid at place %d is %v", i, j, other.Valid(signed))
			}
		}
	}
}

// Digits that move from one part to the next make another marker.
func TestNoTwoMarkersHaveOneEncoding(t *testing.T) {
	signer := there(fixed(t))
	seen := map[string]connector.Marker{}
	for _, digits := range []string{"1234", "111111", "1200012", "9223372"} {
		for i := 1; i < len(digits)-1; i++ {
			for j := i + 1; j < len(digits); j++ {
				integration, err1 := domain.ParseSnowflake(digits[:i])
				item, err2 := domain.ParseSnowflake(digits[i:j])
				if err1 != nil || err2 != nil {
					continue
				}

				attempt := 0
				_, _ = fmt.Sscan(digits[j:], &attempt)
				m := connector.Marker{Integration: integration, Item: item, Attempt: attempt}
				if other, twice := seen[string(signer.encoded(m, at))]; twice && other != m {
					t.Errorf("%+v and %+v", m, other)
				}

				seen[string(signer.encoded(m, at))] = m
			}
		}
	}

	if len(seen) < 20 {
		t.Errorf("only %d markers", len(seen))
	}
}

func TestTheZeroKey(t *testing.T) {
	var none Key
	for _, signer := range []Signer{{}, there(none)} {
		if m := signer.Sign(connector.Marker{Integration: 1, Item: 2, Attempt: 3, Tag: "x"}, at); m.Tag != "" || signer.Valid(m) {
			t.Errorf("%+v", m)
		}
	}

	if _, err := NewKey([]byte("short")); !errors.Is(err, errShortRoot) {
		t.Error(err)
	}

	key := fixed(t)
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", key), fmt.Sprintf("%s", struct{ K Key }{key}),
		fmt.Sprintf("%+v", there(key)), fmt.Sprintf("%#v", there(key))} {
		if strings.Contains(text, fmt.Sprint(key.secret)) || !strings.Contains(text, "a key of markers") {
			t.Errorf("printed as %s", text)
		}
	}
}

// KMS refuses in its own words, and what it refused once is asked again.
func TestRefusals(t *testing.T) {
	client := server(t, t.TempDir())
	for id, want := range map[string]string{
		sealARN:                        "InvalidKeyUsageException",
		strings.TrimRight(keyARN, "5"): "NotFoundException",
	} {
		_, err := NewMarkers(client, id).MarkerKey(t.Context())
		var coded smithy.APIError
		if !errors.As(err, &coded) || coded.ErrorCode() != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// A flaky KMS fails some calls first, and counts all.
type flaky struct {
	fails atomic.Int32
	calls atomic.Int32
	// wait holds calls back until it is closed, began takes one word for each.
	wait, began chan struct{}
}

func (f *flaky) GenerateMac(ctx context.Context, in *kms.GenerateMacInput, _ ...func(*kms.Options)) (*kms.GenerateMacOutput, error) {
	f.calls.Add(1)
	if f.wait != nil {
		f.began <- struct{}{}
		select {
		case <-f.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}

	if f.fails.Add(-1) >= 0 {
		return nil, errors.New("KMS is away")
	}

	return &kms.GenerateMacOutput{KeyId: in.KeyId, Mac: bytes.Repeat([]byte{1}, 32)}, nil
}

func TestOneCallAnInstance(t *testing.T) {
	f := &flaky{}
	f.fails.Store(2)
	markers := NewMarkers(f, "k")
	for range 2 {
		if key, err := markers.MarkerKey(t.Context()); err == nil || key.secret != nil {
			t.Fatal("a failure gave a key")
		}
	}

	var all sync.WaitGroup
	tags := make([]string, 20)
	for i := range tags {
		all.Go(func() {
			key, err := markers.MarkerKey(t.Context())
			if err != nil {
				t.Error(err)
			}
			tags[i] = there(key).Sign(marker, at).Tag
		})
	}

	all.Wait()
	if len(slices.Compact(tags)) != 1 || tags[0] == "" || f.calls.Load() != 3 {
		t.Errorf("%d calls, tags %q", f.calls.Load(), tags)
	}
}

// Who waits for another one's call gives up when his own time is over.
func TestWaitingEnds(t *testing.T) {
	f := &flaky{wait: make(chan struct{}), began: make(chan struct{}, 1)}
	markers := NewMarkers(f, "k")
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := markers.MarkerKey(t.Context()); err != nil {
			t.Error(err)
		}
	})

	<-f.began

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := markers.MarkerKey(gone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	close(f.wait)
	first.Wait()
	if _, err := markers.MarkerKey(t.Context()); err != nil || f.calls.Load() != 1 {
		t.Error(err, f.calls.Load())
	}
}

// The parameters are those that the documentation names.
func TestWhatKMSIsAsked(t *testing.T) {
	var asked *kms.GenerateMacInput
	record := recorder(func(in *kms.GenerateMacInput) { asked = in })
	if _, err := NewMarkers(record, "k").MarkerKey(t.Context()); err != nil {
		t.Fatal(err)
	}

	if aws.ToString(asked.KeyId) != "k" || asked.MacAlgorithm != "HMAC_SHA_256" || string(asked.Message) != "integrations/root/v1" {
		t.Errorf("%+v", asked)
	}
}

type recorder func(*kms.GenerateMacInput)

func (r recorder) GenerateMac(_ context.Context, in *kms.GenerateMacInput, _ ...func(*kms.Options)) (*kms.GenerateMacOutput, error) {
	r(in)
	return &kms.GenerateMacOutput{Mac: make([]byte, 32)}, nil
}

// Whatever the marker, its tag verifies, and has the form that connectors read.
func FuzzSign(f *testing.F) {
	f.Add(int64(1), int64(2), 3, int64(1_700_000_000), strings.Repeat("a", connector.TagSize), "1", "2")
	f.Add(int64(1), int64(2), 3, int64(0), "", "1", "2")
	f.Add(int64(1), int64(2), 3, int64(-1), "", "1", "2")
	key := fixed(f)
	f.Fuzz(func(t *testing.T, integration, item int64, attempt int, seconds int64, tag, placeID, created string) {
		m := connector.Marker{Integration: domain.Snowflake(integration), Item: domain.Snowflake(item), Attempt: attempt}
		signer := key.At(placeID, created)
		notBefore := time.Unix(seconds%(1<<40), 0)
		signed := signer.Sign(m, notBefore)
		if told := signed.NotBefore(); told.Unix() != max(notBefore.Unix(), 0) && !(told.IsZero() && notBefore.Unix() <= 0) {
			t.Errorf("%s is read as %s", notBefore, told)
		}

		if !signer.Valid(signed) || !connector.IsTag(signed.Tag) {
			t.Errorf("%+v", signed)
		}

		if key.At(placeID+"0", created).Valid(signed) || key.At(created+"0", placeID).Valid(signed) {
			t.Errorf("%+v is valid at another place", signed)
		}

		m.Tag = tag
		if signer.Valid(m) != (m == signed) {
			t.Errorf("%+v is valid", m)
		}
	})
}
